"""What InfiniteTalk does before the first window: check all inputs, encode the speech, store what windows need."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...comfyui.feedback import Notice, progress_callback
from ...comfyui.video_files import clip_path
from ...comfyui.work_store import work_store
from .models import (
    audio_encoder,
    check_audio_encoder,
    check_models,
    conditioning_hash,
    model_hash,
    restore_half_precision,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from ...engines.infinitetalk.audio_features import Track
    from ...engines.infinitetalk.plan import Plan
    from ...engines.infinitetalk.settings import Settings
    from ...engines.infinitetalk.start_images import StartImages
    from ...engines.infinitetalk.work import Work
    from ...media.faces import Pixels

_MODELS = ("model", "model_patch", "vae", "audio_encoder")
_SEARCH_SIDE = 1024  # pixels of the picture in which faces are counted
_CONDITIONINGS = ("negative", "clip_vision_output")
_silence: "dict[str, Tensor]" = {}  # the features of silence by encoder, kind and rate; 37 kB each


@dataclass(frozen=True)
class Prepared:
    """What the node expands from.

    Attributes:
        key: of the work, as JSON.
        prompts: each window's, None where the node's own stands.
        notices: what the user should know.
    """

    key: str
    prompts: list[str | None]
    notices: list[Notice]


def prepare(values: dict[str, Any]) -> Prepared:
    """Check the node's inputs, and store what the windows need where they find it.

    Args:
        values: all inputs with a default, and those without that are connected.

    Raises:
        ValueError: an input that can't be worked with; the message says which and what to do.
    """
    from ...engines.infinitetalk.audio_features import duration_in_frames
    from ...engines.infinitetalk.plan import Plan
    from ...engines.infinitetalk.settings import Settings
    from ...engines.infinitetalk.start_images import spooled
    from ...engines.infinitetalk.work import Work, key_of
    from ...media.fingerprint import fingerprint

    settings = Settings.from_values(values)
    tracks = _tracks(values)
    check_models(values["model"], values["model_patch"], values["vae"])
    duration = duration_in_frames(tracks, settings.fps)
    plan = Plan.covering(duration, settings.frame_window_size, settings.motion_frame)
    prompts = _prompts(values, plan, settings)
    masks = _masks(values, settings)
    restore_half_precision(values["model_patch"])
    store = work_store()
    with spooled(_start_images(values, plan, settings), store.root) as images:
        hashes = {name: model_hash(values[name]) for name in _MODELS}
        hashes |= {name: conditioning_hash(values[name]) for name in _CONDITIONINGS if values.get(name) is not None}
        hashes["pictures"] = fingerprint(images.fingerprint, *masks)
        hashes["sound"] = fingerprint(
            bool(values["normalize_loudness"]),
            *(part for track in tracks for part in (track.sound.samples, track.sound.sample_rate, track.start)),
        )
        key = key_of(settings, plan.frames, hashes)
        work = Work.open(store, key)
        if not work.has_inputs:
            with work.job.locked():
                _save_inputs(work, values, hashes["audio_encoder"], tracks, images, masks)
    return Prepared(json.dumps(key), prompts, _notices(values, masks))


def _tracks(values: dict[str, Any]) -> "list[Track]":
    from ...engines.infinitetalk.audio_features import Track
    from ...media.audio import from_audio

    first = Track(from_audio(values["audio"]))
    if values.get("audio_2") is None:
        return [first]
    start = values["audio_2_start"]
    return [first, Track(from_audio(values["audio_2"]), first.end if start < 0 else start)]


def _prompts(values: dict[str, Any], plan: "Plan", settings: "Settings") -> list[str | None]:
    from ...engines.infinitetalk.plan import prompts_per_window

    prompts = prompts_per_window(values["prompts"], plan.windows(), settings.fps)
    if any(prompts) and values.get("clip") is None:
        raise ValueError("`prompts` need the text encoder: connect `clip` too, or leave them empty.")
    return prompts


def _start_images(values: dict[str, Any], plan: "Plan", settings: "Settings") -> "Iterator[Pixels]":
    """The portrait alone, or the source clip's frame for each window, in the size of the video."""
    from ...engines.infinitetalk.start_images import fit, start_images
    from ...media.picture import check_whole, from_image

    if (values.get("portrait") is None) == (values.get("source_video") is None):
        raise ValueError("Connect either a portrait or a source video to InfiniteTalk.")
    if values.get("portrait") is not None:
        portrait = from_image(values["portrait"])
        check_whole(portrait, "The portrait")
        pictures = iter([portrait])
    else:
        pictures = start_images(clip_path(values["source_video"]), plan.windows(), settings.fps, progress_callback())
    return (fit(picture, settings.width, settings.height, values["fit"]) for picture in pictures)


def _masks(values: dict[str, Any], settings: "Settings") -> list[Any]:
    from ...engines.infinitetalk.start_images import fit_mask

    masks = [values[name] for name in ("mask_1", "mask_2") if values.get(name) is not None]
    if len(masks) != (0 if values.get("audio_2") is None else 2):
        raise ValueError(
            "Two speakers need two sounds and two masks: connect `audio_2`, `mask_1` and `mask_2`, or none of them."
        )
    return [fit_mask(mask, settings.width, settings.height, values["fit"]) for mask in masks]


def _notices(values: dict[str, Any], masks: list[Any]) -> "list[Notice]":
    """What is said of a portrait in which several could speak, and only one does."""
    from ...comfyui.face_detectors import detector
    from ...media.picture import fitted, from_image

    if values.get("portrait") is None or masks:
        return []
    try:
        finder = detector("auto")
    except ValueError as error:
        return [{"level": "warning", "text": f"How many faces the portrait shows wasn't looked at. {error}"}]
    faces = len(finder.detect(fitted(from_image(values["portrait"]), _SEARCH_SIDE)[0]))
    if faces < 2:
        return []
    text = (
        f"The portrait shows {faces} faces, and the speech may move all of them. To choose one, crop the picture "
        "around it; to let two speak, connect `audio_2`, `mask_1` and `mask_2`."
    )
    return [{"level": "info", "text": text}]


def _save_inputs(
    work: "Work",
    values: dict[str, Any],
    encoder_hash: str,
    tracks: "list[Track]",
    images: "StartImages",
    masks: list[Any],
) -> None:
    """Encode the speech, and store it with the pictures."""
    from ...engines.infinitetalk.audio_features import extract_features, mix, silence_features, waveforms

    kind, fps, on_step = work.settings.audio_features, work.settings.fps, progress_callback()
    encoder = audio_encoder(values["audio_encoder"])
    known = f"{encoder_hash} {kind} {fps}"
    if known not in _silence:
        _silence[known] = silence_features(encoder, kind, fps)
    silence = _silence[known]
    check_audio_encoder(values["model_patch"], *silence.shape)
    waves = waveforms(tracks, kind, normalize=values["normalize_loudness"])
    features = [extract_features(wave, encoder, kind, fps, on_step, work.job.folder) for wave in waves]
    work.save_inputs(images=images, masks=masks, features=features, silence=silence, sound=mix(tracks))
