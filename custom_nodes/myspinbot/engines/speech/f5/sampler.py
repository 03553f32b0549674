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
speed, yet another grouping would change the last bits of the result. A processor gains nothing from batches and
computes one utterance after the other."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A piece of speech to be made: `tokens` (T,) of reference and new text, `frames` of both, its own seed."""

    tokens: Tensor
    frames: int
    seed: int


def schedule(steps: int, sway: float = SWAY) -> Tensor:
    """The times from 0, noise, to 1, speech, between which the steps go.

    Args:
        steps: Of the sampler; 5, 6, 7, 10, 12 and 16 have a schedule of their own (EPSS).
        sway: Below 0 puts more of the times at the beginning; at least -1.

    Returns:
        (steps + 1,).
    """
    grid = torch.tensor(_EPSS[steps]) / 32 if steps in _EPSS else torch.linspace(0, 1, steps + 1)
    return grid + sway * (torch.cos(torch.pi / 2 * grid) - 1 + grid)


def batch_by_length(utterances: Sequence[Utterance], frames_at_once: int = FRAMES_AT_ONCE) -> list[list[int]]:
    """Indices of utterances that run together, alike in length so that little is padding."""
    groups: list[list[int]] = []
    for index in sorted(range(len(utterances)), key=lambda i: (utterances[i].frames, i)):
        if groups and utterances[index].frames * (len(groups[-1]) + 1) <= frames_at_once:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


@torch.inference_mode()
def sample(
    model: DiT,
    reference: Tensor,
    utterances: Sequence[Utterance],
    *,
    steps: int = 32,
    cfg_strength: float = 2.0,
    sway: float = SWAY,
    on_step: OnStep | None = None,
    frames_at_once: int | None = None,
) -> list[Tensor]:
    """Speak the utterances in the voice of a reference.

    Args:
        model: On any device.
        reference: (R, M) log mel bands of the voice.
        utterances: What is spoken; each one's frames include the R of the reference.
        steps: Euler steps of the flow.
        cfg_strength: Classifier-free guidance; 0 is without, and twice as fast.
        sway: As for `schedule`.
        on_step: Called after each step, weighted by the frames it dealt with.
        frames_at_once: Frames of one batch, padding included; None goes by the device.

    Returns:
        The new log mel bands of each utterance, (frames - R, M) float32 on the CPU.
    """
    if frames_at_once is None:
        frames_at_once = 1 if model.proj_out.weight.device.type == "cpu" else FRAMES_AT_ONCE
    groups = batch_by_length(utterances, frames_at_once)
    weights = [len(group) * max(utterances[i].frames for i in group) for group in groups]
    total = steps * sum(weights)
    done = 0
    made: dict[int, Tensor] = {}
    for group, weight in zip(groups, weights, strict=True):

        def advance(weight: int = weight) -> None:
            nonlocal done
            done += weight
            if on_step:
                on_step(done, total)

        chosen = [utterances[i] for i in group]
        mels = _integrate(model, reference, chosen, schedule(steps, sway), cfg_strength, advance)
        made |= dict(zip(group, mels, strict=True))
    return [made[i] for i in range(len(utterances))]


def noise(utterance: Utterance, bands: int) -> Tensor:
    """(frames, M) normal numbers, from the utterance's own generator on the CPU: the same on every device."""
    return torch.randn(utterance.frames, bands, generator=torch.Generator().manual_seed(utterance.seed))


def _integrate(
    model: DiT,
    reference: Tensor,
    utterances: Sequence[Utterance],
    times: Tensor,
    cfg: float,
    advance: Callable[[], None],
) -> list[Tensor]:
    device, dtype = model.proj_out.weight.device, model.dtype
    frames = [utterance.frames for utterance in utterances]
    known, longest = len(reference), max(frames)
    noises = [noise(utterance, model.arch.mel_dim) for utterance in utterances]
    x = torch.nn.utils.rnn.pad_sequence(noises, batch_first=True).to(device)  # (B, N, M) float32
    lengths = torch.tensor(frames, device=device)
    mask = None if min(frames) == longest else torch.arange(longest, device=device) < lengths[:, None]  # (B, N)
    condition = reference.new_zeros(len(utterances), longest, reference.shape[1])
    condition[:, :known] = reference
    condition = condition.to(device, dtype)
    tokens = [utterance.tokens.to(device) for utterance in utterances]
    text = model.embed_text(tokens, frames)  # (B, N, D)
    guided = cfg > 1e-5
    if guided:  # with and without text and reference, in one batch of twice the size
        text = torch.cat((text, model.embed_text(tokens, frames, drop=True)))
        condition = torch.cat((condition, torch.zeros_like(condition)))
        mask = None if mask is None else mask.repeat(2, 1)
    for start, end in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        twice = x.repeat(2, 1, 1) if guided else x
        time = torch.full((len(twice),), start, device=device)
        velocity = model(twice.to(dtype), condition, text, time, mask).float()
        if guided:
            aware, free = velocity.chunk(2)
            velocity = aware + cfg * (aware - free)
        x = x + (end - start) * velocity
        advance()
    return [row[known:length].cpu() for row, length in zip(x, frames, strict=True)]
