"""Train Identity as a graph of ComfyUI's own nodes: dataset, then stage by stage train, keep, sample, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comfy_execution.graph_utils import GraphBuilder, Node

    from ...engines.identity.plan import Plan
    from ...shared.work_store import Job

Link = list[Any]


def expanded(
    plan: Plan, job: Job, report: str, links: dict[str, Link], *, cpu: bool
) -> tuple[dict[str, Any], list[Link]]:
    """The graph and its results: model, lora_name, samples, loss_plot, report.

    Stages that are kept in `job` aren't trained again.

    `links` are the model, the drawing model, clip and vae; on a processor (`cpu`) numbers have 32 bits.
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
            self.lora = self.graph.node("MySpinBotIdentityKeep", plan=self.text, stage=stage).out(0)
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
            "MySpinBotIdentityKeep",
            plan=self.text,
            stage=stage,
            lora=trained.out(0),
            loss=trained.out(1),
            **before,
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
