"""The training itself: a copy of the model, an adapter beside its attention, and AdamW."""

import functools
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ....shared.work_store import Job
from ...progress import OnStep
from ...speech.f5.dit import DiT
from ...speech.f5.errors import F5Error
from ...speech.f5.lora import Adapter, Point, applied, fresh, scaled
from .exercise import Example, Exercise, drawn, examined, loss
from .state import FILE, State, give_moments, load, moments_of

EXAMINATIONS = 20
PATIENCE = 6
"""After so many examinations in a row without progress, training stops."""
_SPARED = 0.15  # of each clip, where there are too few to hold out a whole one
_FEW = 4
_MOMENTS = (0.1, 0.35, 0.6, 0.85)
_BETWEEN_SAVES = 60.0  # seconds
_GREATEST = 1.0  # norm of a gradient, as F5-TTS was trained


@dataclass(frozen=True, slots=True)
class Settings:
    """`steps` of `batch` exercises each; the adapter has `rank` and weighs `alpha` / `rank`.

    The learning rate rises over the first tenth of the steps and falls to zero by the last.
    """

    steps: int = 300
    learning_rate: float = 1e-4
    rank: int = 16
    alpha: float = 32.0
    batch: int = 4
    seed: int = 290381

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = max(self.steps // 10, 1)
        return self.learning_rate * min((step + 1) / rising, (self.steps - step) / max(self.steps - rising, 1))

    @property
    def between(self) -> int:
        """Steps from one examination to the next."""
        return max(self.steps // EXAMINATIONS, 1)


def train(
    model: DiT,
    examples: Sequence[Example],
    settings: Settings,
    *,
    device: torch.device | None = None,
    job: Job | None = None,
    on_step: OnStep | None = None,
) -> State:
    """Train an adapter for `model`, which is copied and never changed.

    With a `job`, where it is gets saved there, and a training that was stopped goes on as if it had not been: each
    step draws from a generator of its own.

    Raises:
        F5Error: The loss is no number any more.
    """
    device = device or model.proj_out.weight.device
    lessons, exam = divided(examples, settings.seed)
    # ComfyUI runs nodes where nothing can be trained; what is made in here can.
    with torch.inference_mode(False), torch.enable_grad(), _repeatable():
        state = load(job.path(FILE)) if job is not None and job.has(FILE) else _start(model, settings)
        training = _Training(_twin(model, device), lessons, exam, settings, state)
        with applied(training.model, training.parameters, settings.alpha / settings.rank):
            training.run(job, on_step or (lambda done, total: None))
    return state


def adapter_of(state: State, settings: Settings, *, base: str, source: str) -> Adapter:
    """What did best, ready to speak with."""
    best = scaled(state.best, settings.alpha / settings.rank)
    return Adapter(best, base, source, asdict(settings), tuple(state.history))


def divided(examples: Sequence[Example], seed: int) -> tuple[list[Example], list[Exercise]]:
    """What is learnt from, and the exam: the last tenth of the clips, or the end of each where they are few."""
    if len(examples) < _FEW:
        lessons = [replace(example, learnt=int((1 - _SPARED) * example.frames)) for example in examples]
        hidden = [(example, example.learnt) for example in lessons]
    else:
        count = min(max(len(examples) // 10, 1), 4)
        lessons = list(examples[:-count])
        hidden = [(example, example.frames // 5) for example in examples[-count:]]
    exam: list[Exercise] = []
    for number, (example, start) in enumerate(hidden):
        exam += examined(example, start, example.frames, seed + 2**40 + number, _MOMENTS)
    return lessons, exam


class _Training:
    def __init__(
        self, model: DiT, lessons: list[Example], exam: list[Exercise], settings: Settings, state: State
    ) -> None:
        self.model, self.lessons, self.exam, self.settings, self.state = model, lessons, exam, settings, state
        device = model.proj_out.weight.device
        # In an order of their own: the norm of all gradients is a sum, whose last bits depend on it.
        ordered = sorted(state.weights.items())
        self.parameters = {name: value.to(device).requires_grad_() for name, value in ordered}
        state.weights = self.parameters
        self.optimizer = torch.optim.AdamW(self.parameters.values(), lr=settings.learning_rate)
        give_moments(self.optimizer, self.parameters, state.moments)
        self.saved = time.monotonic()

    def run(self, job: Job | None, on_step: OnStep) -> None:
        state, total = self.state, self.settings.steps
        if not state.history:
            self.examine()
        while state.step < total and not _stale(state):
            self.practise()
            state.step += 1
            if state.step % self.settings.between == 0 or state.step == total:
                self.examine()
                self.save(job)
            elif time.monotonic() - self.saved > _BETWEEN_SAVES:
                self.save(job)
            try:
                on_step(state.step, total)
            except BaseException:  # cancelled: whatever it is, it passes on
                self.save(job)
                raise
        on_step(total, total)

    def practise(self) -> None:
        """One step, its every draw from a generator of its own."""
        step = self.state.step
        generator = torch.Generator().manual_seed((self.settings.seed + step) % 2**63)
        order = torch.randperm(len(self.lessons), generator=generator).tolist()
        chosen = [self.lessons[order[i % len(order)]] for i in range(self.settings.batch)]
        wrong = loss(self.model, [drawn(example, generator) for example in chosen])
        value = float(wrong.detach())
        if not torch.isfinite(wrong):
            raise F5Error(f"Training came apart at step {step + 1}: its loss is {value}. Lower the learning rate.")
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(step)
        self.optimizer.zero_grad()
        wrong.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), _GREATEST)
        self.optimizer.step()
        self.state.losses.append(value)

    @torch.no_grad()
    def examine(self) -> None:
        state = self.state
        size = self.settings.batch
        parts = [self.exam[i : i + size] for i in range(0, len(self.exam), size)]
        wrong = sum(float(loss(self.model, part, held_out=True)) * len(part) for part in parts) / len(self.exam)
        learnt = sum(state.losses) / len(state.losses) if state.losses else None
        state.history.append(Point(state.step, learnt, wrong))
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


def _start(model: DiT, settings: Settings) -> State:
    weights = fresh(model, settings.rank, torch.Generator().manual_seed(settings.seed + 2**41))
    return State(0, weights, {name: value.clone() for name, value in weights.items()})


def _stale(state: State) -> bool:
    return len(state.history) - 1 - state.history.index(state.best_point) >= PATIENCE


def _twin(model: DiT, device: torch.device) -> DiT:
    """A copy to train beside, whose blocks compute again in the backward pass what they would else have to keep."""
    in_half = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    dtype = torch.bfloat16 if in_half else torch.float32
    with torch.device("meta"):
        twin = DiT(model.arch)
    state: dict[str, Tensor] = {name: v.to(device, dtype, copy=True) for name, v in model.state_dict().items()}
    twin.load_state_dict(state, assign=True)
    block: Any
    for block in twin.transformer_blocks:
        block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False, preserve_rng_state=False)
    return twin.eval().requires_grad_(False)
