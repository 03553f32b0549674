"""Burn In Subtitles: the subtitles of a speech, drawn into its video."""

from pathlib import Path
from typing import Any, Literal

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.model_files import register_folder
from ...comfyui.video_files import clip_path, new_clip
from .subtitles import TIMINGS, timings_of


class BurnSubtitles(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotBurnSubtitles",
            display_name="Burn In Subtitles",
            category="MySpinBot/Finish",
            description="Draws subtitles into the frames of a video, where every player shows them. Right-to-left "
            "and East Asian scripts work where this computer has a font for them.",
            search_aliases=["captions", "burn subtitles", "hardsub", "open captions", "text overlay", "caption video"],
            inputs=[
                io.Video.Input("video", tooltip="The video of the speech; its sound is copied as it is."),
                io.Float.Input(
                    "size",
                    default=5.5,
                    min=2.0,
                    max=15.0,
                    step=0.5,
                    tooltip="Height of the letters in percent of the video's shorter side.",
                ),
                io.Combo.Input(
                    "position",
                    options=["bottom", "middle", "top"],
                    default="bottom",
                    tooltip="Where in the picture the subtitles stand.",
                ),
                io.String.Input(
                    "color",
                    default="white",
                    tooltip="Colour of the letters: a name such as `yellow`, or red, green and blue as `#ffcc00`.",
                ),
                io.Combo.Input(
                    "backing",
                    options=["outline", "box", "none"],
                    default="outline",
                    tooltip="What sets the letters off from the picture: an outline, a dark box, or nothing.",
                ),
                TIMINGS,
                io.String.Input(
                    "text",
                    optional=True,
                    force_input=True,
                    tooltip="What is said as it is written, for punctuation and numbers; else as the timings have it.",
                ),
            ],
            outputs=[io.Video.Output("video", tooltip="The video with subtitles at its average frame rate.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        video: Any,
        size: float,
        position: Literal["bottom", "middle", "top"],
        color: str,
        backing: Literal["outline", "box", "none"],
        timings: str = "",
        text: str = "",
    ) -> io.NodeOutput:
        import folder_paths

        from ...engines.subtitles.burn import burn
        from ...engines.subtitles.caption import Style
        from ...engines.timings import Timings

        speech = Timings.from_json(timings_of(timings, video))
        register_folder("fonts")
        target = new_clip("subtitles")
        burnt = burn(
            clip_path(video),
            target,
            speech,
            text,
            style=Style(size, position, color, backing),
            folders=[Path(folder) for folder in folder_paths.get_folder_paths("fonts")],
            on_step=progress_callback(),
        )
        notices: list[Notice] = [{"level": "info", "text": remark} for remark in burnt.reading]
        warnings: list[Notice] = [{"level": "warning", "text": remark} for remark in burnt.remarks]
        return output(InputImpl.VideoFromFile(str(target)) if burnt.written else video, notices=notices + warnings)
