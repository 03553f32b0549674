"""What is practised at each step: a stretch of a clip hidden, to be spoken from the rest and the words.

Source: Chen et al., "F5-TTS" (arXiv:2410.06885), sections 2 and 3: conditional flow matching on a random span of
70 to 100 % of the speech, the sound left out in 30 % of cases, sound and words together in 20 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...speech.f5.dit import DiT

HIDDEN = (0.7, 1.0)
NO_SOUND, NOTHING = 0.3, 0.2
"""How often the sound is left out, and how often both sound and words are."""


@dataclass(frozen=True, slots=True)
class Example:
    """A clip: `bands` (N, M) float32 say `tokens` (T,). From frame `learnt` on it is never learnt from."""

    bands: Tensor
    tokens: Tensor
    learnt: int

    @property
    def frames(self) -> int:
        return len(self.bands)


@dataclass(frozen=True, slots=True)
class Exercise:
    """An example with its frames from `start` to `stop` hidden, at the moment `time` between noise (0) and speech."""

    example: Example
    noise: Tensor
    time: float
    start: int
    stop: int
    sound: bool = True
    words: bool = True


def drawn(example: Example, generator: torch.Generator) -> Exercise:
    """A random exercise; the generator is on the CPU, so that every device practises the same."""
    time, share, place, no_sound, nothing = torch.rand(5, generator=generator).tolist()
    length = int((HIDDEN[0] + (HIDDEN[1] - HIDDEN[0]) * share) * example.frames)
    start = int((example.frames - length) * place)
    noise = torch.randn(example.bands.shape, generator=generator)
    words = nothing >= NOTHING
    return Exercise(example, noise, time, start, start + length, sound=words and no_sound >= NO_SOUND, words=words)


def examined(example: Example, start: int, stop: int, seed: int, times: Sequence[float]) -> list[Exercise]:
    """The same exercises whenever they are asked for, one per moment, with all that can be known."""
    generator = torch.Generator().manual_seed(seed)
    return [Exercise(example, torch.randn(example.bands.shape, generator=generator), t, start, stop) for t in times]


def loss(model: DiT, exercises: Sequence[Exercise], *, held_out: bool = False) -> Tensor:
    """The squared error of the velocity in what is hidden, its mean over frames and bands.

    `held_out` counts all that is hidden; without it, only what may be learnt from.
    """
    device, dtype = model.proj_out.weight.device, model.dtype
    lengths = [exercise.example.frames for exercise in exercises]
    longest = max(lengths)
    speech = pad_sequence([exercise.example.bands for exercise in exercises], batch_first=True).to(device)  # (B, N, M)
    noise = pad_sequence([exercise.noise for exercise in exercises], batch_first=True).to(device)
    time = torch.tensor([exercise.time for exercise in exercises], device=device)
    hidden = torch.zeros(len(exercises), longest, dtype=torch.bool)
    counted = hidden.clone()
    given = hidden.clone()
    for i, exercise in enumerate(exercises):
        hidden[i, exercise.start : exercise.stop] = True
        counted[i, exercise.start : exercise.stop if held_out else min(exercise.stop, exercise.example.learnt)] = True
        given[i] = exercise.sound
    hidden, counted, given = hidden.to(device), counted.to(device), given.to(device)
    known = speech * (given & ~hidden)[..., None]
    text = pad_sequence(
        [
            model.text_embed(exercise.example.tokens.to(device), exercise.example.frames, drop=not exercise.words)
            for exercise in exercises
        ],
        batch_first=True,
    )  # (B, N, D)
    inside = None
    if min(lengths) < longest:
        inside = torch.arange(longest, device=device) < torch.tensor(lengths, device=device)[:, None]
    moment = time[:, None, None]
    mixed = (1 - moment) * noise + moment * speech
    velocity = model(mixed.to(dtype), known.to(dtype), text, time, inside).float()
    wrong = (velocity - (speech - noise)).square().mean(dim=-1)  # (B, N)
    return (wrong * counted).sum() / counted.sum()
