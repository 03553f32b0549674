"""What automatic stages choose from: the models of each engine, and the preset that suits a machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .manifest import Manifest, Model, ModelSet

Roles = tuple[tuple[str, ...], ...]
"""For each file that an engine needs, the ids in `models.yaml` to choose from, the best first."""
IMAGE_MODELS: dict[str, Roles] = {
    "Z-Image-Turbo": (("z-image-turbo", "z-image-turbo-int8"), ("qwen3-4b", "qwen3-4b-fp8"), ("flux-vae",)),
    "SDXL": (("sdxl-base",),),
    "SD 1.5": (("sd15",),),
}
"""What portraits are drawn with, the best first."""
HEAD_ENGINES: dict[str, Roles] = {
    "infinitetalk": (
        ("wan-i2v-480p-fp8", "wan-i2v-480p-fp8-comfy", "wan-i2v-480p-fp16"),
        ("infinitetalk-single",),
        ("lightx2v",),
        ("umt5-fp8", "umt5-fp16"),
        ("wan-vae",),
        ("wav2vec2-chinese",),
    ),
    "wav2lip": (("wav2lip-gan", "wav2lip"),),
}
"""What makes a picture speak, the best first; without any of them the draft does."""
FAST_UPSCALERS = ("realesr-general-x4v3", "realesr-animevideov3")
GOOD_UPSCALERS = ("realesrgan-x2plus", "realesrgan-x4plus")
SCRIPT_MODELS: dict[str, tuple[str, ...]] = {
    "Qwen3 4B": ("qwen3-4b", "qwen3-4b-fp8"),
    "Qwen3 0.6B": ("qwen3-0.6b",),
}
"""The text encoders that write a script where no Ollama answers, by their names: the ids to choose from."""
READY_VOICE = "kokoro-af-heart"
"""What speaks where there is no voice of one's own, with the model that it needs."""
LANGUAGE_MODEL = "mistral:7b-instruct"
"""What writes a script, among the `language_models` of `models.yaml`."""
OLLAMA = "http://127.0.0.1:11434"
"""Where Ollama answers unless the user says otherwise."""
_SPEECH_FOLDER, _VOCODER, _OPEN_SPEECH = "TTS", "vocos", "openf5"
PRESETS = ("quality", "speed", "low-vram", "draft")
"""From the most to the least demanding."""
_REPORTED = 0.93  # of what is on a card's box it reports at least so much
_GB = 10**9


def to_load(roles: Roles, manifest: Manifest, is_here: Callable[[str], bool], preset: str) -> list[str]:
    """For each file that is needed the id to load.

    It is the first that is here, or else the best; the files of the preset's own set come before the others.
    """

    def rank(key: str) -> tuple[bool, bool]:
        return not is_here(key), preset not in manifest.models[key].sets

    return [min(ids, key=rank) for ids in roles]


def lacking(roles: Roles, manifest: Manifest, is_here: Callable[[str], bool], preset: str) -> list[str]:
    """The ids of the files that are still to be fetched before `roles` can be loaded."""
    ids = to_load(roles, manifest, is_here, preset)
    if len(roles) == 1:  # several roles are all that there is; one alone may need files beside it
        ids = [model.id for model in manifest.choose(ids)]
    return [key for key in ids if not is_here(key)]


def upscalers(preset: str, has_card: bool) -> tuple[str, ...]:
    """The upscale models that a finished video may be enlarged with, the best for the machine first."""
    if not has_card:
        return FAST_UPSCALERS
    return (*GOOD_UPSCALERS, *FAST_UPSCALERS) if preset == "quality" else (*FAST_UPSCALERS, *GOOD_UPSCALERS)


def speech_models(manifest: Manifest) -> list[Model]:
    """The F5-TTS models, the open one first."""
    found = [m for m in manifest.models.values() if m.folder == _SPEECH_FOLDER and _VOCODER in m.needs]
    return sorted(found, key=lambda model: model.id != _OPEN_SPEECH)


def suited_preset(manifest: Manifest, vram: int, ram: int | None = None) -> tuple[ModelSet, str]:
    """The most demanding preset that a machine has the memory for, and why not the next one.

    Args:
        manifest: Its sets say what each preset asks for.
        vram: Bytes of memory of the graphics card; 0 without one.
        ram: Bytes of memory of the machine; None where only the card counts.
    """
    too_much = ""
    for preset in (manifest.sets[name] for name in PRESETS):
        if vram < _REPORTED * preset.vram_gb * _GB:
            too_much = f"{preset.name} asks for a GPU with {preset.vram_gb} GB"
        elif ram is not None and ram < _REPORTED * preset.ram_gb * _GB:
            too_much = f"{preset.name} asks for {preset.ram_gb} GB of memory"
        else:
            return preset, too_much
    return manifest.sets[PRESETS[-1]], too_much
