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
from ...timings import Interval, Span, Timings
from ..normalize_text import normalize_text
from . import F5Error
from .checkpoint import Vocabulary
from .dit import DiT
from .join import join_speech
from .mel import FRAMES_PER_SECOND, SAMPLE_RATE, mel
from .reference import Reference
from .sampler import SWAY, Utterance, sample
from .sentences import PAUSES, Piece, split
from .tokens import tokenize
from .vocos import Vocos
from .word_timings import word_timings

LONGEST = 22.0
"""Seconds of reference and new speech at once; trained on up to 30 s, the models lose words near that."""
_LEAST_BYTES = 40
# A few words alone are said more slowly than in a sentence: at the voice's own pace they would take `t` seconds, alone
# 0.35 + 0.7 t. "Hi!" gets what the original gives it, and from 1.2 s on the pace is the voice's own.
_ALONE, _OF_PACE = 0.35, 0.7
_RELEASE = 0.1  # seconds after the last word, which would be cut off by a duration too exact


ForcedAlign = Callable[[npt.NDArray[np.float32], int, Sequence[str]], Sequence[Span | None]]
"""Mono samples (T,), their rate in Hz and the words they say -> when each word is said; None for one not found."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a text is spoken.

    Attributes:
        speed: 2 is twice as fast.
        seed: Of the first piece of text, from which the next count up.
        steps: Of the sampler, 4 to 64.
        cfg_strength: How closely text and voice are followed; 0 is without guidance.
        cross_fade: Seconds over which the silence around pieces is blended.
        loudness: LUFS.
        language: A code, or "auto", which goes by the letters of the text.
        sway: As for `sampler.schedule`.
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
class Speech:
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
    align: ForcedAlign | None = None,
) -> Speech:
    """Say `text` in the voice of `reference`.

    Args:
        model: On any device, as the vocoder.
        vocoder: From mel bands to sound.
        vocabulary: The model's.
        text: Any length; it is spoken in pieces.
        reference: The voice.
        settings: How it is spoken.
        on_step: Called as the sampler goes on; what it raises ends the speech.
        align: Finds the words in the speech; without it their times are estimated.

    Raises:
        ValueError: There is no text, or nothing in it that can be spoken.
        F5Error: The model's result isn't numbers.
    """
    settings = settings or Settings()
    if not text.strip():
        raise ValueError("There is no text to speak. Write some text, or connect a node that gives it.")
    language = language_of(text) if settings.language == "auto" else settings.language
    pieces = split(normalize_text(text, language), piece_limit(reference, settings.speed))
    if not any(letter.isalnum() for piece in pieces for letter in piece.text):
        raise ValueError(f"Nothing in the text can be spoken: {text.strip()[:60]!r}.")
    pieces = [piece for piece in pieces if any(letter.isalnum() for letter in piece.text)]
    remarks = reference.remarks
    reference_mel = mel(torch.from_numpy(reference.samples))  # (R, 100)
    utterances: list[Utterance] = []
    unknown: dict[str, None] = {}
    for number, piece in enumerate(pieces):
        symbols = tokenize(reference.transcript + piece.text)
        unknown |= dict.fromkeys(vocabulary.unknown(symbols))
        tokens = vocabulary.encode(symbols)
        new_frames = round(seconds(piece, reference, settings.speed) * FRAMES_PER_SECOND)
        frames = max(len(reference_mel) + new_frames, len(tokens) + 1)
        utterances.append(Utterance(tokens, frames, (settings.seed + number) % 2**63))
    if unknown:
        remarks = [*remarks, _unknown_symbols(list(unknown))]
    mels = sample(
        model,
        reference_mel,
        utterances,
        steps=settings.steps,
        cfg_strength=settings.cfg_strength,
        sway=settings.sway,
        on_step=on_step,
    )
    sounds = [_decode(vocoder, bands) for bands in mels]
    pauses = [PAUSES[piece.end] / settings.speed for piece in pieces]
    whole, places = join_speech(sounds, pauses, SAMPLE_RATE, settings.cross_fade)
    whole = levelled(whole, SAMPLE_RATE, settings.loudness)
    align_piece = None if align is None else partial(_align_piece, align, whole)
    return Speech(whole, word_timings(pieces, places, len(whole) / SAMPLE_RATE, language, align_piece), remarks)


def _align_piece(
    align: ForcedAlign, whole: npt.NDArray[np.float32], words: Sequence[str], place: Interval
) -> list[Span | None]:
    part = whole[int(place.start * SAMPLE_RATE) : int(place.end * SAMPLE_RATE)]
    spans = align(part, SAMPLE_RATE, words)
    return [span and replace(span, start=place.start + span.start, end=place.start + span.end) for span in spans]


def piece_limit(reference: Reference, speed: float) -> int:
    """Bytes of text that fit beside the reference into what the model speaks at once."""
    room = LONGEST - len(reference.samples) / SAMPLE_RATE
    return max(int(room * reference.rate * speed), _LEAST_BYTES)


def seconds(piece: Piece, reference: Reference, speed: float) -> float:
    """How long a piece lasts at the voice's own pace; what is too much ends up as silence and is cut off."""
    at_pace = piece.size / reference.rate
    return max(at_pace, _ALONE + _OF_PACE * at_pace) / speed + _RELEASE


@torch.inference_mode()
def _decode(vocoder: Vocos, bands: torch.Tensor) -> npt.NDArray[np.float32]:
    """Samples (T,) of log mel bands (N, 100)."""
    if not bool(torch.isfinite(bands).all()):
        raise F5Error("The model gave no numbers in this precision. Choose fp32 in Load F5-TTS.")
    device = next(vocoder.parameters()).device
    return vocoder(bands[None].to(device))[0].float().cpu().numpy()


def _unknown_symbols(unknown: list[str]) -> str:
    shown = " ".join(unknown[:12]) + (" ..." if len(unknown) > 12 else "")
    return f"The model doesn't know these characters and leaves them out: {shown}"
