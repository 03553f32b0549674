"""The loss of a training step: part of a clip is hidden, to be predicted from the rest and the words.

Source: Chen et al., "F5-TTS" (arXiv:2410.06885), sections 2 and 3: conditional flow matching on a random span of
70 to 100 % of the speech, the sound left out in 30 % of cases, sound and words together in 20 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...speech.f5.dit import DiT

HIDDEN_SHARE = (0.7, 1.0)
DROP_SOUND, DROP_BOTH = 0.3, 0.2
"""How often the sound is left out, and how often both sound and words are."""


@dataclass(frozen=True, slots=True)
class Example:
    """A clip: `bands` (N, M) float32 say `tokens` (T,). From frame `trained` on it is held out."""

    bands: Tensor
    tokens: Tensor
    trained: int

    @property
    def frames(self) -> int:
        return len(self.bands)


@dataclass(frozen=True, slots=True)
class MaskedSample:
    """One sample of a batch: an example, some frames of which are hidden.

    Attributes:
        example: The clip.
        noise: (N, M).
        time: Of the flow, from noise (0) to speech (1).
        start: First hidden frame.
        stop: End of the hidden frames.
        sound: Whether the frames that aren't hidden are given.
        words: Whether the text is given.
    """

    example: Example
    noise: Tensor
    time: float
    start: int
    stop: int
    sound: bool = True
    words: bool = True


def random_sample(example: Example, generator: torch.Generator) -> MaskedSample:
    """A sample for training; the generator is on the CPU, so that every device trains with the same."""
    time, share, place, no_sound, nothing = torch.rand(5, generator=generator).tolist()
    length = int((HIDDEN_SHARE[0] + (HIDDEN_SHARE[1] - HIDDEN_SHARE[0]) * share) * example.frames)
    start = int((example.frames - length) * place)
    noise = torch.randn(example.bands.shape, generator=generator)
    words = nothing >= DROP_BOTH
    return MaskedSample(
        example, noise, time, start, start + length, sound=words and no_sound >= DROP_SOUND, words=words
    )


def fixed_samples(example: Example, start: int, stop: int, seed: int, times: Sequence[float]) -> list[MaskedSample]:
    """The same samples for every validation, one for each of `times`, with sound and words given."""
    generator = torch.Generator().manual_seed(seed)
    return [
        MaskedSample(example, torch.randn(example.bands.shape, generator=generator), time, start, stop)
        for time in times
    ]


def loss(model: DiT, samples: Sequence[MaskedSample], *, held_out: bool = False) -> Tensor:
    """The squared error of the velocity in the hidden frames, its mean over frames and bands.

    Args:
        model: On any device.
        samples: B samples, computed as one batch.
        held_out: Count all hidden frames; without it, only those that may be trained with.

    Returns:
        A scalar that gradients flow through.
    """
    device, dtype = model.proj_out.weight.device, model.dtype
    lengths = [sample.example.frames for sample in samples]
    longest = max(lengths)
    speech = pad_sequence([sample.example.bands for sample in samples], batch_first=True).to(device)  # (B, N, M)
    noise = pad_sequence([sample.noise for sample in samples], batch_first=True).to(device)
    time = torch.tensor([sample.time for sample in samples], device=device)
    hidden = torch.zeros(len(samples), longest, dtype=torch.bool)
    counted = hidden.clone()
    given = hidden.clone()
    for i, sample in enumerate(samples):
        hidden[i, sample.start : sample.stop] = True
        counted[i, sample.start : sample.stop if held_out else min(sample.stop, sample.example.trained)] = True
        given[i] = sample.sound
    hidden, counted, given = hidden.to(device), counted.to(device), given.to(device)
    known = speech * (given & ~hidden)[..., None]
    text = pad_sequence(
        [
            model.text_embed(sample.example.tokens.to(device), sample.example.frames, drop=not sample.words)
            for sample in samples
        ],
        batch_first=True,
    )  # (B, N, D)
    mask = None
    if min(lengths) < longest:
        mask = torch.arange(longest, device=device) < torch.tensor(lengths, device=device)[:, None]  # (B, N)
    t = time[:, None, None]  # (B, 1, 1)
    mixed = (1 - t) * noise + t * speech  # (B, N, M)
    velocity = model(mixed.to(dtype), known.to(dtype), text, time, mask).float()
    error = (velocity - (speech - noise)).square().mean(dim=-1)  # (B, N)
    return (error * counted).sum() / counted.sum()
