"""The training itself: a copy of the model, an adapter beside its attention, and AdamW; and what came of it."""

import functools
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ....media.plot import Curve, plot
from ....shared.work_store import Job
from ...progress import OnStep
from ...speech.f5 import F5Error
from ...speech.f5.dit import DiT
from ...speech.f5.lora import Adapter, LossPoint, apply_lora, init_lora, scale_lora
from .loss import Example, MaskedSample, fixed_samples, loss, random_sample
from .state import FILE, State, load, moments_of, restore_moments

VALIDATIONS = 20
PATIENCE = 6
"""After so many validations in a row without progress, training stops."""
_HELD_OUT_SHARE = 0.15  # of each clip, where there are too few to hold out a whole one
_FEW = 4
_VALIDATION_TIMES = (0.1, 0.35, 0.6, 0.85)
_SAVE_INTERVAL = 60.0  # seconds
_MAX_GRAD_NORM = 1.0  # as F5-TTS was trained
_TRAINING, _HELD_OUT = (150, 150, 150), (200, 60, 30)  # colors of the curves


@dataclass(frozen=True, slots=True)
class Settings:
    """How an adapter is trained.

    The learning rate rises over the first tenth of the steps and falls to zero by the last.

    Attributes:
        steps: Of the optimizer, at most.
        learning_rate: The highest of all steps.
        rank: Of the adapter.
        alpha: The adapter is multiplied by alpha / rank.
        batch: Clips of each step.
        seed: Of every random draw.
    """

    steps: int = 300
    learning_rate: float = 1e-4
    rank: int = 16
    alpha: float = 32.0
    batch: int = 4
    seed: int = 290381

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = max(self.steps // 10, 1)
        return self.learning_rate * min((step + 1) / rising, (self.steps - step) / max(self.steps - rising, 1))

    @property
    def validation_interval(self) -> int:
        """Steps from one validation to the next."""
        return max(self.steps // VALIDATIONS, 1)


def train(
    model: DiT,
    examples: Sequence[Example],
    settings: Settings,
    *,
    device: torch.device | None = None,
    job: Job | None = None,
    on_step: OnStep | None = None,
) -> State:
    """Train an adapter for a model.

    Args:
        model: What it is for; it is copied and never changed.
        examples: The clips, some of which are held out.
        settings: How it is trained.
        device: Where the copy is trained; None for the model's own.
        job: Where the state is saved on the way; a training that was stopped goes on from there as if it had not been,
            for each step draws from a generator of its own.
        on_step: Called after each step; what it raises ends the training, after the state is saved.

    Raises:
        F5Error: The loss is no number any more.
    """
    device = device or model.proj_out.weight.device
    training, validation = split_examples(examples, settings.seed)
    # ComfyUI runs nodes where nothing can be trained; what is made in here can.
    with torch.inference_mode(False), torch.enable_grad(), _repeatable():
        state = load(job.path(FILE)) if job is not None and job.has(FILE) else _new_state(model, settings)
        trainer = _Trainer(_training_copy(model, device), training, validation, settings, state)
        with apply_lora(trainer.model, trainer.parameters, settings.alpha / settings.rank):
            trainer.run(job, on_step or (lambda done, total: None))
    return state


def adapter_of(state: State, settings: Settings, *, base: str, source: str) -> Adapter:
    """The adapter with the lowest loss on what is held out, its scale multiplied in."""
    best = scale_lora(state.best, settings.alpha / settings.rank)
    return Adapter(best, base, source, asdict(settings), tuple(state.history))


def split_examples(examples: Sequence[Example], seed: int) -> tuple[list[Example], list[MaskedSample]]:
    """What is trained with and what is held out: the last tenth of the clips, or the end of each if few."""
    if len(examples) < _FEW:
        training = [replace(example, trained=int((1 - _HELD_OUT_SHARE) * example.frames)) for example in examples]
        hidden = [(example, example.trained) for example in training]
    else:
        count = min(max(len(examples) // 10, 1), 4)
        training = list(examples[:-count])
        hidden = [(example, example.frames // 5) for example in examples[-count:]]
    validation: list[MaskedSample] = []
    for number, (example, start) in enumerate(hidden):
        validation += fixed_samples(example, start, example.frames, seed + 2**40 + number, _VALIDATION_TIMES)
    return training, validation


class _Trainer:
    def __init__(
        self,
        model: DiT,
        training: list[Example],
        validation: list[MaskedSample],
        settings: Settings,
        state: State,
    ) -> None:
        self.model, self.settings, self.state = model, settings, state
        self.training, self.validation = training, validation
        device = model.proj_out.weight.device
        # In an order of their own: the norm of all gradients is a sum, whose last bits depend on it.
        ordered = sorted(state.weights.items())
        self.parameters = {name: value.to(device).requires_grad_() for name, value in ordered}
        state.weights = self.parameters
        self.optimizer = torch.optim.AdamW(self.parameters.values(), lr=settings.learning_rate)
        restore_moments(self.optimizer, self.parameters, state.moments)
        self.saved = time.monotonic()

    def run(self, job: Job | None, on_step: OnStep) -> None:
        state, total = self.state, self.settings.steps
        if not state.history:
            self.validate()
        while state.step < total and not _stopped_improving(state):
            self.step()
            state.step += 1
            if state.step % self.settings.validation_interval == 0 or state.step == total:
                self.validate()
                self.save(job)
            elif time.monotonic() - self.saved > _SAVE_INTERVAL:
                self.save(job)
            try:
                on_step(state.step, total)
            except BaseException:  # cancelled: whatever it is, it passes on
                self.save(job)
                raise
        on_step(total, total)

    def step(self) -> None:
        """One step of the optimizer, its every draw from a generator of its own."""
        step = self.state.step
        generator = torch.Generator().manual_seed((self.settings.seed + step) % 2**63)
        order = torch.randperm(len(self.training), generator=generator).tolist()
        chosen = [self.training[order[i % len(order)]] for i in range(self.settings.batch)]
        error = loss(self.model, [random_sample(example, generator) for example in chosen])
        value = float(error.detach())
        if not torch.isfinite(error):
            raise F5Error(f"Training diverged at step {step + 1}: its loss is {value}. Lower the learning rate.")
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(step)
        self.optimizer.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), _MAX_GRAD_NORM)
        self.optimizer.step()
        self.state.losses.append(value)

    @torch.no_grad()
    def validate(self) -> None:
        state = self.state
        size = self.settings.batch
        parts = [self.validation[i : i + size] for i in range(0, len(self.validation), size)]
        error = sum(float(loss(self.model, part, held_out=True)) * len(part) for part in parts) / len(self.validation)
        trained = sum(state.losses) / len(state.losses) if state.losses else None
        state.history.append(LossPoint(state.step, trained, error))
        state.losses.clear()
        if state.best_point is state.history[-1]:
            state.best = {name: value.detach().cpu().clone() for name, value in self.parameters.items()}

    def save(self, job: Job | None) -> None:
        if job is None:
            return
        self.state.moments = moments_of(self.optimizer, self.parameters)
        with job.atomic_write(FILE) as path:
            self.state.save(path)
        self.saved = time.monotonic()


@contextmanager
def _repeatable() -> Generator[None]:
    """Within, PyTorch takes the ways to compute whose last bits are always the same: on a card, attention's backward
    pass otherwise adds up in whatever order comes.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _new_state(model: DiT, settings: Settings) -> State:
    weights = init_lora(model, settings.rank, torch.Generator().manual_seed(settings.seed + 2**41))
    return State(0, weights, {name: value.clone() for name, value in weights.items()})


def _stopped_improving(state: State) -> bool:
    return len(state.history) - 1 - state.history.index(state.best_point) >= PATIENCE


def _training_copy(model: DiT, device: torch.device) -> DiT:
    """A copy to train beside, with checkpointed gradients: its blocks are computed again in the backward pass."""
    in_half = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    dtype = torch.bfloat16 if in_half else torch.float32
    with torch.device("meta"):
        copy = DiT(model.arch)
    state: dict[str, Tensor] = {name: v.to(device, dtype, copy=True) for name, v in model.state_dict().items()}
    copy.load_state_dict(state, assign=True)
    block: Any
    for block in copy.transformer_blocks:
        block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False, preserve_rng_state=False)
    return copy.eval().requires_grad_(False)


def summary(adapter: Adapter) -> str:
    """How far a training went and what it brought, in a sentence or two."""
    first, last = adapter.history[0], adapter.history[-1]
    best = min(adapter.history, key=lambda point: point.held_out)
    steps = adapter.settings["steps"]
    ended = "" if last.step == steps else f" It ended after {last.step}, as the loss no longer fell."
    fell = 1 - best.held_out / first.held_out
    return (
        f"Loss on what was held out: {first.held_out:.4f} before, {best.held_out:.4f} after step {best.step} of {steps}"
        f" ({fell:.1%} less); that step was saved.{ended}"
    )


def loss_plot(adapter: Adapter) -> npt.NDArray[np.uint8]:
    """A chart (H, W, 3) of the loss by step, in training and on what was held out."""
    training = [(point.step, point.training) for point in adapter.history if point.training is not None]
    held_out = [(point.step, point.held_out) for point in adapter.history]
    curves = [Curve("training", training, _TRAINING), Curve("held out", held_out, _HELD_OUT)]
    return plot(curves, "Loss", "steps")
