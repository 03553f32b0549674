"""From noise to speech: Euler steps along the flow, with guidance.

Sources: Lipman et al., "Flow Matching for Generative Modeling" (arXiv:2210.02747); Chen et al., "F5-TTS"
(arXiv:2410.06885) for sway sampling; Zheng et al., "Accelerating Flow-Matching-Based Text-to-Speech via
Empirically Pruned Step Sampling" (arXiv:2505.19931) for the short schedules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...progress import OnStep
from .dit import DiT

# Where on a grid of 32 steps the few steps of EPSS fall.
_EPSS = {
    5: (0, 2, 4, 8, 16, 32),
    6: (0, 2, 4, 6, 8, 16, 32),
    7: (0, 2, 4, 6, 8, 16, 24, 32),
    10: (0, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32),
    12: (0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32),
    16: (*range(9), *range(10, 17, 2), *range(20, 33, 4)),
}
SWAY = -1.0
FRAMES_AT_ONCE = 16384
"""Frames of one batch on a graphics card, padding included. A constant, never the free memory: it decides nothing but
speed, yet another grouping would change the last bits of the result. A processor gains nothing from batches and takes
one after the other."""


@dataclass(frozen=True, slots=True)
class Take:
    """One stretch of speech to be made: `tokens` (T,) of reference and new text, `frames` of both, its own seed."""

    tokens: Tensor
    frames: int
    seed: int


def schedule(steps: int, sway: float = SWAY) -> Tensor:
    """The moments (steps + 1,) from 0 to 1; `sway` below 0 puts more of them at the beginning, at least -1."""
    grid = torch.tensor(_EPSS[steps]) / 32 if steps in _EPSS else torch.linspace(0, 1, steps + 1)
    return grid + sway * (torch.cos(torch.pi / 2 * grid) - 1 + grid)


def grouped(takes: Sequence[Take], frames_at_once: int = FRAMES_AT_ONCE) -> list[list[int]]:
    """Indices of takes that run together, alike in length so that little is padding."""
    groups: list[list[int]] = []
    for index in sorted(range(len(takes)), key=lambda i: (takes[i].frames, i)):
        if groups and takes[index].frames * (len(groups[-1]) + 1) <= frames_at_once:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


@torch.inference_mode()
def sample(
    model: DiT,
    reference: Tensor,
    takes: Sequence[Take],
    *,
    steps: int = 32,
    cfg_strength: float = 2.0,
    sway: float = SWAY,
    on_step: OnStep | None = None,
    frames_at_once: int | None = None,
) -> list[Tensor]:
    """The new mels of all takes, (frames - R, M) float32 each, where `reference` is (R, M).

    `on_step` is called after each step, weighted by the frames it dealt with.
    """
    if frames_at_once is None:
        frames_at_once = 1 if model.proj_out.weight.device.type == "cpu" else FRAMES_AT_ONCE
    groups = grouped(takes, frames_at_once)
    weights = [len(group) * max(takes[i].frames for i in group) for group in groups]
    total = steps * sum(weights)
    done = 0
    made: dict[int, Tensor] = {}
    for group, weight in zip(groups, weights, strict=True):

        def advance(weight: int = weight) -> None:
            nonlocal done
            done += weight
            if on_step:
                on_step(done, total)

        chosen = [takes[i] for i in group]
        mels = _flow(model, reference, chosen, schedule(steps, sway), cfg_strength, advance)
        made |= dict(zip(group, mels, strict=True))
    return [made[i] for i in range(len(takes))]


def noise(take: Take, bands: int) -> Tensor:
    """(frames, M), from the take's own generator on the CPU: the same on every device."""
    return torch.randn(take.frames, bands, generator=torch.Generator().manual_seed(take.seed))


def _flow(
    model: DiT,
    reference: Tensor,
    takes: Sequence[Take],
    moments: Tensor,
    cfg: float,
    advance: Callable[[], None],
) -> list[Tensor]:
    device, dtype = model.proj_out.weight.device, model.dtype
    frames = [take.frames for take in takes]
    known, longest = len(reference), max(frames)
    padded = torch.nn.utils.rnn.pad_sequence([noise(take, model.arch.mel_dim) for take in takes], batch_first=True)
    x = padded.to(device)  # (B, N, M) float32
    lengths = torch.tensor(frames, device=device)
    inside = None if min(frames) == longest else torch.arange(longest, device=device) < lengths[:, None]  # (B, N)
    given = reference.new_zeros(len(takes), longest, reference.shape[1])
    given[:, :known] = reference
    given = given.to(device, dtype)
    tokens = [take.tokens.to(device) for take in takes]
    text = model.embed_text(tokens, frames)  # (B, N, D)
    guided = cfg > 1e-5
    if guided:  # with and without text and reference, in one batch of twice the size
        text = torch.cat((text, model.embed_text(tokens, frames, drop=True)))
        given = torch.cat((given, torch.zeros_like(given)))
        inside = None if inside is None else inside.repeat(2, 1)
    for start, end in zip(moments[:-1].tolist(), moments[1:].tolist(), strict=True):
        twice = x.repeat(2, 1, 1) if guided else x
        time = torch.full((len(twice),), start, device=device)
        velocity = model(twice.to(dtype), given, text, time, inside).float()
        if guided:
            aware, free = velocity.chunk(2)
            velocity = aware + cfg * (aware - free)
        x = x + (end - start) * velocity
        advance()
    return [row[known:length].cpu() for row, length in zip(x, frames, strict=True)]
