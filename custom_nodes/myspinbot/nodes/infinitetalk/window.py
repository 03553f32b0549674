"""The nodes that InfiniteTalk expands into: a window each, and one that joins them. Not for use by hand."""

import json
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui.feedback import progress_callback
from ...comfyui.video_files import new_clip
from ...comfyui.work_store import work_store
from .render import Models, encoded, render
from .show import Show

if TYPE_CHECKING:
    from ...engines.infinitetalk.work import Work

_CATEGORY = "MySpinBot/Talking Head/internal"


@dataclass(frozen=True)
class Made:
    """The windows so far.

    Attributes:
        names: what they are called in the store.
        seconds: how long those took that were made in this run.
        gave_up: memory ran out, and the user wants no error for it.
    """

    names: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    gave_up: bool = False


Windows = io.Custom("MYSPINBOT_INFINITETALK_WINDOWS")


class InfiniteTalkWindow(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotInfiniteTalkWindow",
            display_name="InfiniteTalk Window",
            category=_CATEGORY,
            description="One window of an InfiniteTalk video; InfiniteTalk adds these by itself.",
            is_dev_only=True,
            inputs=[
                io.String.Input("work", tooltip="What determines the video, as JSON."),
                io.Int.Input("index", min=0, tooltip="Which window this is."),
                io.Model.Input("model", tooltip="The video model."),
                io.ModelPatch.Input("model_patch", tooltip="InfiniteTalk."),
                io.Vae.Input("vae", tooltip="The video model's VAE."),
                io.Conditioning.Input("positive", tooltip="What is to be seen in this window."),
                io.Conditioning.Input("negative", tooltip="What is not to be seen."),
                io.ClipVisionOutput.Input("clip_vision_output", optional=True, tooltip="What CLIP sees."),
                Windows.Input("before", optional=True, tooltip="The windows before this one."),
                io.Boolean.Input("may_give_up", default=False, optional=True, tooltip="Don't fail for want of memory."),
            ],
            outputs=[Windows.Output("windows", tooltip="The windows up to this one.")],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    @override
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Never the same: whether a window is done, only the disk knows."""
        return float("nan")

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        work: str,
        index: int,
        model: Any,
        model_patch: Any,
        vae: Any,
        positive: Any,
        negative: Any,
        clip_vision_output: Any = None,
        before: Made | None = None,
        may_give_up: bool = False,
    ) -> io.NodeOutput:
        from ...engines.contents import contents_hash
        from ...engines.infinitetalk.work import Work
        from ...engines.memory import is_out_of_memory

        made = before or Made()
        if made.gave_up:
            return io.NodeOutput(made)
        talk = Work.open(work_store(), json.loads(work))
        last = made.names[-1] if made.names else ""
        name = talk.name(index, last, contents_hash(positive))
        seconds = made.seconds
        if not talk.has(name):
            began = time.monotonic()
            models = Models(model, model_patch, vae, positive, negative, clip_vision_output)
            # Between windows the job is nobody's: a second ComfyUI that is given the same work may make the next one.
            # That does no harm, as its bits are the same; whichever finds the job held stops, and goes on if queued.
            with talk.job.locked():
                shown_on = cls.hidden.dynprompt.get_display_node_id(cls.hidden.unique_id)
                show = Show(talk, index, made.seconds, models.model, shown_on)
                try:
                    _make(talk, name, last, models, show)
                except Exception as error:
                    if not may_give_up or not is_out_of_memory(error):
                        raise
                    return io.NodeOutput(replace(made, gave_up=True))
            seconds = (*seconds, time.monotonic() - began)
        return io.NodeOutput(Made((*made.names, name), seconds))


class InfiniteTalkJoin(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotInfiniteTalkJoin",
            display_name="InfiniteTalk Join",
            category=_CATEGORY,
            description="Joins the windows of an InfiniteTalk video; InfiniteTalk adds this by itself.",
            is_dev_only=True,
            inputs=[
                io.String.Input("work", tooltip="What determines the video, as JSON."),
                Windows.Input("windows", tooltip="All windows."),
            ],
            outputs=[io.Video.Output("video", tooltip="The talking portrait with its sound; nothing after giving up.")],
        )

    @classmethod
    @override
    def execute(cls, work: str, windows: Made) -> io.NodeOutput:  # pyright: ignore[reportIncompatibleMethodOverride]
        if windows.gave_up:
            return io.NodeOutput(None)
        from contextlib import closing
        from fractions import Fraction

        from ...engines.infinitetalk.work import Work
        from ...media.prefetch import prefetch
        from ...media.video import VideoWriter

        talk = Work.open(work_store(), json.loads(work))
        settings, path, on_step = talk.settings, new_clip("infinitetalk"), progress_callback()
        size = {"width": settings.width, "height": settings.height}
        with (
            talk.job.locked(),
            VideoWriter(path, **size, fps=Fraction(settings.fps), sound=talk.sound()) as video,
            closing(prefetch(talk.frames(windows.names))) as frames,
        ):
            for frame in frames:
                video.write(frame)
                on_step(video.frames, talk.plan.frames)
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)))


def _make(talk: "Work", name: str, before: str, models: Models, show: Show) -> None:
    """Make the window `name` after `before`, and keep it."""
    from ...engines.infinitetalk.colour import matched

    settings, window = talk.settings, talk.plan.window(show.index)
    last = window.index + 1 == talk.plan.count
    motion = talk.motion(before) if before else None
    frames = render(talk, window, models, motion, show.sampled)
    if settings.color_match == "disabled":
        fresh = frames[window.motion :]
    else:
        reference = talk.start(window)[0].to(models.model.load_device)
        fresh = matched(frames, reference, settings.color_match, known=window.motion)
    following = None if last else partial(encoded, models.vae, fresh[-settings.motion_frame :], settings)
    talk.keep(name, fresh[: window.fresh], following)
    show.finished(fresh[window.fresh - 1])
