"""What the automatic nodes choose from when they run, as their workflows name no files.

The nodes themselves say it in `custom_nodes/myspinbot/nodes/automatic`; a test keeps both in step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from myspinbot_shared.manifest import Manifest, Model

Way = tuple[tuple[str, ...], ...]
"""For each file that a way needs, the ids to choose from, the best first."""


@dataclass(frozen=True)
class Choice:
    """The ways that a node has, the best first; one that is `needed` refuses where none of them is there."""

    ways: tuple[Way, ...]
    needed: bool = False


IMAGES: tuple[Way, ...] = (
    (("z-image-turbo", "z-image-turbo-int8"), ("qwen3-4b", "qwen3-4b-fp8"), ("flux-vae",)),
    (("sdxl-base",),),
    (("sd15",),),
)
HEADS: tuple[Way, ...] = (
    (
        ("wan-i2v-480p-fp8", "wan-i2v-480p-fp8-comfy", "wan-i2v-480p-fp16"),
        ("infinitetalk-single",),
        ("lightx2v",),
        ("umt5-fp8", "umt5-fp16"),
        ("wan-vae",),
        ("wav2vec2-chinese",),
    ),
    (("wav2lip-gan", "wav2lip"),),
)
VOICES: tuple[Way, ...] = ((("openf5",),), (("f5-v1-base",),))
UPSCALERS: tuple[Way, ...] = (
    (("realesr-general-x4v3", "realesr-animevideov3", "realesrgan-x2plus", "realesrgan-x4plus"),),
)
CHOICES = {
    "MySpinBotLoadImageModel": Choice(IMAGES, needed=True),
    "MySpinBotPortrait": Choice(IMAGES),
    "MySpinBotSpeak": Choice(VOICES),
    "MySpinBotTalkingHead": Choice(HEADS),
    "MySpinBotFinish": Choice(UPSCALERS),
}


def wanting(
    manifest: Manifest, present: set[str], node_types: Iterable[str], preset: str
) -> tuple[list[Model], list[Model]]:
    """The models without which nodes of these types can't run, and those for want of which they take less.

    `present` are the ids of the models that are there. A node that can do without any lacks nothing in a preset
    that has none for it; one that can't is given no preset, and takes the best.
    """
    needed: list[str] = []
    better: list[str] = []
    for kind in sorted(CHOICES.keys() & set(node_types)):
        choice = CHOICES[kind]
        lacks = [_lacking(manifest, present, way, "" if choice.needed else preset) for way in choice.ways]
        if choice.needed:
            needed += lacks[0] if all(lacks) else []
        elif any(preset in manifest.models[key].sets for key in lacks[0]):
            better += lacks[0]
    return manifest.named(needed), [model for model in manifest.named(better) if model.id not in needed]


def _lacking(manifest: Manifest, present: set[str], way: Way, preset: str) -> list[str]:
    """The ids that a way still needs; of each role that of the preset, or else the best."""
    found: list[str] = []
    for ids in way:
        chosen = min(ids, key=lambda key: (key not in present, preset not in manifest.models[key].sets))
        # Where a way has several parts it names them all, and of some there is a choice; else `models.yaml` names them.
        parts = [model.id for model in manifest.choose([chosen])] if len(way) == 1 else [chosen]
        found += [key for key in parts if key not in present and key not in found]
    return found
