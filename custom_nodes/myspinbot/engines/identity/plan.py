"""One training as a whole: the plan that its stages' nodes hand on, and the results of each in the store of work."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...media.faces import Pixels
from ...media.fingerprint import fingerprint
from ...media.plot import Curve, plot
from ...shared.work_store import Job, Store
from .settings import Settings
from .training_set import Example, TrainingSet

STAGE = "identity"
Part = str
LEARNED, HELD_OUT = "learned", "held-out"
_STEP_COLOR, _LEARNED_COLOR, _HELD_OUT_COLOR = (150, 165, 190), (31, 91, 179), (200, 88, 20)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that determines a training. `stages` are the steps of each; `origin` is a hash of the models' files."""

    name: str
    trigger: str
    family: str
    base_model: str
    origin: str
    prompt: str
    seed: int
    stages: tuple[int, ...]
    settings: Settings
    learned: tuple[str, ...]
    held_out: tuple[str, ...]

    @property
    def key(self) -> dict[str, Any]:
        """What a stage's result depends on: what is trained, and all of the plan but the names of files."""
        fields = {field: value for field, value in asdict(self).items() if field not in ("name", "base_model")}
        return fields | {"trained": "blocks"}

    @property
    def job_id(self) -> str:
        return fingerprint(self.key)

    def done(self, stage: int) -> int:
        """The steps done after `stage` stages."""
        return sum(self.stages[:stage])

    def job(self, store: Store) -> Job:
        """The folder of this training."""
        return store.job(STAGE, self.key, f"training of {self.name}")

    def dumps(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def loads(cls, text: str) -> "Plan":
        """The plan that `dumps` wrote.

        Raises:
            ValueError: It is none.
        """
        try:
            fields = json.loads(text)
            lists = {name: tuple(fields[name]) for name in ("stages", "learned", "held_out")}
            return cls(**(fields | lists | {"settings": Settings(**fields["settings"])}))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"This is no plan of a training ({error}); Train Identity makes it.") from error

    def with_pictures(self, pictures: TrainingSet) -> "Plan":
        return replace(self, learned=_hashes(pictures.examples), held_out=_hashes(pictures.held_out))


def _hashes(examples: Iterable[Example]) -> tuple[str, ...]:
    return tuple(fingerprint(np.ascontiguousarray(example.pixels), example.caption) for example in examples)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The loss after `steps` with fixed noise, on pictures that are learned and on ones that aren't."""

    steps: int
    learned: float
    held_out: float | None


def overfits(measured: Sequence[Measurement]) -> bool:
    """Whether the loss on held-out pictures ends more than 2 percent above its least: the training was too long."""
    held = [point.held_out for point in measured if point.held_out is not None]
    return len(held) > 2 and held[-1] > 1.02 * min(held)


def loss_plot(steps: Sequence[float], measured: Sequence[Measurement]) -> Pixels:
    """A chart of the losses.

    Args:
        steps: The loss of each step, drawn on a scale of its own.
        measured: Before the first stage and after each.

    Returns:
        (480, 768, 3) uint8.
    """
    learned = [(point.steps, point.learned) for point in measured]
    held = [(point.steps, point.held_out) for point in measured if point.held_out is not None]
    curves = [
        Curve("each step (own scale)", list(enumerate(steps, 1)), _STEP_COLOR, behind=True),
        Curve("pictures that are learned", learned, _LEARNED_COLOR),
        Curve("pictures held out", held, _HELD_OUT_COLOR),
    ]
    return plot(curves, "Loss", "steps")


def save_pictures(job: Job, pictures: TrainingSet) -> None:
    """Save the crops and captions, for the nodes that encode them."""
    for part, examples in ((LEARNED, pictures.examples), (HELD_OUT, pictures.held_out)):
        for index, example in enumerate(examples):
            save_picture(job, f"{part}-{index:02}.png", example.pixels)
        with job.atomic_write(f"{part}.json") as path:
            path.write_text(json.dumps([example.caption for example in examples], ensure_ascii=False), "utf-8")


def load_pictures(job: Job, part: Part) -> tuple[list[Pixels], list[str]]:
    """The crops (h, w, 3) and captions of a part.

    Raises:
        FileNotFoundError: They were cleared away in the meantime.
    """
    captions = json.loads(job_file(job, f"{part}.json").read_text("utf-8"))
    return [load_picture(job, f"{part}-{index:02}.png") for index in range(len(captions))], captions


def load_captions(job: Job, part: Part) -> list[str]:
    """The captions of a part; none where they were cleared away in the meantime."""
    name = f"{part}.json"
    return json.loads(job.path(name).read_text("utf-8")) if job.has(name) else []


def save_picture(job: Job, name: str, pixels: Pixels) -> None:
    with job.atomic_write(name) as path:
        Image.fromarray(pixels).save(path, "PNG")


def load_picture(job: Job, name: str) -> Pixels:
    with Image.open(job_file(job, name)) as image:
        return np.asarray(image.convert("RGB"))


def save_measurement(job: Job, stage: int, measurement: Measurement) -> None:
    with job.atomic_write(f"measured-{stage:03}.json") as path:
        path.write_text(json.dumps(asdict(measurement)), "utf-8")


def load_measurements(job: Job, plan: Plan) -> list[Measurement]:
    """What was measured so far, from before the first stage on."""
    names = [f"measured-{stage:03}.json" for stage in range(len(plan.stages) + 1)]
    return [Measurement(**json.loads(job.path(name).read_text("utf-8"))) for name in names if job.has(name)]


def save_losses(job: Job, stage: int, losses: list[float]) -> None:
    with job.atomic_write(f"losses-{stage:03}.json") as path:
        path.write_text(json.dumps(losses), "utf-8")


def load_losses(job: Job, plan: Plan) -> list[float]:
    """The loss of every step whose stage is done."""
    names = [f"losses-{stage:03}.json" for stage in range(1, len(plan.stages) + 1)]
    return [value for name in names if job.has(name) for value in json.loads(job.path(name).read_text("utf-8"))]


def lora_name(stage: int) -> str:
    """The file of the LoRA after `stage` stages."""
    return f"stage-{stage:03}.safetensors"


def sample_name(stage: int) -> str:
    """The file of the picture that was drawn after `stage` stages."""
    return f"sample-{stage:03}.png"


def last_stage(job: Job, plan: Plan) -> int:
    """How many stages are done and saved."""
    return max((stage for stage in range(1, len(plan.stages) + 1) if job.has(lora_name(stage))), default=0)


def job_file(job: Job, name: str) -> Path:
    """A file of the job.

    Raises:
        FileNotFoundError: It was cleared away in the meantime.
    """
    if not job.has(name):
        raise FileNotFoundError(f"{name} is gone from {job.folder}: kept work was cleared. Queue the training again.")
    return job.path(name)
