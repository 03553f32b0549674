"""Talking Head: a picture that speaks, by the best engine that the machine and the models allow.

The node adds another behind the engine, which gives the next one its turn where that failed.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui.video_files import clip_path, new_clip
from .choices import this_machine
from .head_engines import engine_to_take, name_of
from .preset import PRESET, settings_or_own
from .provenance import PROVENANCE, Choosing, StageChoice

_STAGE = "Talking head"


def _inputs() -> list[io.Input]:
    return [
        io.Image.Input("portrait", tooltip="A picture of one face seen from the front."),
        io.Audio.Input("audio", tooltip="The speech; the video is as long as it is."),
        io.String.Input(
            "prompt",
            default="A person talks to the camera, with natural expressions and small movements of the head.",
            multiline=True,
            tooltip="What is to be seen, for the video model.",
        ),
        io.Int.Input(
            "width", default=0, min=0, max=2048, step=16, tooltip="Width of the video in pixels; 0 is the preset's."
        ),
        io.Int.Input(
            "height", default=0, min=0, max=2048, step=16, tooltip="Height of the video in pixels; 0 is the preset's."
        ),
        io.Int.Input(
            "steps", default=0, min=0, max=100, tooltip="Steps of the video model, if it is taken; 0 is the preset's."
        ),
        io.Int.Input(
            "seed",
            default=290381,
            min=0,
            max=0x7FFFFFFF,
            control_after_generate=True,
            tooltip="The same seed gives the same movements.",
        ),
        io.String.Input("timings", optional=True, force_input=True, tooltip="When each sound is heard, from Speak."),
        PRESET,
    ]


def _outputs() -> list[io.Output]:
    return [
        io.Video.Output("video", tooltip="The talking picture with the sound."),
        PROVENANCE,
    ]


class TalkingHead(Choosing):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotTalkingHead",
            display_name="Talking Head",
            category="MySpinBot/Automatic",
            description="Lets a picture speak with the best engine that this machine and its models allow: "
            "InfiniteTalk, else Wav2Lip, else the draft. It says which it took and why.",
            search_aliases=["talking head", "avatar", "lip sync", "automatic", "infinitetalk", "wav2lip"],
            inputs=_inputs(),
            outputs=_outputs(),
            enable_expand=True,
        )

    @classmethod
    @override
    def execute(cls, **values: Any) -> io.NodeOutput:
        settings = settings_or_own(values.get("preset"))
        own = {name: values[name] or getattr(settings, name) for name in ("width", "height", "steps")}
        return _next({"timings": None} | values | own | {"preset": settings}, {})


class TalkingHeadResult(io.ComfyNode):
    """What an engine gave, or, where it failed, the next one's turn."""

    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotTalkingHeadResult",
            display_name="Talking Head Result",
            category="MySpinBot/Automatic",
            description="Takes what an engine made, or tries the next; Talking Head adds it by itself.",
            is_dev_only=True,
            inputs=[
                io.Video.Input("video", tooltip="What the engine made; nothing where it failed."),
                io.String.Input("tried", tooltip="The engines that failed before, as JSON."),
                io.String.Input("engine", tooltip="The engine that was taken."),
                io.String.Input("choice", tooltip="What provenance says of it, as JSON."),
                *_inputs(),
            ],
            outputs=_outputs(),
            enable_expand=True,
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, video: Any, tried: str, engine: str, choice: str, **values: Any
    ) -> io.NodeOutput:
        from ...media.remux import write_tags

        failed: dict[str, str] = json.loads(tried)
        if video is None:
            return _next(values, {**failed, engine: f"{name_of(engine)} ran out of memory."})
        stage_choice = StageChoice(**json.loads(choice))
        provenance, timings = stage_choice.append(), values["timings"] or ""
        path = new_clip("talking-head")
        write_tags(clip_path(video), path, {"provenance": provenance} | ({"timings": timings} if timings else {}))
        ui = {"notices": stage_choice.notices(expected=values["preset"].simplest and not failed)}
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), provenance, ui=ui)


def _next(values: dict[str, Any], tried: dict[str, str]) -> io.NodeOutput:
    """Expand into the best engine that wasn't tried, and what comes after it."""
    from comfy_execution.graph_utils import GraphBuilder

    preset = values["preset"].preset
    engine, why = engine_to_take(preset, this_machine(), tried)
    ids = engine.chosen(preset)
    graph = GraphBuilder()
    given = {
        "tried": json.dumps(tried),
        "engine": engine.id,
        "choice": json.dumps(asdict(StageChoice(_STAGE, engine.name, why, ids))),
    }
    video = engine.wire(graph, ids, values)
    result = graph.node("MySpinBotTalkingHeadResult", video=video, **given, **values)
    return io.NodeOutput(result.out(0), result.out(1), expand=graph.finalize())
