"""The steps of a training that Train Identity expands into, between ComfyUI's own nodes.

They are hidden from the menu: each takes the plan as text, and finds what belongs to it in the work store.
"""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.work_store import work_store

LoraModel = io.Custom("LORA_MODEL")
LossMap = io.Custom("LOSS_MAP")
CATEGORY = "MySpinBot/Identity/Steps"
PLAN = io.String.Input("plan", force_input=True, tooltip="The training, as Train Identity writes it.")
STAGE = io.Int.Input("stage", default=1, min=0, tooltip="The number of the stage.")


def hidden(name: str, title: str, **options: Any) -> io.Schema:
    """The schema of a step that only an expansion uses."""
    return io.Schema(
        node_id=f"MySpinBotIdentity{name}",
        display_name=f"Identity: {title}",
        category=CATEGORY,
        description="A step of Train Identity, which adds it by itself.",
        is_dev_only=True,
        **options,
    )


class IdentityPictures(io.ComfyNode):
    """The crops and captions, as ComfyUI's Make Training Dataset takes them."""

    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return hidden(
            "Pictures",
            "pictures",
            inputs=[PLAN, io.String.Input("part", tooltip="Which pictures: `learned` or `held-out`.")],
            outputs=[
                io.Image.Output("images", is_output_list=True),
                io.String.Output("captions", is_output_list=True),
            ],
        )

    @classmethod
    @override
    def execute(cls, plan: str, part: str) -> io.NodeOutput:  # pyright: ignore[reportIncompatibleMethodOverride]
        import torch

        from ...engines.identity.plan import Plan, pictures

        job = Plan.loads(plan).job(work_store())
        with job.locked():
            pixels, captions = pictures(job, part)
        images = [torch.from_numpy(one.copy()).float()[None] / 255 for one in pixels]  # (1, H, W, 3)
        return io.NodeOutput(images, captions)


class IdentityBegin(io.ComfyNode):
    """What a stage goes on from: the model, the latents and the LoRA."""

    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return hidden(
            "Begin",
            "begin a stage",
            is_input_list=True,
            inputs=[
                io.Model.Input("model"),
                io.Latent.Input("latents"),
                PLAN,
                STAGE,
                io.Int.Input("after", default=0, optional=True, force_input=True),
                LoraModel.Input("before", optional=True, tooltip="The LoRA of the stage before."),
            ],
            outputs=[
                io.Model.Output("model"),
                io.Latent.Output("latents", is_output_list=True),
                io.String.Output("existing_lora"),
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        model: list[Any],
        latents: list[dict[str, Any]],
        plan: list[str],
        stage: list[int],
        after: list[int] | None = None,
        before: list[dict[str, Any]] | None = None,
    ) -> io.NodeOutput:
        import comfy.sd

        from ...engines.identity.lora import beginning, differences, save
        from ...engines.identity.plan import Plan
        from .model import layers_of

        base, work, number = model[0], Plan.loads(plan[0]), stage[0]
        lora = before[0] if before else beginning(layers_of(base), work.settings.rank, work.seed)
        into = differences(lora)
        patched = comfy.sd.load_lora_for_models(base, None, into, 1.0, 0)[0] if into else base.clone()
        path = _existing(work.job_id, work.done(number - 1))
        save(path, {name: value for name, value in lora.items() if name not in into})
        scaled = [{"samples": base.model.process_latent_in(latent["samples"])} for latent in latents]
        return io.NodeOutput(_taking_latents_as_they_are(patched), scaled, path.name)


class IdentityKeep(io.ComfyNode):
    """A stage's LoRA, kept; without inputs the one that was kept before."""

    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return hidden(
            "Keep",
            "keep a stage",
            inputs=[
                PLAN,
                STAGE,
                LoraModel.Input("lora", optional=True),
                LossMap.Input("loss", optional=True),
                LoraModel.Input("before", optional=True, tooltip="The LoRA of the stage before."),
            ],
            outputs=[LoraModel.Output("lora")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        plan: str,
        stage: int,
        lora: dict[str, Any] | None = None,
        loss: dict[str, list[float]] | None = None,
        before: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        import math

        from ...engines.identity.lora import IdentityError, added_up, save
        from ...engines.identity.plan import Plan, kept_file, lora_name, put_losses
        from ...engines.weights import load_weights

        work = Plan.loads(plan)
        job = work.job(work_store())
        if lora is None or loss is None:
            with job.locked():
                return io.NodeOutput(load_weights(kept_file(job, lora_name(stage))))
        with contextlib.suppress(PermissionError):  # Windows, while it is mapped; the folder is emptied in any case
            _existing(work.job_id, work.done(stage - 1)).unlink(missing_ok=True)
        if not all(map(math.isfinite, loss["loss"])):
            raise IdentityError(
                f"The training came apart after {work.done(stage - 1)} steps: its loss is no number any more. "
                "Nothing of this stage was kept. Lower `learning_rate`."
            )
        whole = added_up(before or {}, lora)
        with job.locked():
            put_losses(job, stage, loss["loss"])
            with job.atomic_write(lora_name(stage)) as path:
                save(path, whole)
        return io.NodeOutput(whole)


def _existing(job_id: str, done: int) -> Path:
    """Where TrainLoraNode finds what it goes on from.

    It takes a name in ComfyUI's folders of LoRAs, with the steps done in it. One in the temporary folder is known to
    it for that, which ComfyUI empties at its next start, however this one ends.
    """
    import folder_paths

    folder = Path(folder_paths.get_temp_directory()) / "myspinbot" / "loras"
    folder.mkdir(parents=True, exist_ok=True)
    folder_paths.add_model_folder_path("loras", str(folder))
    return folder / f"unfinished-{job_id[:12]}_{done}_steps_.safetensors"


def _taking_latents_as_they_are(model: Any) -> Any:
    """`model`, for latents that are scaled already.

    TrainLoraNode of ComfyUI 0.30 scales latents as the model wants them, but not those in buckets; given latents that
    are scaled and a model that doesn't scale, it trains right whether it scales or not.
    """
    plain = copy.copy(model.model.latent_format)
    plain.process_in = plain.process_out = _same
    model.add_object_patch("latent_format", plain)
    return model


def _same(latent: Any) -> Any:
    return latent
