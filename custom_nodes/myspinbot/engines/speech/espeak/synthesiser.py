"""Run as a script: reads a request as JSON from stdin, speaks it once, writes messages to stdout.

A message is a kind (one byte), a length (big-endian, 4 bytes) and its content: `a` PCM, 16 bit, mono,
22050 Hz, unless the request is `silent`; `w` a word's {"ms", "position", "length"}; `p` a phoneme's
{"ms", "symbol"}, empty for a pause.
Only the standard library is used, so that it starts at once. The C API is that of speak_lib.h and
espeak_ng.h of espeak-ng 1.52.
"""

import ctypes
import json
import os
import struct
import sys
from typing import Any

_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE = 0x0001 | 0x0002 | 0x8000  # phoneme events, as IPA, and an error code instead of exit()
_RATE, _PITCH = 1, 3
_CHARS_UTF8 = 1
_SEED = 1  # of breath and flutter: Initialize takes the clock's second
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_silent = False  # of whom only words and phonemes are asked


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def _send(kind: bytes, content: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">cI", kind, len(content)) + content)
    sys.stdout.buffer.flush()


def _receive(wave: Any, count: int, events: Any) -> int:
    """The synthesiser's callback: returns 1 to stop it, as an exception can't cross the C code."""
    try:
        index = 0
        while events[index].type != _EVENT_END:
            event = events[index]
            if event.type == _EVENT_WORD:
                word = {"ms": event.audio_position, "position": event.text_position, "length": event.length}
                _send(b"w", json.dumps(word).encode())
            elif event.type == _EVENT_PHONEME:
                symbol = event.id.string.decode(errors="ignore")
                _send(b"p", json.dumps({"ms": event.audio_position, "symbol": symbol}).encode())
            index += 1
        if wave and count > 0 and not _silent:
            _send(b"a", ctypes.string_at(wave, count * 2))
    except OSError:  # nobody listens any more
        return 1
    return 0


def main() -> None:
    global _silent
    request = json.load(sys.stdin.buffer)
    _silent = request.get("silent", False)
    library: Any = ctypes.CDLL(request["library"])
    if library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, os.fsencode(request["data"]), _INITIALIZE) <= 0:
        sys.exit(f"its data in {request['data']} can't be read. Reinstall the package espeakng-loader.")
    library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        sys.exit(f"there is no voice {request['voice']}.")
    library.espeak_SetParameter(_RATE, request["rate"], 0)
    library.espeak_SetParameter(_PITCH, request["pitch"], 0)
    callback = _Callback(_receive)
    library.espeak_SetSynthCallback(callback)
    text = request["text"].encode()
    if library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _CHARS_UTF8, None, None) != 0:
        sys.exit("it could not speak the text.")


if __name__ == "__main__":
    main()
