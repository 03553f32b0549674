"""The nodes that InfiniteTalk expands into: a window each, and one that joins them. Not for use by hand.

A window is made by ComfyUI's own nodes; while it is, the user sees a bar over all windows, the time left and a picture.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui.feedback import progress_callback
from ...comfyui.video_files import new_clip
from ...comfyui.work_store import work_store

if TYPE_CHECKING:
    from torch import Tensor

    from ...engines.infinitetalk.plan import Window
    from ...engines.infinitetalk.settings import Settings
    from ...engines.infinitetalk.work import Work

_CATEGORY = "MySpinBot/Talking Head/internal"
_TILE, _OVERLAP = 512, 64  # pixels, where the VAE works tile by tile; it takes all frames at once
_WHOLE = 4096  # frames
_SMALLEST = 16  # pixels of a side
_CONTEXT = 2  # audio features on both sides of a frame that InfiniteTalk uses
_PREVIEW = 512  # pixels of a preview's side


@dataclass(frozen=True)
class FinishedWindows:
    """The windows so far.

    Attributes:
        names: theirs in the store.
        seconds: how long those took that were made in this run.
        out_of_memory: memory ran out, and the user wants no error for it.
    """

    names: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    out_of_memory: bool = False


_WindowsType = io.Custom("MYSPINBOT_INFINITETALK_WINDOWS")


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
                io.String.Input("key", tooltip="What determines the video, as JSON."),
                io.Int.Input("index", min=0, tooltip="Which window this is."),
                io.Model.Input("model", tooltip="The video model."),
                io.ModelPatch.Input("model_patch", tooltip="InfiniteTalk."),
                io.Vae.Input("vae", tooltip="The video model's VAE."),
                io.Conditioning.Input("positive", tooltip="What is to be seen in this window."),
                io.Conditioning.Input("negative", tooltip="What is not to be seen."),
                io.ClipVisionOutput.Input("clip_vision_output", optional=True, tooltip="What CLIP sees."),
                _WindowsType.Input("windows", optional=True, tooltip="The windows before this one."),
                io.Boolean.Input("skip_on_oom", default=False, optional=True, tooltip="Don't fail if memory runs out."),
            ],
            outputs=[_WindowsType.Output("windows", tooltip="The windows up to this one.")],
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
        key: str,
        index: int,
        model: Any,
        model_patch: Any,
        vae: Any,
        positive: Any,
        negative: Any,
        clip_vision_output: Any = None,
        windows: FinishedWindows | None = None,
        skip_on_oom: bool = False,
    ) -> io.NodeOutput:
        from ...engines.contents import contents_hash
        from ...engines.infinitetalk.work import Work
        from ...engines.memory import is_out_of_memory

        done = windows or FinishedWindows()
        if done.out_of_memory:
            return io.NodeOutput(done)
        work = Work.open(work_store(), json.loads(key))
        previous = done.names[-1] if done.names else ""
        name = work.window_name(index, previous, contents_hash(positive))
        seconds = done.seconds
        if not work.has_window(name):
            began = time.monotonic()
            models = Models(model, model_patch, vae, positive, negative, clip_vision_output)
            # Between windows the job is nobody's: a second ComfyUI that is given the same work may make the next one.
            # That does no harm, as its bits are the same; whichever finds the job held stops, and goes on if queued.
            with work.job.locked():
                shown_on = cls.hidden.dynprompt.get_display_node_id(cls.hidden.unique_id)
                progress = _WindowProgress(work, index, done.seconds, models.model, shown_on)
                try:
                    _make(work, name, previous, models, progress)
                except Exception as error:
                    if not skip_on_oom or not is_out_of_memory(error):
                        raise
                    return io.NodeOutput(replace(done, out_of_memory=True))
            seconds = (*seconds, time.monotonic() - began)
        return io.NodeOutput(FinishedWindows((*done.names, name), seconds))


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
                io.String.Input("key", tooltip="What determines the video, as JSON."),
                _WindowsType.Input("windows", tooltip="All windows."),
            ],
            outputs=[
                io.Video.Output("video", tooltip="The talking portrait with its sound; nothing where memory ran out.")
            ],
        )

    @classmethod
    @override
    def execute(cls, key: str, windows: FinishedWindows) -> io.NodeOutput:  # pyright: ignore[reportIncompatibleMethodOverride]
        if windows.out_of_memory:
            return io.NodeOutput(None)
        from contextlib import closing
        from fractions import Fraction

        from ...engines.infinitetalk.work import Work
        from ...media.prefetch import prefetch
        from ...media.video import VideoWriter

        work = Work.open(work_store(), json.loads(key))
        settings, path, on_step = work.settings, new_clip("infinitetalk"), progress_callback()
        size = {"width": settings.width, "height": settings.height}
        with (
            work.job.locked(),
            VideoWriter(path, **size, fps=Fraction(settings.fps), sound=work.sound()) as video,
            closing(prefetch(work.frames(windows.names))) as frames,
        ):
            for frame in frames:
                video.write(frame)
                on_step(video.frames, work.plan.frames)
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)))


@dataclass(frozen=True)
class Models:
    """The models and conditionings that a window is made with."""

    model: Any
    model_patch: Any
    vae: Any
    positive: Any
    negative: Any
    clip_vision_output: Any = None


def _make(work: Work, name: str, previous: str, models: Models, progress: _WindowProgress) -> None:
    """Make the window `name` after `previous`, and store it."""
    from ...engines.infinitetalk.color_match import match_colors

    settings, window = work.settings, work.plan.window(progress.index)
    last = window.index + 1 == work.plan.count
    motion = work.motion_latents(previous) if previous else None
    frames = _render(work, window, models, motion, progress.sampled)
    if settings.color_match == "disabled":
        fresh = frames[window.motion :]
    else:
        reference = work.start_image(window)[0].to(models.model.load_device)
        fresh = match_colors(frames, reference, settings.color_match, known=window.motion)
    following = None if last else partial(_encode, models.vae, fresh[-settings.motion_frame :], settings)
    work.save_window(name, fresh[: window.fresh], following)
    progress.finished(fresh[window.fresh - 1])


def _render(
    work: Work, window: Window, models: Models, motion: Tensor | None, on_sample: Callable[[int, Tensor], None]
) -> Tensor:
    """Sample and decode one window.

    Args:
        work: the video that it is a window of.
        window: which.
        models: what it is made with.
        motion: the latents of the frames known from the window before; None for the first window.
        on_sample: called after each step with the steps done and the latents as they would be at the end,
            (1, 16, T, h, w); may raise to cancel.

    Returns:
        All frames of the window, the known ones included, (length, H, W, 3) in [0, 1].
    """
    import comfy.sample
    from comfy.samplers import calculate_sigmas, sampler_object

    settings = work.settings
    model, positive, negative, samples = _conditioned(work, window, models, motion)

    def callback(step: int, x0: Any, _x: Any, _total: int) -> None:
        on_sample(step + 1, x0)

    sampled = comfy.sample.sample_custom(
        model,
        comfy.sample.prepare_noise(samples, settings.seed + window.index),
        settings.cfg,
        sampler_object(settings.comfy_sampler),
        calculate_sigmas(model.get_model_object("model_sampling"), settings.scheduler, settings.steps),
        positive,
        negative,
        samples,
        callback=callback,
        seed=settings.seed + window.index,
    )
    return _decode(models.vae, sampled, settings)


def _encode(vae: Any, frames: Tensor, settings: Settings) -> Tensor:
    """The latents of frames (N, H, W, 3), (1, 16, (N - 1) / 4 + 1, H / 8, W / 8)."""
    if not settings.tiled:
        return vae.encode(frames[:, :, :, :3])
    return _node("VAEEncodeTiled")().encode(frames, vae, _TILE, _OVERLAP, temporal_size=_WHOLE)[0]["samples"]


def _decode(vae: Any, latents: Tensor, settings: Settings) -> Tensor:
    if not settings.tiled:
        return _node("VAEDecode")().decode(vae, {"samples": latents})[0]
    return _node("VAEDecodeTiled")().decode(vae, {"samples": latents}, _TILE, _OVERLAP, temporal_size=_WHOLE)[0]


def _conditioned(work: Work, window: Window, models: Models, motion: Tensor | None) -> tuple[Any, Any, Any, Any]:
    """Model, conditionings and empty latents from WanInfiniteTalkToVideo, with the audio features put right.

    The node would encode the picture again for each window, and change the rate of the whole sound's features each
    time; both have been done once. Of the frames before it asks for their latents only. Where it needs no pixels, it
    gets small ones, as it makes a whole window of them.
    """
    import torch
    from comfy.model_management import intermediate_device

    settings = work.settings
    model = models.model
    if settings.shift:
        model = _node("ModelSamplingSD3")().patch(model, settings.shift)[0]
    masks = work.masks()
    cached_vae = _CachedVAE(models.vae, work, window, motion)
    start, width, height = work.start_image(window), settings.width, settings.height
    if cached_vae.start is not None and not masks:
        start, width, height = start[:, :_SMALLEST, :_SMALLEST], _SMALLEST, _SMALLEST
    placeholder = _placeholder_features(models.model_patch)
    mode: dict[str, Any] = {"mode": "single_speaker"}
    if masks:
        mode = {"mode": "two_speakers", "audio_encoder_output_2": placeholder, "mask_1": masks[0], "mask_2": masks[1]}
    previous = None
    if motion is not None:
        previous = torch.zeros(1).expand(settings.motion_frame, height, width, 3)
    patched, positive, negative, _, _ = (
        _node("WanInfiniteTalkToVideo")
        .execute(
            mode=mode,
            model=model,
            model_patch=models.model_patch,
            positive=models.positive,
            negative=models.negative,
            vae=cached_vae,
            width=width,
            height=height,
            length=settings.frame_window_size,
            audio_encoder_output_1=placeholder,
            motion_frame_count=settings.motion_frame,
            start_image=start,
            previous_frames=previous,
            audio_scale=settings.audio_scale,
            clip_vision_output=models.clip_vision_output,
        )
        .result
    )
    options = patched.model_options["transformer_options"]
    options["audio_embeds"] = _audio_embeds(work, window, models, patched.load_device).to(options["audio_embeds"].dtype)
    times = (settings.frame_window_size - 1) // 4 + 1
    shape = (1, 16, times, settings.height // 8, settings.width // 8)
    return patched, positive, negative, torch.zeros(shape, device=intermediate_device())


def _audio_embeds(work: Work, window: Window, models: Models, device: Any) -> Tensor:
    from comfy.ldm.wan.model_multitalk import project_audio_features

    speakers, start = work.audio_features(window, _CONTEXT)
    speakers = [speaker.to(device) for speaker in speakers]
    projection = models.model_patch.model.audio_proj
    return project_audio_features(projection, speakers, start, start + work.plan.length)


def _placeholder_features(model_patch: Any) -> dict[str, Any]:
    """The least that passes for an audio encoder's output: one frame, which is replaced."""
    import torch

    audio = model_patch.model.audio_proj
    return {"encoded_audio_all_layers": [torch.zeros(1, 2, audio.channels)] * (audio.blocks + 1)}


class _CachedVAE:
    """Stands for the VAE in WanInfiniteTalkToVideo, which encodes first the picture, then the frames before."""

    def __init__(self, vae: Any, work: Work, window: Window, motion: Tensor | None) -> None:
        self._vae, self._work, self._window, self._motion = vae, work, window, motion
        self.start = work.start_latent(window)
        self._calls = 0

    def encode(self, pixels: Tensor) -> Tensor:
        self._calls += 1
        if self._calls > 1 and self._motion is not None:
            return self._motion
        if self.start is None:
            self.start = _encode(self._vae, pixels, self._work.settings)
            self._work.save_start_latent(self._window, self.start)
        return self.start


def _node(name: str) -> Any:
    from nodes import NODE_CLASS_MAPPINGS

    return NODE_CLASS_MAPPINGS[name]


class _WindowProgress:
    """The progress of one window: the steps of sampling and, as one more, what follows them."""

    def __init__(self, work: Work, index: int, seconds: tuple[float, ...], model: Any, node: str) -> None:
        """Begin to show a window.

        Args:
            work: the video.
            index: of the window.
            seconds: how long each window took that was made in this run.
            model: the video model.
            node: id of the node where text is shown.
        """
        from comfy.utils import ProgressBar
        from latent_preview import get_previewer

        self.index = index
        self._count, self._steps, self._node = work.plan.count, work.settings.steps + 1, node
        self._earlier, self._began = seconds, time.monotonic()
        self._bar = ProgressBar(self._count * self._steps)
        self._previewer = get_previewer(model.load_device, model.model.latent_format)
        self._show(0, None)

    def sampled(self, step: int, latents: Tensor) -> None:
        """After a step; `latents` (1, 16, T, h, w) are the window as it would be at the end."""
        from comfy.model_management import throw_exception_if_processing_interrupted

        throw_exception_if_processing_interrupted()
        picture = None
        if self._previewer:
            middle = latents.shape[2] // 2  # the first ones hardly differ from the window before
            picture = self._previewer.decode_latent_to_preview_image("JPEG", latents[:, :, middle : middle + 1])
        self._show(step, picture)

    def finished(self, frame: Tensor) -> None:
        """When the window is stored; `frame` (H, W, 3) is its last."""
        from PIL import Image

        pixels = frame.mul(255).round().clamp(0, 255).byte().cpu().numpy()
        self._show(self._steps, ("JPEG", Image.fromarray(pixels), _PREVIEW))

    def _show(self, step: int, picture: Any) -> None:
        from server import PromptServer

        text = f"Window {self.index + 1} of {self._count}"
        done = len(self._earlier) * self._steps + step
        if done:
            spent = sum(self._earlier) + time.monotonic() - self._began
            text += f", {_about(spent / done * ((self._count - self.index) * self._steps - step))} left"
        server = PromptServer.instance
        server.send_progress_text(text, self._node, server.client_id)
        self._bar.update_absolute(self.index * self._steps + step, preview=picture)


def _about(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {seconds / 3600:.1f} h"
