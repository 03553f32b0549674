"""Measure Video: how good a talking clip is, in numbers and as a picture."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui import face_detectors
from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.video_files import clip_path


class Measure(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotMeasure",
            display_name="Measure Video",
            category="MySpinBot/Measure",
            description="Measures a talking clip without any model: whether lips and sound fit, blinks, jumps and "
            "flicker, sharpness, likeness to a reference, loudness. Gives a report and a picture of it.",
            search_aliases=["metrics", "quality", "evaluate", "lip sync score", "av offset", "ssim", "psnr", "lufs"],
            inputs=[
                io.Video.Input("video", tooltip="The clip to measure, of any length."),
                io.Video.Input(
                    "reference",
                    optional=True,
                    tooltip="A clip that it should be like, frame by frame from the beginning, for SSIM and PSNR.",
                ),
                io.String.Input(
                    "script",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="What is said in the clip, for the rate of speech; empty leaves that out.",
                ),
                io.Combo.Input(
                    "detector",
                    options=face_detectors.DETECTORS,
                    default="auto",
                    optional=True,
                    advanced=True,
                    tooltip=face_detectors.TOOLTIP,
                ),
            ],
            outputs=[
                io.String.Output("report", tooltip="All values, events and curves as JSON."),
                io.Image.Output("picture", tooltip="The same as a picture: values, curves over time, worst frames."),
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, video: Any, reference: Any = None, script: str = "", detector: str = "auto"
    ) -> io.NodeOutput:
        import torch

        from ...engines.measure.measure import measure
        from ...engines.measure.page import page

        path, finder = clip_path(video), face_detectors.detector(detector)
        other = None if reference is None else clip_path(reference)
        report = measure(path, finder, reference=other, script=script, on_step=progress_callback())
        picture = torch.from_numpy(page(report, path)).float().div(255)[None]  # (1, H, W, 3)
        notices: list[Notice] = [{"level": "info", "text": text} for text in report.remarks]
        return output(report.to_json(), picture, notices=notices + face_detectors.notices(finder, detector))
