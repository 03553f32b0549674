"""One window of an InfiniteTalk video, made by ComfyUI's own nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from ...engines.infinitetalk.plan import Window
    from ...engines.infinitetalk.settings import Settings
    from ...engines.infinitetalk.work import Work

TILE, OVERLAP = 512, 64  # pixels, where the VAE works tile by tile; it takes all frames at once
_WHOLE = 4096  # frames
_LEAST = 16  # pixels of a side
_AROUND = 2  # features on both sides of a frame that InfiniteTalk also hears

OnSample = Callable[[int, Any], None]
"""Called after each step with the steps done and the latents as they would be at the end, (1, 16, T, h, w)."""


@dataclass(frozen=True)
class Models:
    """What a window is made with."""

    model: Any
    model_patch: Any
    vae: Any
    positive: Any
    negative: Any
    clip_vision_output: Any = None


def render(work: Work, window: Window, models: Models, motion: Tensor | None, on_sample: OnSample) -> Tensor:
    """All frames of a window, (length, H, W, 3) in [0, 1], those known from the one before included.

    `motion` holds the latents of those; None for the first window.
    """
    import comfy.sample
    from comfy.samplers import calculate_sigmas, sampler_object

    settings = work.settings
    model, positive, negative, samples = _prepared(work, window, models, motion)

    def callback(step: int, x0: Any, _x: Any, _total: int) -> None:
        on_sample(step + 1, x0)

    sampled = comfy.sample.sample_custom(
        model,
        comfy.sample.prepare_noise(samples, settings.seed + window.index),
        settings.sampling_cfg,
        sampler_object(settings.sampler),
        calculate_sigmas(model.get_model_object("model_sampling"), settings.sampling_sigmas, settings.sampling_steps),
        positive,
        negative,
        samples,
        callback=callback,
        seed=settings.seed + window.index,
    )
    return _decoded(models.vae, sampled, settings)


def encoded(vae: Any, frames: Tensor, settings: Settings) -> Tensor:
    """The latents of frames (N, H, W, 3), (1, 16, (N - 1) / 4 + 1, H / 8, W / 8)."""
    if not settings.tiled:
        return vae.encode(frames[:, :, :, :3])
    return _node("VAEEncodeTiled")().encode(frames, vae, TILE, OVERLAP, temporal_size=_WHOLE)[0]["samples"]


def _decoded(vae: Any, latents: Tensor, settings: Settings) -> Tensor:
    if not settings.tiled:
        return _node("VAEDecode")().decode(vae, {"samples": latents})[0]
    return _node("VAEDecodeTiled")().decode(vae, {"samples": latents}, TILE, OVERLAP, temporal_size=_WHOLE)[0]


def _prepared(work: Work, window: Window, models: Models, motion: Tensor | None) -> tuple[Any, Any, Any, Any]:
    """Model, conditionings and empty latents from WanInfiniteTalkToVideo, with what it hears put right.

    The node would encode the picture again for each window, and change the rate of the whole sound's features each
    time; both have been done once. Of the frames before it asks for their latents only. Where it needs no pixels, it
    gets small ones, as it makes a whole window of them.
    """
    import torch
    from comfy.model_management import intermediate_device

    settings = work.settings
    model = models.model
    if settings.sampling_shift:
        model = _node("ModelSamplingSD3")().patch(model, settings.sampling_shift)[0]
    masks = work.masks()
    known = _Known(models.vae, work, window, motion)
    start, width, height = work.start(window), settings.width, settings.height
    if known.start is not None and not masks:
        start, width, height = start[:, :_LEAST, :_LEAST], _LEAST, _LEAST
    quiet = _nothing_heard(models.model_patch)
    mode: dict[str, Any] = {"mode": "single_speaker"}
    if masks:
        mode = {"mode": "two_speakers", "audio_encoder_output_2": quiet, "mask_1": masks[0], "mask_2": masks[1]}
    before = None
    if motion is not None:
        before = torch.zeros(1).expand(settings.motion_frame, height, width, 3)
    patched, positive, negative, _, _ = (
        _node("WanInfiniteTalkToVideo")
        .execute(
            mode=mode,
            model=model,
            model_patch=models.model_patch,
            positive=models.positive,
            negative=models.negative,
            vae=known,
            width=width,
            height=height,
            length=settings.frame_window_size,
            audio_encoder_output_1=quiet,
            motion_frame_count=settings.motion_frame,
            start_image=start,
            previous_frames=before,
            audio_scale=settings.audio_scale,
            clip_vision_output=models.clip_vision_output,
        )
        .result
    )
    options = patched.model_options["transformer_options"]
    options["audio_embeds"] = _heard(work, window, models, patched.load_device).to(options["audio_embeds"].dtype)
    times = (settings.frame_window_size - 1) // 4 + 1
    shape = (1, 16, times, settings.height // 8, settings.width // 8)
    return patched, positive, negative, torch.zeros(shape, device=intermediate_device())


def _heard(work: Work, window: Window, models: Models, device: Any) -> Tensor:
    from comfy.ldm.wan.model_multitalk import project_audio_features

    speakers, start = work.hearing(window, _AROUND)
    speakers = [speaker.to(device) for speaker in speakers]
    projection = models.model_patch.model.audio_proj
    return project_audio_features(projection, speakers, start, start + work.plan.length)


def _nothing_heard(model_patch: Any) -> dict[str, Any]:
    """The least that passes for an encoder's output: one frame, which is replaced."""
    import torch

    audio = model_patch.model.audio_proj
    return {"encoded_audio_all_layers": [torch.zeros(1, 2, audio.channels)] * (audio.blocks + 1)}


class _Known:
    """Stands for the VAE in WanInfiniteTalkToVideo, which encodes first the picture, then the frames before."""

    def __init__(self, vae: Any, work: Work, window: Window, motion: Tensor | None) -> None:
        self._vae, self._work, self._window, self._motion = vae, work, window, motion
        self.start = work.start_latent(window)
        self._asked = 0

    def encode(self, pixels: Tensor) -> Tensor:
        self._asked += 1
        if self._asked > 1 and self._motion is not None:
            return self._motion
        if self.start is None:
            self.start = encoded(self._vae, pixels, self._work.settings)
            self._work.keep_start_latent(self._window, self.start)
        return self.start


def _node(name: str) -> Any:
    from nodes import NODE_CLASS_MAPPINGS

    return NODE_CLASS_MAPPINGS[name]
