"""Finish: upscaling, captions and provenance, as far as the preset and the models go."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice
from ...comfyui.graph_nodes import add
from ...comfyui.video_files import clip_path
from ...shared.selection import upscalers
from .choices import Machine, file_of, first_present, how_to_get, this_machine
from .preset import PRESET, Settings, settings_or_own
from .provenance import Choosing, StageChoice, as_text, entries, in_file

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
                    default=-1,
                    min=-1,
                    max=4320,
                    tooltip="Pixels of the shorter side of the finished video; 0 keeps its size, -1 is the preset's.",
                ),
                io.Boolean.Input("captions", default=False, tooltip="Draw what is said into the picture."),
                PRESET,
                *(_provenance_of(stage, stage.capitalize()) for stage in ("portrait", "speech", "head")),
                io.String.Input(
                    "timings",
                    optional=True,
                    force_input=True,
                    tooltip="When each word is heard, from Speak, for captions; Talking Head writes it into its video.",
                ),
                _provenance_of("script", "Write Script"),
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
        preset: Settings | None = None,
        portrait_provenance: str = "",
        speech_provenance: str = "",
        head_provenance: str = "",
        timings: str = "",
        script_provenance: str = "",
    ) -> io.NodeOutput:
        from comfy_execution.graph_utils import GraphBuilder

        from ...media.clip import probe
        from ...media.remux import read_tags

        settings, path = settings_or_own(preset), clip_path(video)
        if upscale_height < 0:
            upscale_height = settings.upscale_height
        info, tags = probe(path), read_tags(path)
        timings = timings.strip() or tags.get("timings", "")
        stages = script_provenance, portrait_provenance, speech_provenance, in_file(path), head_provenance
        provenance = as_text(entries(*stages))
        graph = GraphBuilder()
        finished: Any = video
        notices: list[Notice] = []
        if upscale_height > min(info.width, info.height):
            model, why = _upscaler(settings.preset, this_machine())
            choice = StageChoice(_STAGE, "Upscale Video" if model else "none", why, [model] if model else [])
            provenance, notices = choice.append(provenance), choice.notices()
            if model:
                loaded = graph.node("UpscaleModelLoader", model_name=file_of(model))
                factor = upscale_height / min(info.width, info.height)
                given = {"video": finished, "upscale_model": loaded.out(0), "target": "factor", "factor": factor}
                finished = add(graph, "MySpinBotUpscale", **given)
        if captions and timings:
            finished = add(graph, "MySpinBotBurnSubtitles", video=finished, timings=timings)
        elif captions:
            notices.append({"level": "warning", "text": "There are no captions: connect `timings` of Speak."})
        given = {"video": finished, "provenance": provenance, "timings": timings}
        written = graph.node("MySpinBotWriteProvenance", **given)
        return io.NodeOutput(written.out(0), provenance, ui={"notices": notices}, expand=graph.finalize())


def _provenance_of(stage: str, name: str) -> Any:
    return io.String.Input(
        f"{stage}_provenance",
        optional=True,
        force_input=True,
        tooltip=f"What {name} took, to be written into the video's file.",
    )


def _upscaler(preset: str, machine: Machine) -> tuple[str | None, str]:
    """The model to enlarge with, or None and why."""
    order = upscalers(preset, machine.has_card)
    model = first_present(order)
    return (model, "") if model else (None, how_to_get(order[:1]))
