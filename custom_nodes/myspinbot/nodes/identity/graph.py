"""Train Identity as a graph: ComfyUI's own nodes train, sample and decode, and nodes of ours save and measure.

Stage by stage: dataset, train, save, sample, measure. The nodes of ours are hidden from the menu: each takes the plan
as text, and finds what belongs to it in the store of work.
"""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output
from ...comfyui.work_store import work_store

if TYPE_CHECKING:
    from comfy_execution.graph_utils import GraphBuilder, Node

    from ...engines.identity.plan import Measurement, Plan
    from ...shared.work_store import Job

Link = list[Any]
LoraModel = io.Custom("LORA_MODEL")
LossMap = io.Custom("LOSS_MAP")
CATEGORY = "MySpinBot/Identity/Steps"
PLAN = io.String.Input("plan", force_input=True, tooltip="The training, as Train Identity writes it.")
STAGE = io.Int.Input("stage", default=1, min=0, tooltip="The number of the stage.")
FOLDER = "myspinbot"
_MEASURED = 4  # of the pictures that are learned, so many are measured


def build_graph(
    plan: Plan, job: Job, report: str, links: dict[str, Link], *, cpu: bool
) -> tuple[dict[str, Any], list[Link]]:
    """The graph and its results: model, lora_name, samples, loss_plot, report.

    Stages whose results are in `job` aren't trained again.

    Args:
        plan: The training.
        job: Its place in the store of work.
        report: What was found in the pictures.
        links: Of the model, the drawing model, clip and vae.
        cpu: Train on a processor, where numbers have 32 bits.
    """
    from comfy_execution.graph_utils import GraphBuilder

    from ...engines.identity.plan import last_stage

    graph = GraphBuilder()
    stages = _Stages(graph, plan, job, links, cpu=cpu)
    done = last_stage(job, plan)
    for stage in range(len(plan.stages) + 1):
        stages.add(stage, train=stage > done)
    finish = graph.node(
        "MySpinBotIdentityFinish", plan=plan.dumps(), report=report, lora=stages.lora, after=stages.after
    )
    model = stages.applied(finish.out(0))
    return graph.finalize(), [model, *(finish.out(index) for index in range(1, 5))]


class _Stages:
    """The stages one after the other; `lora` and `after` are what the last one gives."""

    def __init__(self, graph: GraphBuilder, plan: Plan, job: Job, links: dict[str, Link], *, cpu: bool) -> None:
        from ...engines.identity.plan import HELD_OUT, LEARNED

        self.graph, self.plan, self.job, self.links, self.cpu = graph, plan, job, links, cpu
        self.text = plan.dumps()
        self.learned = self._dataset(LEARNED)
        self.held_out = self._dataset(HELD_OUT) if plan.held_out else None
        self.positive = graph.node("CLIPTextEncode", clip=links["clip"], text=plan.prompt)
        self.negative = graph.node("ConditioningZeroOut", conditioning=self.positive.out(0))
        size = plan.settings.resolution
        self.canvas = graph.node(plan.settings.latent_node, width=size, height=size, batch_size=1)
        self.lora: Any = None
        self.after: Any = 0

    def add(self, stage: int, *, train: bool) -> None:
        """A stage; the one with number 0 is the model before any training."""
        from ...engines.identity.plan import lora_name, sample_name

        if stage == 0:
            model = self.links["drawing"]
        elif train:
            self.lora = self._train(stage).out(0)
            model = self.applied(self.lora)
        elif self.job.has(lora_name(stage)):
            self.lora = self.graph.node("MySpinBotIdentitySave", plan=self.text, stage=stage).out(0)
            model = self.applied(self.lora)
        else:
            return
        if not (self.job.has(f"measured-{stage:03}.json") and self.job.has(sample_name(stage))):
            self.after = self._measure(stage, model)

    def _dataset(self, part: str) -> Node:
        pictures = self.graph.node("MySpinBotIdentityPictures", plan=self.text, part=part)
        return self.graph.node(
            "MakeTrainingDataset",
            images=pictures.out(0),
            texts=pictures.out(1),
            vae=self.links["vae"],
            clip=self.links["clip"],
        )

    def _train(self, stage: int) -> Node:
        settings = self.plan.settings
        before = {"before": self.lora} if self.lora else {}
        begin = self.graph.node(
            "MySpinBotIdentityBegin",
            model=self.links["model"],
            latents=self.learned.out(0),
            plan=self.text,
            stage=stage,
            after=self.after,
            **before,
        )
        buckets = self.graph.node("ResolutionBucket", latents=begin.out(1), conditioning=self.learned.out(1))
        trained = self.graph.node(
            "TrainLoraNode",
            model=begin.out(0),
            latents=buckets.out(0),
            positive=buckets.out(1),
            batch_size=settings.batch_size,
            grad_accumulation_steps=1,
            steps=self.plan.stages[stage - 1],
            learning_rate=settings.learning_rate,
            rank=settings.rank,
            optimizer="AdamW",
            loss_function="MSE",
            seed=self.plan.seed + 1000 * self.plan.done(stage - 1),  # it adds 1000 to the seed at each step
            training_dtype="fp32" if self.cpu else "bf16",
            lora_dtype="fp32",
            quantized_backward=False,
            algorithm="LoRA",
            gradient_checkpointing=True,
            checkpoint_depth=settings.checkpoint_depth,
            offloading=settings.offloading and not self.cpu,
            existing_lora=begin.out(2),
            bucket_mode=True,
            bypass_mode=False,
        )
        return self.graph.node(
            "MySpinBotIdentitySave", plan=self.text, stage=stage, lora=trained.out(0), loss=trained.out(1)
        )

    def applied(self, lora: Link) -> Link:
        node = self.graph.node(
            "LoraModelLoader", model=self.links["drawing"], lora=lora, strength_model=1.0, bypass=False
        )
        return node.out(0)

    def _measure(self, stage: int, model: Link) -> Link:
        settings = self.plan.settings
        drawn = self.graph.node(
            "KSampler",
            model=model,
            seed=self.plan.seed,
            steps=settings.sample_steps,
            cfg=settings.cfg,
            sampler_name=settings.sampler,
            scheduler=settings.scheduler,
            positive=self.positive.out(0),
            negative=self.negative.out(0),
            latent_image=self.canvas.out(0),
            denoise=1.0,
        )
        sample = self.graph.node("VAEDecode", samples=drawn.out(0), vae=self.links["vae"])
        held = self.held_out
        more = {"held_latents": held.out(0), "held_conditioning": held.out(1)} if held else {}
        return self.graph.node(
            "MySpinBotIdentityMeasure",
            model=model,
            latents=self.learned.out(0),
            conditioning=self.learned.out(1),
            sample=sample.out(0),
            plan=self.text,
            stage=stage,
            **more,
        ).out(0)


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

        from ...engines.identity.plan import Plan, load_pictures

        job = Plan.loads(plan).job(work_store())
        with job.locked():
            pixels, captions = load_pictures(job, part)
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
        from ...engines.identity.lora import init_lora, save
        from ...engines.identity.plan import Plan
        from .model import layers_of, only_trained

        base, work, number = model[0], Plan.loads(plan[0]), stage[0]
        # Of every layer, for TrainLoraNode would draw those that it doesn't find from the global generator.
        lora = init_lora(layers_of(base), work.settings.rank, work.seed) | (before[0] if before else {})
        path = _existing(work.job_id, work.done(number - 1))
        save(path, lora)
        scaled = [{"samples": base.model.process_latent_in(latent["samples"])} for latent in latents]
        return io.NodeOutput(_with_scaled_latents(only_trained(base.clone())), scaled, path.name)


class IdentitySave(io.ComfyNode):
    """Saves a stage's LoRA; without inputs, loads the one that was saved before."""

    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return hidden(
            "Save",
            "save a stage",
            inputs=[
                PLAN,
                STAGE,
                LoraModel.Input("lora", optional=True),
                LossMap.Input("loss", optional=True),
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
    ) -> io.NodeOutput:
        import math

        from ...engines.identity.lora import IdentityError, save, trained
        from ...engines.identity.plan import Plan, job_file, lora_name, save_losses
        from ...engines.weights import load_weights

        work = Plan.loads(plan)
        job = work.job(work_store())
        if lora is None or loss is None:
            with job.locked():
                return io.NodeOutput(load_weights(job_file(job, lora_name(stage))))
        with contextlib.suppress(PermissionError):  # Windows, while it is mapped; the folder is emptied in any case
            _existing(work.job_id, work.done(stage - 1)).unlink(missing_ok=True)
        if not all(map(math.isfinite, loss["loss"])):
            raise IdentityError(
                f"The training diverged after {work.done(stage - 1)} steps: its loss is no number any more. "
                "Nothing of this stage was saved. Lower `learning_rate`."
            )
        whole = trained(lora)
        with job.locked():
            save_losses(job, stage, loss["loss"])
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


def _with_scaled_latents(model: Any) -> Any:
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
        from ...engines.identity.plan import Measurement, Plan, sample_name, save_measurement, save_picture
        from ...media.picture import from_image
        from .loss import loss_on

        work = Plan.loads(plan[0])
        job = work.job(work_store())

        def loss(latents: list[dict[str, Any]], conditioning: list[Any]) -> float:
            return loss_on(model[0], [latent["samples"] for latent in latents], conditioning, work.seed)

        learned = loss(latents[:_MEASURED], conditioning[:_MEASURED])
        held = loss(held_latents, held_conditioning) if held_latents and held_conditioning else None
        with job.locked():
            save_picture(job, sample_name(stage[0]), from_image(sample[0]))
            save_measurement(job, stage[0], Measurement(work.done(stage[0]), learned, held))
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

        from ...engines.identity.plan import (
            LEARNED,
            Plan,
            load_captions,
            load_losses,
            load_measurements,
            load_picture,
            loss_plot,
            overfits,
            sample_name,
        )

        work = Plan.loads(plan)
        job = work.job(work_store())
        with job.locked():
            points = load_measurements(job, work)
            save_once(work, lora, points[-1] if points else None, load_captions(job, LEARNED))
            if not points:
                raise FileNotFoundError(
                    f"{work.name} is trained and saved, but what was measured is gone: it was cleared away. Queue the "
                    "training again to measure it; nothing is trained twice."
                )
            names = [sample_name(stage) for stage in range(len(work.stages) + 1)]
            samples = np.stack([load_picture(job, name) for name in names if job.has(name)])
            chart = loss_plot(load_losses(job, work), points)[None]
        lines = [_loss_line(points[0].learned, points[-1].learned, "pictures that it learned")]
        if points[0].held_out is not None and points[-1].held_out is not None:
            lines.append(_loss_line(points[0].held_out, points[-1].held_out, "pictures held out"))
        notices: list[Notice] = []
        if overfits(points):
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
    """Where an identity of this name is saved."""
    import folder_paths

    return Path(folder_paths.get_folder_paths("loras")[0]) / lora_name(name)


def is_saved(plan: Plan) -> bool:
    """Whether this very training has been done and saved under its name.

    Raises:
        IdentityError: Another LoRA has the name, which is never replaced.
    """
    from ...engines.identity.lora import IdentityError, read_metadata

    path = lora_path(plan.name)
    if not path.exists():
        return False
    if read_metadata(path).get("job") == plan.job_id:
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
    if is_saved(plan) and not job.has(last):
        with job.atomic_write(last) as path:
            save(path, {name: value.float() for name, value in load_weights(lora_path(plan.name)).items()})


def save_once(plan: Plan, lora: dict[str, Any], last: Measurement | None, captions: list[str]) -> None:
    """Save the LoRA under its name, as other programs read it too, unless this training has been saved before."""
    from ...engines.identity.layouts import convert, own_layout
    from ...engines.identity.lora import Identity, save_identity

    if is_saved(plan):
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
    portable = convert(lora, plan.family, own_layout(plan.family))
    save_identity(lora_path(plan.name), portable, identity.metadata(captions=captions))


def _loss_line(before: float, after: float, what: str) -> str:
    change = 100 * (after - before) / before if before else 0.0
    return f"Loss on {what}: {before:.4f} before, {after:.4f} after ({change:+.1f} %)."
