"""From text and a voice to speech: pieces of text, one batch of them through the model, one sound."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from ....media.loudness import levelled
from ...languages import language_of
from ...progress import OnStep
from ...timings import Span, Timings
from .checkpoint import Vocabulary
from .dit import DiT
from .errors import F5Error
from .join import Placed, joined
from .mel import FRAMES_PER_SECOND, SAMPLE_RATE, mel
from .normalize_text import spoken
from .pace import timings
from .reference import Reference
from .sampler import SWAY, Take, sample
from .sentences import PAUSES, Piece, split
from .tokens import symbols
from .vocos import Vocos

LONGEST_TAKE = 22.0
"""Seconds of reference and new speech at once; trained on up to 30 s, the models lose words near that."""
_LEAST_BYTES = 40
_SHORT = 30  # bytes: a shorter line gets time to spare, up to a second, as its pace is known least
_RELEASE = 0.1  # seconds after the last word, which would be cut off by a duration too exact


Find = Callable[[npt.NDArray[np.float32], int, Sequence[str]], Sequence[Span | None]]
"""Mono samples (T,), their rate in Hz and the words they say -> when each word is heard; None for one not found."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is spoken; the seed of the first piece, from which the next count up.

    `speed` 2 is twice as fast. `loudness` is in LUFS. `language` "auto" goes by the letters of the text.
    """

    speed: float = 1.0
    seed: int = 290381
    steps: int = 32
    cfg_strength: float = 2.0
    cross_fade: float = 0.15
    loudness: float = -16.0
    language: str = "auto"
    sway: float = SWAY


@dataclass(frozen=True, slots=True)
class Spoken:
    """`samples` (T,) mono float32 at 24 kHz, when they say what, and what the user should know."""

    samples: npt.NDArray[np.float32]
    timings: Timings
    remarks: list[str]


def speak(
    model: DiT,
    vocoder: Vocos,
    vocabulary: Vocabulary,
    text: str,
    reference: Reference,
    settings: Settings | None = None,
    on_step: OnStep | None = None,
    find: Find | None = None,
) -> Spoken:
    """Say `text` in the voice of `reference`. Model and vocoder may be on any device.

    `find` measures in the speech when its words are heard; without it they are reckoned.

    Raises:
        ValueError: There is no text, or nothing in it that can be spoken.
        F5Error: The model's result isn't numbers.
    """
    settings = settings or Settings()
    if not text.strip():
        raise ValueError("There is no text to speak. Write some text, or connect a node that gives it.")
    language = language_of(text) if settings.language == "auto" else settings.language
    pieces = split(spoken(text, language), piece_limit(reference, settings.speed))
    if not any(letter.isalnum() for piece in pieces for letter in piece.text):
        raise ValueError(f"Nothing in the text can be spoken: {text.strip()[:60]!r}.")
    pieces = [piece for piece in pieces if any(letter.isalnum() for letter in piece.text)]
    remarks = reference.remarks
    heard = mel(torch.from_numpy(reference.samples))
    takes: list[Take] = []
    strange: dict[str, None] = {}
    for number, piece in enumerate(pieces):
        read = symbols(reference.transcript + piece.text)
        strange |= dict.fromkeys(vocabulary.unknown(read))
        tokens = vocabulary.encode(read)
        frames = max(len(heard) + round(seconds(piece, reference, settings.speed) * FRAMES_PER_SECOND), len(tokens) + 1)
        takes.append(Take(tokens, frames, (settings.seed + number) % 2**63))
    if strange:
        remarks = [*remarks, _silent_symbols(list(strange))]
    made = sample(
        model,
        heard,
        takes,
        steps=settings.steps,
        cfg_strength=settings.cfg_strength,
        sway=settings.sway,
        on_step=on_step,
    )
    sounds = [_decoded(vocoder, bands) for bands in made]
    pauses = [PAUSES[piece.end] / settings.speed for piece in pieces]
    whole, placed = joined(sounds, pauses, SAMPLE_RATE, settings.cross_fade)
    whole = levelled(whole, SAMPLE_RATE, settings.loudness)
    measure = None if find is None else partial(_found, find, whole)
    return Spoken(whole, timings(pieces, placed, len(whole) / SAMPLE_RATE, language, measure), remarks)


def _found(find: Find, whole: npt.NDArray[np.float32], words: Sequence[str], place: Placed) -> list[Span | None]:
    part = whole[int(place.start * SAMPLE_RATE) : int(place.end * SAMPLE_RATE)]
    spans = find(part, SAMPLE_RATE, words)
    return [span and replace(span, start=place.start + span.start, end=place.start + span.end) for span in spans]


def piece_limit(reference: Reference, speed: float) -> int:
    """Bytes of text that fit into one take beside the reference."""
    room = LONGEST_TAKE - len(reference.samples) / SAMPLE_RATE
    return max(int(room * reference.rate * speed), _LEAST_BYTES)


def seconds(piece: Piece, reference: Reference, speed: float) -> float:
    """How long a piece takes at the voice's own pace; what is too much ends up as silence and is cut off."""
    spare = max(1 - piece.size / _SHORT, 0.0)
    return (piece.size / reference.rate + spare) / speed + _RELEASE


@torch.inference_mode()
def _decoded(vocoder: Vocos, bands: torch.Tensor) -> npt.NDArray[np.float32]:
    if not bool(torch.isfinite(bands).all()):
        raise F5Error("The model gave no numbers in this precision. Choose fp32 in Load F5-TTS.")
    device = next(vocoder.parameters()).device
    return vocoder(bands[None].to(device))[0].float().cpu().numpy()


def _silent_symbols(strange: list[str]) -> str:
    shown = " ".join(strange[:12]) + (" ..." if len(strange) > 12 else "")
    return f"The model doesn't know these characters and leaves them out: {shown}"
