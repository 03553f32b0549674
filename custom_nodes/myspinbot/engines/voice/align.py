"""Forced alignment: when each word of a speech is said, by a CTC model of letters.

Sources: Baevski et al., "wav2vec 2.0" (arXiv:2006.11477); Kürzinger et al., "CTC-Segmentation" (arXiv:2007.09127).
"""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..timings import Span
from .signal import Samples

RATE = 16000
_RELEASE = 0.1
"""Seconds: a letter is recognised where it begins, and its sound goes on, at most for this long is counted."""
_DELIMITER = "|"
_LEAST = 400  # samples that the first frame is made of


class AlignError(ValueError):
    """The folder is no CTC model of letters."""


@dataclass(frozen=True)
class Aligner:
    """A Wav2Vec2 `model` with a CTC head, and its `letters` by number."""

    model: Any
    letters: dict[str, int]
    blank: int
    normalized: bool

    @property
    def seconds_a_frame(self) -> float:
        return float(np.prod(self.model.config.conv_stride)) / RATE


def load_aligner(folder: Path) -> Aligner:
    """Wav2Vec2 from a folder with config.json, vocab.json, preprocessor_config.json and model.safetensors.

    Raises:
        AlignError: A file is missing or damaged, or the vocabulary isn't one of letters.
    """
    from transformers import Wav2Vec2ForCTC

    try:
        letters: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        settings: Any = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        model: Any = Wav2Vec2ForCTC.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except Exception as error:  # transformers raises what its parsers raise
        raise AlignError(f"{folder.name} is not a whole Wav2Vec2 model. Fetch it again.") from error
    if _DELIMITER not in letters:
        raise AlignError(f"The vocabulary of {folder.name} is not one of letters; another Wav2Vec2 model is needed.")
    normalized = bool(settings.get("do_normalize", True))
    return Aligner(model.eval().requires_grad_(False), letters, int(model.config.pad_token_id), normalized)


def align_words(aligner: Aligner, samples: Samples, sample_rate: int, words: Sequence[str]) -> list[Span | None]:
    """When each word of a speech is said.

    Args:
        aligner: The model, on any device.
        samples: (T,) mono.
        sample_rate: Hz.
        words: All that is said, in order.

    Returns:
        One span in seconds for each word; None for one without a letter that the model knows.
    """
    emission = emissions(aligner, samples, sample_rate)
    spans = align_frames(emission, words, aligner.letters, aligner.blank)
    step = aligner.seconds_a_frame
    return [
        None if span is None else Span(word, span[0] * step, span[1] * step)
        for word, span in zip(words, _with_release(spans, step), strict=True)
    ]


@torch.inference_mode()
def emissions(aligner: Aligner, samples: Samples, sample_rate: int) -> Tensor:
    """Log probabilities (N, V) of each of V letters in each of N frames of mono `samples` (T,) at `sample_rate` Hz."""
    from torchaudio.functional import resample

    sound = resample(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), sample_rate, RATE)
    if aligner.normalized:
        sound = (sound - sound.mean()) / (sound.var(unbiased=False) + 1e-7).sqrt()
    sound = torch.nn.functional.pad(sound, (0, max(_LEAST - len(sound), 0)))
    device = next(aligner.model.parameters()).device
    return aligner.model(sound[None].to(device)).logits[0].float().log_softmax(dim=-1).cpu()


def align_frames(
    emission: Tensor, words: Sequence[str], letters: dict[str, int], blank: int
) -> list[tuple[int, int] | None]:
    """The frames of each word on the likeliest path through all of them.

    Args:
        emission: (N, V) log probabilities.
        words: All that is said, in order.
        letters: The number of each letter.
        blank: The number of CTC's blank.

    Returns:
        First frame and end of each word. None for a word without a known letter; for all of them where there are fewer
        frames than letters.
    """
    from torchaudio.functional import forced_align, merge_tokens

    spelt = [_numbers(word, letters) for word in words]
    known = [numbers for numbers in spelt if numbers]
    tokens = [number for numbers in known for number in (letters[_DELIMITER], *numbers)][1:]
    doubled = sum(one == other for one, other in pairwise(tokens))  # between which a blank must stand
    if not tokens or len(emission) < len(tokens) + doubled:
        return [None] * len(words)
    path, scores = forced_align(emission[None], torch.tensor([tokens], dtype=torch.int32), blank=blank)
    spans = iter(merge_tokens(path[0], scores[0], blank))
    found: list[tuple[int, int] | None] = []
    for numbers in spelt:
        if not numbers:
            found.append(None)
            continue
        if any(found):
            next(spans)  # the delimiter
        own = [next(spans) for _ in numbers]
        found.append((own[0].start, own[-1].end))
    return found


def _numbers(word: str, letters: dict[str, int]) -> list[int]:
    """The letters of a word that the model knows; accents are dropped where it doesn't know them."""
    found: list[int] = []
    for letter in word:
        bare = unicodedata.normalize("NFD", letter)[0]
        ways = (letter, letter.upper(), letter.lower(), bare.upper(), bare.lower())
        number = next((letters[way] for way in ways if way in letters and way != _DELIMITER), None)
        if number is not None:
            found.append(number)
    return found


def _with_release(spans: Sequence[tuple[int, int] | None], step: float) -> list[tuple[float, float] | None]:
    """Each word's end moved to the middle of the pause after it, at most by `_RELEASE`."""
    starts = [span[0] for span in spans if span is not None]
    released: list[tuple[float, float] | None] = []
    for span in spans:
        if span is None:
            released.append(None)
            continue
        following = next((start for start in starts if start >= span[1]), span[1])
        released.append((span[0], span[1] + min((following - span[1]) / 2, _RELEASE / step)))
    return released
