"""What InfiniteTalk does before the first window: check all that it is given, hear the sound, keep both."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...comfyui.feedback import progress_callback
from ...comfyui.video_files import clip_path
from ...comfyui.work_store import work_store
from .inputs import defaults
from .models import check_hearing, check_models, keep_precision, model_hash, whole_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from ...engines.infinitetalk.audio_features import Track
    from ...engines.infinitetalk.pictures import Starts
    from ...engines.infinitetalk.plan import Plan
    from ...engines.infinitetalk.settings import Settings
    from ...engines.infinitetalk.work import Work
    from ...media.faces import Pixels

_MODELS = ("model", "model_patch", "vae", "audio_encoder")
_SEEN = ("negative", "clip_vision_output")
_QUIET: "dict[str, Tensor]" = {}  # silence as each encoder hears it, by its hash; 37 kB each


@dataclass(frozen=True)
class Begun:
    """The key of the work, as JSON, and each window's prompt, None where the node's own stands."""

    key: str
    prompts: list[str | None]


def begin(given: dict[str, Any]) -> Begun:
    """Check the node's inputs, and keep what the windows need where they find it.

    What isn't given has its default, so that other nodes that expand into this one need only say what they want.

    Raises:
        ValueError: an input that can't be worked with; the message says which and what to do.
    """
    from ...engines.infinitetalk.audio_features import frames_of
    from ...engines.infinitetalk.pictures import put_aside
    from ...engines.infinitetalk.plan import Plan
    from ...engines.infinitetalk.settings import Settings
    from ...engines.infinitetalk.work import Work, key_of
    from ...media.fingerprint import fingerprint

    values = defaults() | given
    settings = Settings.of(values)
    tracks = _tracks(values)
    check_models(values["model"], values["model_patch"], values["vae"])
    plan = Plan(frames_of(tracks, settings.fps), settings.frame_window_size, settings.motion_frame)
    prompts = _prompts(values, plan, settings)
    masks = _masks(values, settings)
    keep_precision(values["model_patch"])
    store = work_store()
    with put_aside(_starts(values, plan, settings), store.root) as starts:
        hashes = {name: model_hash(values[name]) for name in _MODELS}
        hashes |= {name: whole_hash(values[name]) for name in _SEEN if values.get(name) is not None}
        hashes["pictures"] = fingerprint(starts.fingerprint, *masks)
        hashes["sound"] = fingerprint(
            bool(values["normalize_loudness"]),
            *(part for track in tracks for part in (track.sound.samples, track.sound.sample_rate, track.start)),
        )
        key = key_of(settings, plan.frames, hashes)
        work = Work.open(store, key)
        if not work.has_inputs:
            with work.job.locked():
                _keep(work, values, hashes["audio_encoder"], tracks, starts, masks)
    return Begun(json.dumps(key), prompts)


def _tracks(values: dict[str, Any]) -> "list[Track]":
    from ...engines.infinitetalk.audio_features import Track
    from ...media.audio import from_audio

    first = Track(from_audio(values["audio"]))
    if values.get("audio_2") is None:
        return [first]
    start = values["audio_2_start"]
    return [first, Track(from_audio(values["audio_2"]), first.end if start < 0 else start)]


def _prompts(values: dict[str, Any], plan: "Plan", settings: "Settings") -> list[str | None]:
    from ...engines.infinitetalk.prompts import per_window

    prompts = per_window(values["prompts"], plan.windows(), settings.fps)
    if any(prompts) and values.get("clip") is None:
        raise ValueError("`prompts` need the text encoder: connect `clip` too, or leave them empty.")
    return prompts


def _starts(values: dict[str, Any], plan: "Plan", settings: "Settings") -> "Iterator[Pixels]":
    """The portrait alone, or the source clip's frame for each window, in the size of the video."""
    from ...engines.infinitetalk.pictures import fit, starts
    from ...media.picture import from_image

    if (values.get("portrait") is None) == (values.get("source_video") is None):
        raise ValueError("Connect either a portrait or a source video to InfiniteTalk.")
    if values.get("portrait") is not None:
        pictures = iter([from_image(values["portrait"])])
    else:
        pictures = starts(clip_path(values["source_video"]), plan.windows(), settings.fps, progress_callback())
    return (fit(picture, settings.width, settings.height, values["fit"]) for picture in pictures)


def _masks(values: dict[str, Any], settings: "Settings") -> list[Any]:
    from ...engines.infinitetalk.pictures import fit_mask

    given = [values[name] for name in ("mask_1", "mask_2") if values.get(name) is not None]
    if len(given) != (0 if values.get("audio_2") is None else 2):
        raise ValueError(
            "Two speakers need two sounds and two masks: connect `audio_2`, `mask_1` and `mask_2`, or none of them."
        )
    return [fit_mask(mask, settings.width, settings.height, values["fit"]) for mask in given]


def _keep(
    work: "Work", values: dict[str, Any], encoder: str, tracks: "list[Track]", starts: "Starts", masks: list[Any]
) -> None:
    """Hear the sound with the encoder of this hash, and keep it with the pictures."""
    from ...engines.infinitetalk.audio_features import RATE, features, mixed, silence, waveforms

    def encode(wave: "Tensor") -> Any:
        return values["audio_encoder"].encode_audio(wave, RATE)["encoded_audio_all_layers"]

    if encoder not in _QUIET:
        _QUIET[encoder] = silence(encode)
    quiet = _QUIET[encoder]
    check_hearing(values["model_patch"], *quiet.shape)
    on_step, fps = progress_callback(), work.settings.fps
    waves = waveforms(tracks, normalize=values["normalize_loudness"])
    heard = [features(wave, encode, fps, on_step, work.job.folder) for wave in waves]
    work.keep_inputs(starts=starts, masks=masks, heard=heard, quiet=quiet, sound=mixed(tracks))
