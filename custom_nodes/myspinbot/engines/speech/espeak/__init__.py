"""Speech from espeak-ng: small, offline, robotic, in more than a hundred languages.

The library and its data come inside the `espeakng-loader` wheel. Each speech has a process of its own:
the library keeps hidden state (phases, flutter, the C library's noise) from one speech to the next, which
no call of its API clears, and the same text must give the same bytes. So a cancel also takes effect at once.
"""

import bisect
import contextlib
import json
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from ...progress import OnStep
from ...timings import Timings, spans_from_starts
from .catalogue import EspeakError, languages, library_and_data, voice_files, voices
from .language import voice_language, voice_name

__all__ = [
    "EspeakError",
    "Pronounced",
    "Speech",
    "languages",
    "pronounce",
    "speak",
    "voice_language",
    "voice_name",
    "voices",
]

DEFAULT_WORDS_PER_MINUTE = 175
SAMPLE_RATE = 22050

_CASED = re.compile(r"[^\W_]*[0-9A-Za-z\u00c0-\u052f]")  # of a script that sets words apart by spaces
_CLAUSES = re.compile(r"[，。！？；：、]\w")
_PUNCTUATION = ".,;:!?…\"'()[]{}«»„“”‘’¡¿-–—*_"


@dataclass(frozen=True, slots=True)
class Speech:
    """`samples`: mono float32 (T,) within [-1, 1] at `sample_rate` Hz, and when its sounds are heard."""

    samples: npt.NDArray[np.float32]
    sample_rate: int
    timings: Timings


@dataclass(frozen=True, slots=True)
class Pronounced:
    """A word, or a part of one, that begins at `start` in the text: its IPA symbols, and whether a pause follows."""

    start: int
    symbols: tuple[str, ...]
    pause: bool


def pronounce(text: str, *, language: str) -> list[Pronounced]:
    """How `text` is pronounced in one of `languages()`, without a sound; symbols carry stress marks.

    Raises:
        ValueError: no text, or a text without anything that can be spoken.
        EspeakError: espeak-ng can't be used or doesn't know the language.
    """
    found: list[tuple[int, list[str], bool]] = []
    with closing(_synthesise(_request(text, language) | {"silent": True})) as messages:
        for kind, content in messages:
            event = json.loads(content)
            if kind == "w":
                found.append((event["position"] - 1, [], False))
            elif found:
                start, symbols, _ = found[-1]
                found[-1] = start, [*symbols, event["symbol"]] if event["symbol"] else symbols, not event["symbol"]
    said = [Pronounced(start, tuple(symbols), pause) for start, symbols, pause in found if symbols]
    if not said:
        raise ValueError(f"Nothing in the text can be spoken in {language!r}: {text[:60]!r}.")
    return said


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
        EspeakError: espeak-ng can't be used or doesn't know the language or voice.
    """
    request = _request(text, language, voice) | {"rate": round(DEFAULT_WORDS_PER_MINUTE * speed), "pitch": pitch}
    collected = _Collector(text)
    with closing(_synthesise(request)) as messages:
        for message in messages:
            collected.note(message)
            if on_step:
                on_step(min(collected.read, len(text)), len(text))
    speech = collected.speech()
    if not speech.timings.phonemes:
        raise ValueError(f"Nothing in the text can be spoken in {language!r}: {text[:60]!r}.")
    return speech


def _request(text: str, language: str, voice: str = "default") -> dict[str, Any]:
    """What the synthesiser is asked for, at the voice's own speed and pitch."""
    if not text.strip():
        raise ValueError("There is no text to speak. Write some text, or connect a node that gives it.")
    if language not in voice_files() or voice not in ("default", *voices()):
        raise EspeakError(f"espeak-ng has no voice {language}+{voice}. Choose a language and a voice from the lists.")
    library, data = library_and_data()
    file = voice_files()[language]
    return {
        "library": str(library),
        "data": str(data),
        "text": text.replace("\0", " "),
        "voice": file if voice == "default" else f"{file}+{voice}",
        "rate": DEFAULT_WORDS_PER_MINUTE,
        "pitch": 50,
    }


def _synthesise(request: dict[str, Any]) -> Generator[tuple[str, bytes], None, None]:
    """The messages of the speech as they come; closing the generator ends the process."""
    command = [sys.executable, "-I", "-X", "utf8", str(Path(__file__).with_name("synthesiser.py"))]
    with (
        tempfile.TemporaryFile() as complaint,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaint,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # no flashing console on Windows
        ) as process,
    ):
        requests, messages = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        try:
            for act in (lambda: requests.write(json.dumps(request).encode()), requests.close):
                with contextlib.suppress(BrokenPipeError):  # it ended early; why, its exit tells
                    act()
            yield from _messages(messages)
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            complaint.seek(0)
            reason = complaint.read().decode(errors="replace").strip().splitlines()
            raise EspeakError(f"espeak-ng failed: {reason[-1] if reason else f'exit code {process.returncode}'}")


def _messages(stream: IO[bytes]) -> Generator[tuple[str, bytes], None, None]:
    """Messages of the synthesiser: a kind, a length and as many bytes."""
    while len(head := stream.read(5)) == 5:
        kind, size = struct.unpack(">cI", head)
        yield kind.decode(), stream.read(size)


class _Collector:
    """Collects what the synthesiser hands out while it speaks."""

    def __init__(self, text: str) -> None:
        self.read = 0
        self._text = text
        self._tokens = [match.span() for match in re.finditer(r"\S+", text)]
        self._token: tuple[int, int] | None = None
        self._piece: tuple[int, int] | None = None
        self._pcm: list[bytes] = []
        self._words: list[tuple[str, float]] = []
        self._phonemes: list[tuple[str, float]] = []

    def note(self, message: tuple[str, bytes]) -> None:
        kind, content = message
        if kind == "a":
            self._pcm.append(content)
            return
        event = json.loads(content)
        seconds = event["ms"] / 1000
        if kind == "w":
            self._note_word(event["position"] - 1, event["length"], seconds)
        else:
            self._phonemes.append((event["symbol"], seconds))
            if not event["symbol"] and not self._within_piece():
                self._words.append(("", seconds))

    def _note_word(self, start: int, length: int, seconds: float) -> None:
        """The synthesiser speaks "don't" and "12,345" in several pieces: here they are one word."""
        self.read = start + length
        token = self._token_at(start)
        piece = self._text[start : self.read]
        if token is None or not _CASED.search(piece + self._text[token[0] : token[1]]):
            if self._piece != (start, length):
                self._words.append((piece.strip(), seconds))
            elif not self._words[-1][0]:  # it goes on after a pause
                self._words.pop()
            self._token, self._piece = None, (start, length)
        elif token != self._token:
            self._words.append((self._text[token[0] : token[1]].strip(_PUNCTUATION), seconds))
            self._token, self._piece = token, None

    def _within_piece(self) -> bool:
        """Whether a pause is one inside of what the synthesiser takes for one word: several clauses of Chinese."""
        return bool(self._words) and _CLAUSES.search(self._words[-1][0]) is not None

    def _token_at(self, position: int) -> tuple[int, int] | None:
        """The stretch without spaces that `position` lies in."""
        index = bisect.bisect_right(self._tokens, position, key=lambda span: span[0]) - 1
        return self._tokens[index] if index >= 0 and position < self._tokens[index][1] else None

    def speech(self) -> Speech:
        samples = np.frombuffer(b"".join(self._pcm), np.int16).astype(np.float32)
        samples /= 32768
        duration = len(samples) / SAMPLE_RATE
        words, phonemes = (spans_from_starts(starts, duration) for starts in (self._words, self._phonemes))
        return Speech(samples, SAMPLE_RATE, Timings(duration, words, phonemes))
