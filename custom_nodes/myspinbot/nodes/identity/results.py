"""The steps of a training that measure and end it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output
from ...comfyui.work_store import work_store
from .stages import PLAN, STAGE, LoraModel, hidden

if TYPE_CHECKING:
    from ...engines.identity.losses import Measured
    from ...engines.identity.plan import Plan
    from ...shared.work_store import Job

FOLDER = "myspinbot"
_MEASURED = 4  # of the pictures that are learned, so many are measured


class IdentityMeasure(io.ComfyNode):
    """How far the training is: the loss with fixed noise, and a sample picture."""

    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return hidden(
            "Measure",
            "measure",
            is_input_list=True,
            inputs=[
                io.Model.Input("model"),
                io.Latent.Input("latents"),
                io.Conditioning.Input("conditioning"),
                io.Image.Input("sample"),
                PLAN,
                STAGE,
                io.Latent.Input("held_latents", optional=True),
                io.Conditioning.Input("held_conditioning", optional=True),
            ],
            outputs=[io.Int.Output("steps")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        model: list[Any],
        latents: list[dict[str, Any]],
        conditioning: list[Any],
        sample: list[Any],
        plan: list[str],
        stage: list[int],
        held_latents: list[dict[str, Any]] | None = None,
        held_conditioning: list[Any] | None = None,
    ) -> io.NodeOutput:
        from ...engines.identity.losses import Measured
        from ...engines.identity.plan import Plan, put_measured, put_picture, sample_name
        from ...media.picture import from_image
        from .loss import loss_on

        work = Plan.loads(plan[0])
        job = work.job(work_store())

        def loss(latents: list[dict[str, Any]], conditioning: list[Any]) -> float:
            return loss_on(model[0], [latent["samples"] for latent in latents], conditioning, work.seed)

        learned = loss(latents[:_MEASURED], conditioning[:_MEASURED])
        held = loss(held_latents, held_conditioning) if held_latents and held_conditioning else None
        with job.locked():
            put_picture(job, sample_name(stage[0]), from_image(sample[0]))
            put_measured(job, stage[0], Measured(work.done(stage[0]), learned, held))
        return io.NodeOutput(work.done(stage[0]))


class IdentityFinish(io.ComfyNode):
    """The LoRA with all that is known of it, under its name."""

    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return hidden(
            "Finish",
            "finish",
            inputs=[
                PLAN,
                io.String.Input("report", force_input=True),
                LoraModel.Input("lora"),
                io.Int.Input("after", default=0, force_input=True),
            ],
            outputs=[
                LoraModel.Output("lora"),
                io.String.Output("lora_name"),
                io.Image.Output("samples"),
                io.Image.Output("loss_plot"),
                io.String.Output("report"),
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, plan: str, report: str, lora: dict[str, Any], after: int
    ) -> io.NodeOutput:
        import numpy as np
        import torch

        from ...engines.identity.losses import grows, plot
        from ...engines.identity.plan import Plan, losses, measured, picture, sample_name

        work = Plan.loads(plan)
        job = work.job(work_store())
        with job.locked():
            points = measured(job, work)
            keep_once(work, lora, points[-1] if points else None)
            if not points:
                raise FileNotFoundError(
                    f"{work.name} is trained and kept, but what was measured is gone: kept work was cleared. Queue the "
                    "training again to measure it; nothing is trained twice."
                )
            names = [sample_name(stage) for stage in range(len(work.stages) + 1)]
            samples = np.stack([picture(job, name) for name in names if job.has(name)])
            chart = plot(losses(job, work), points)[None]
        lines = [_told(points[0].learned, points[-1].learned, "pictures that it learned")]
        if points[0].held_out is not None and points[-1].held_out is not None:
            lines.append(_told(points[0].held_out, points[-1].held_out, "pictures held out"))
        notices: list[Notice] = []
        if grows(points):
            best = min(points, key=lambda point: point.held_out or 0.0)
            text = f"The loss on held-out pictures was least after {best.steps} steps and grew since: train that long."
            notices.append({"level": "warning", "text": text})
            lines.append(text)
        pictures, charts = (torch.from_numpy(array).float() / 255 for array in (samples, chart))
        whole = "\n".join([*lines, report])
        return output(lora, lora_name(work.name), pictures, charts, whole, notices=notices)


def lora_name(name: str) -> str:
    """As LoraLoader lists it."""
    return str(Path(FOLDER) / f"{name}.safetensors")


def lora_path(name: str) -> Path:
    """Where an identity of this name is kept."""
    import folder_paths

    return Path(folder_paths.get_folder_paths("loras")[0]) / lora_name(name)


def is_kept(plan: Plan) -> bool:
    """Whether this very training has been done and kept under its name.

    Raises:
        IdentityError: Another LoRA has the name, which is never replaced.
    """
    from ...engines.identity.lora import IdentityError, facts_of

    path = lora_path(plan.name)
    if not path.exists():
        return False
    if facts_of(path).get("job") == plan.job_id:
        return True
    raise IdentityError(
        f"There is another identity called {plan.name!r} already, which is never replaced. "
        f"Choose another name, or remove {path.name} from models/loras/{FOLDER}."
    )


def restore_last(plan: Plan, job: Job) -> None:
    """Put a LoRA that was finished before in place of its last stage, where that was cleared away since."""
    from ...engines.identity.lora import save
    from ...engines.identity.plan import lora_name as stage_name
    from ...engines.weights import load_weights

    last = stage_name(len(plan.stages))
    if is_kept(plan) and not job.has(last):
        with job.atomic_write(last) as path:
            save(path, {name: value.float() for name, value in load_weights(lora_path(plan.name)).items()})


def keep_once(plan: Plan, lora: dict[str, Any], last: Measured | None) -> None:
    """Save the LoRA under its name, unless this training has been kept before."""
    from ...engines.identity.lora import Identity, keep

    if is_kept(plan):
        return
    identity = Identity(
        name=plan.name,
        trigger=plan.trigger,
        family=plan.family,
        base_model=plan.base_model,
        steps=sum(plan.stages),
        rank=plan.settings.rank,
        resolution=plan.settings.resolution,
        learning_rate=plan.settings.learning_rate,
        seed=plan.seed,
        images=(*plan.learned, *plan.held_out),
        job=plan.job_id,
        loss=last.learned if last else None,
        held_out_loss=last.held_out if last else None,
    )
    keep(lora_path(plan.name), lora, identity.metadata())


def _told(before: float, after: float, what: str) -> str:
    change = 100 * (after - before) / before if before else 0.0
    return f"Loss on {what}: {before:.4f} before, {after:.4f} after ({change:+.1f} %)."
