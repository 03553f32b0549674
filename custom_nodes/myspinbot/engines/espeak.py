"""Speech from espeak-ng: small, offline, robotic, in more than a hundred languages.

The library and its data come inside the `espeakng-loader` wheel. It is spoken to through its C API
(speak_lib.h of espeak-ng 1.52), whose own events say when each word and phoneme begins.
"""

import ctypes
import functools
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .timings import Timings, closed

DEFAULT_WORDS_PER_MINUTE = 175
LONGEST_DATA_PATH = 159  # espeak-ng copies the path into a buffer of 160 bytes and fails beyond it

_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE = 0x0001 | 0x0002 | 0x8000  # phoneme events, as IPA, and an error code instead of exit()
_RATE, _PITCH = 1, 3
_CHARS_UTF8 = 1
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7

OnStep = Callable[[int, int], None]


class EspeakError(RuntimeError):
    """espeak-ng is missing, refused its data, or does not know the voice."""


@dataclass(frozen=True, slots=True)
class Speech:
    """`samples`: mono float32 (T,) within [-1, 1] at `sample_rate` Hz, and when its sounds are heard."""

    samples: npt.NDArray[np.float32]
    sample_rate: int
    timings: Timings


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


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("rest", ctypes.c_ubyte * 24),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_lock = threading.RLock()  # the library is one global machine


def speak(
    text: str,
    *,
    language: str = "en-us",
    voice: str = "default",
    speed: float = 1.0,
    pitch: int = 50,
    on_step: OnStep | None = None,
) -> Speech:
    """Read `text` aloud.

    Args:
        language: one of `languages()`.
        voice: "default" or one of `voices()`.
        speed: 1.0 is 175 words a minute; greater is faster; 0.46 to 2.57 reach the synthesiser's bounds.
        pitch: 0 to 99; 50 is the voice's own.
        on_step: called with characters read and characters in all; what it raises ends the speech.

    Raises:
        ValueError: no text, or a text without anything that can be spoken.
        EspeakError: the library can't be used or doesn't know the language or voice.
    """
    if not text.strip():
        raise ValueError("There is no text to speak. Write some text, or connect a node that gives it.")
    take = _Take(text, on_step)
    with _lock:
        library, sample_rate = _library()
        file = _voice_files().get(language, language)
        name = file if voice == "default" else f"{file}+{voice}"
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            raise EspeakError(f"espeak-ng has no voice {name!r}. Choose a language and a voice from the lists.")
        library.espeak_SetParameter(_RATE, round(DEFAULT_WORDS_PER_MINUTE * speed), 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        callback = _Callback(take.receive)
        library.espeak_SetSynthCallback(callback)
        data = text.replace("\0", " ").encode()
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
    speech = take.speech(sample_rate)
    if not speech.timings.phonemes:
        raise ValueError(f"Nothing in the text can be spoken in {language!r}: {text[:60]!r}.")
    return speech


class _Take:
    """Collects what the synthesiser hands out while it speaks."""

    def __init__(self, text: str, on_step: OnStep | None) -> None:
        self._text = text
        self._on_step = on_step
        self._blocks: list[npt.NDArray[np.int16]] = []
        self._words: list[tuple[str, float]] = []
        self._phonemes: list[tuple[str, float]] = []
        self._error: BaseException | None = None

    def receive(self, wave: Any, count: int, events: Any) -> int:
        """The synthesiser's callback: returns 1 to stop it, as an exception can't cross the C code."""
        try:
            if wave and count > 0:
                self._blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
            index = 0
            while events[index].type != _EVENT_END:
                self._note(events[index])
                index += 1
        except BaseException as error:
            self._error = error
            return 1
        return 0

    def _note(self, event: Any) -> None:
        seconds = event.audio_position / 1000
        if event.type == _EVENT_WORD:
            start = event.text_position - 1
            self._words.append((self._text[start : start + event.length].strip(), seconds))
            if self._on_step:
                self._on_step(min(start + event.length, len(self._text)), len(self._text))
        elif event.type == _EVENT_PHONEME:
            symbol = event.id.string.decode(errors="ignore")
            self._phonemes.append((symbol, seconds))
            if not symbol:
                self._words.append(("", seconds))

    def speech(self, sample_rate: int) -> Speech:
        if self._error:
            raise self._error
        pcm = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        duration = len(pcm) / sample_rate
        timings = Timings(duration, closed(self._words, duration), closed(self._phonemes, duration))
        return Speech((pcm / 32768).astype(np.float32), sample_rate, timings)


@functools.cache
def languages() -> tuple[str, ...]:
    """Codes of every language that can be spoken, such as `en-us`, sorted."""
    return tuple(sorted(_voice_files()))


@functools.cache
def _voice_files() -> dict[str, str]:
    """Language code -> name of the voice file that speaks it, which is not always the code itself."""
    found: dict[str, str] = {}
    with _lock:
        library, _ = _library()
        entries = library.espeak_ListVoices(None)
        index = 0
        while entries[index]:
            voice = entries[index].contents
            # `languages` holds (priority byte, code) pairs; the first is the voice's own.
            code, file = voice.languages[1:].decode(), voice.identifier.decode()
            if not file.startswith("mb/") and (_data_path() / f"{code.split('-')[0]}_dict").is_file():
                found[code] = file.rpartition("/")[2]
            index += 1
    return found


@functools.cache
def voices() -> tuple[str, ...]:
    """Names of the variants (`f1`, `whisper`, ...) that change the sound of any language, sorted."""
    folder = _data_path() / "voices" / "!v"
    return tuple(sorted((file.name for file in folder.iterdir() if file.is_file()), key=str.lower))


@functools.cache
def _library() -> tuple[Any, int]:
    """The loaded library and its sample rate in Hz."""
    try:
        import espeakng_loader

        library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
    except (ImportError, OSError) as error:
        raise EspeakError(
            "espeak-ng could not be loaded. Install it into ComfyUI's Python with "
            f"`pip install espeakng-loader` and restart ComfyUI. ({error})"
        ) from error
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    data = _reachable(_data_path())
    sample_rate = int(library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, os.fsencode(data), _INITIALIZE))
    if sample_rate <= 0:
        raise EspeakError(f"espeak-ng could not read its data in {data}. Reinstall the package espeakng-loader.")
    return library, sample_rate


def _data_path() -> Path:
    try:
        import espeakng_loader
    except ImportError as error:
        raise EspeakError("The package espeakng-loader is missing from ComfyUI's Python.") from error
    return Path(espeakng_loader.get_data_path())


def _reachable(data: Path) -> Path:
    """`data` itself, or a short way to it where its path is longer than espeak-ng can hold."""
    if len(os.fsencode(data)) <= LONGEST_DATA_PATH:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"espeak-ng-{digest}"
    if not short.exists():
        short.unlink(missing_ok=True)
        try:
            short.symlink_to(data, target_is_directory=True)
        except OSError:
            aside = Path(tempfile.mkdtemp(prefix="espeak-ng-"))
            shutil.copytree(data, aside / data.name)
            (aside / data.name).rename(short)
    return short
