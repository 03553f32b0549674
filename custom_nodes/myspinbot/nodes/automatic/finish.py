"""Finish: upscaling, captions and credits, as far as the preset and the models go."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.graph_nodes import add
from ...comfyui.video_files import clip_path
from ...shared.selection import upscalers
from .machine import Machine, this_machine
from .models import file_of, first_present, how_to_get
from .report import StageChoice, joined
from .stage import PRESET, PROVENANCE, Choosing

_STAGE = "Upscaling"


class Finish(Choosing):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotFinish",
            display_name="Finish",
            category="MySpinBot/Automatic",
            description="Makes a talking video ready: enlarges it where an upscale model is there, draws captions if "
            "you want them, and writes into its file what made it.",
            search_aliases=["finish", "upscale", "captions", "credits", "automatic", "post-processing"],
            inputs=[
                io.Video.Input("video", tooltip="The talking video."),
                io.Int.Input(
                    "upscale_height",
                    default=720,
                    min=0,
                    max=4320,
                    tooltip="Pixels of the shorter side of the finished video; 0 keeps it as it is.",
                ),
                io.Boolean.Input("captions", default=False, tooltip="Draw what is said into the picture."),
                io.String.Input(
                    "timings",
                    optional=True,
                    force_input=True,
                    tooltip="When each word is heard, from Speak; needed for captions.",
                ),
                io.String.Input(
                    "text",
                    optional=True,
                    force_input=True,
                    tooltip="What is said as it is written, for the captions' punctuation.",
                ),
                PRESET,
                PROVENANCE,
            ],
            outputs=[
                io.Video.Output("video", tooltip="The finished video, for Save Video."),
                io.String.Output("provenance", tooltip="What made it: every stage's choice, and why, as JSON."),
            ],
            enable_expand=True,
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        video: Any,
        upscale_height: int,
        captions: bool,
        timings: str = "",
        text: str = "",
        preset: str = "auto",
        provenance: str = "",
    ) -> io.NodeOutput:
        from comfy_execution.graph_utils import GraphBuilder

        from ...media.clip import probe

        info = probe(clip_path(video))
        graph = GraphBuilder()
        finished, told, ui = video, provenance, {}
        if upscale_height > min(info.width, info.height):
            model, why = _upscaler(preset, this_machine())
            taken = StageChoice(_STAGE, "Upscale Video" if model else "none", why, [model] if model else [])
            told, ui = joined(provenance, taken), {"notices": taken.notices()}
            if model:
                loaded = graph.node("UpscaleModelLoader", model_name=file_of(model))
                factor = upscale_height / min(info.width, info.height)
                given = {"video": finished, "upscale_model": loaded.out(0), "target": "factor", "factor": factor}
                finished = add(graph, "MySpinBotUpscale", **given)
        if captions and timings.strip():
            given = {"video": finished, "timings": timings, "text": text}
            finished = add(graph, "MySpinBotBurnSubtitles", **given)
        credited = graph.node("MySpinBotWriteProvenance", video=finished, provenance=told)
        return io.NodeOutput(credited.out(0), told, ui=ui, expand=graph.finalize())


def _upscaler(preset: str, machine: Machine) -> tuple[str | None, str]:
    """The model to enlarge with, or None and why."""
    order = upscalers(preset, machine.has_card)
    model = first_present(order)
    return (model, "") if model else (None, how_to_get(order[:1]))
