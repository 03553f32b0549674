"""Writes into a video's file what made it."""

from __future__ import annotations

import json
from typing import Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui.model_files import manifest
from ...comfyui.video_files import clip_path, new_clip
from ...shared.provenance import record
from .report import entries, models_of


class WriteProvenance(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotWriteProvenance",
            display_name="Write Provenance",
            category="MySpinBot/Automatic",
            description="Writes into a video's file what made it: the engines, why they were taken, the models and "
            "their licences. Save Video keeps it.",
            search_aliases=["metadata", "licence", "provenance", "credits"],
            inputs=[
                io.Video.Input("video", tooltip="The video; its pictures and sound stay as they are, bit for bit."),
                io.String.Input(
                    "provenance", force_input=True, tooltip="What the automatic stages took, from the last of them."
                ),
            ],
            outputs=[io.Video.Output("video", tooltip="The same video, with what made it in its metadata.")],
        )

    @classmethod
    @override
    def execute(cls, video: Any, provenance: str) -> io.NodeOutput:  # pyright: ignore[reportIncompatibleMethodOverride]
        from ...media.remux import write_tags

        found = entries(provenance)
        models = [record(model) for model in manifest().named(models_of(found))]
        path = new_clip("credited")
        write_tags(clip_path(video), path, {"provenance": json.dumps(found), "models": json.dumps(models)})
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), ui={"provenance": found, "models": models})
