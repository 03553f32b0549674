"""What automatic stages choose from: the facts hold together, and the choice follows what is there."""

from __future__ import annotations

import pytest

from myspinbot.nodes.automatic.head_engines import ENGINES
from myspinbot.nodes.automatic.image_models import FAMILIES
from myspinbot_shared.manifest import Manifest, load
from myspinbot_shared.selection import (
    FAST_UPSCALERS,
    GOOD_UPSCALERS,
    HEAD_ENGINES,
    IMAGE_MODELS,
    LANGUAGE_MODEL,
    PRESETS,
    SCRIPT_MODELS,
    lacking,
    speech_models,
    suited_preset,
    to_load,
    upscalers,
)

GB = 10**9
TURBO = IMAGE_MODELS["Z-Image-Turbo"]


@pytest.fixture(scope="module")
def shipped() -> Manifest:
    return load()


def test_they_are_those_of_the_manifest(shipped: Manifest) -> None:
    models = shipped.models
    ways = [*IMAGE_MODELS.values(), *HEAD_ENGINES.values(), tuple(SCRIPT_MODELS.values())]
    assert all(key in models for roles in ways for ids in roles for key in ids)
    assert {*FAST_UPSCALERS, *GOOD_UPSCALERS} == {model.id for model in models.values() if model.stage == "upscale"}
    assert [model.id for model in speech_models(shipped)] == ["openf5", "f5-v1-base"]
    assert LANGUAGE_MODEL in [model.name for model in shipped.language_models]
    assert set(PRESETS) == set(shipped.sets) - {"open", "voices"}


def test_every_engine_is_one_of_them() -> None:
    assert [family.name for family in FAMILIES] == list(IMAGE_MODELS)
    assert [engine.id for engine in ENGINES if engine.roles] == list(HEAD_ENGINES)


@pytest.mark.parametrize(
    ("present", "preset", "ids"),
    [
        ((), "", ["z-image-turbo", "qwen3-4b", "flux-vae"]),
        ((), "low-vram", ["z-image-turbo-int8", "qwen3-4b-fp8", "flux-vae"]),
        (("z-image-turbo",), "low-vram", ["z-image-turbo", "qwen3-4b-fp8", "flux-vae"]),
        (("z-image-turbo", "z-image-turbo-int8"), "low-vram", ["z-image-turbo-int8", "qwen3-4b-fp8", "flux-vae"]),
        (("z-image-turbo-int8", "qwen3-4b"), "speed", ["z-image-turbo-int8", "qwen3-4b", "flux-vae"]),
    ],
)
def test_what_is_there_comes_first_and_then_the_presets_own(
    shipped: Manifest, present: tuple[str, ...], preset: str, ids: list[str]
) -> None:
    assert to_load(TURBO, shipped, present.__contains__, preset) == ids
    assert lacking(TURBO, shipped, present.__contains__, preset) == [key for key in ids if key not in present]


def test_a_file_alone_lacks_what_it_needs_beside_it(shipped: Manifest) -> None:
    assert lacking((("f5-v1-base",),), shipped, {"vocos"}.__contains__, "") == [
        "f5-v1-base",
        "f5-v1-base-vocab",
        "vocos-config",
    ]


def test_without_a_card_only_what_is_fast_enlarges() -> None:
    assert upscalers("quality", has_card=False) == FAST_UPSCALERS
    assert upscalers("quality", has_card=True) == (*GOOD_UPSCALERS, *FAST_UPSCALERS)
    assert upscalers("speed", has_card=True) == (*FAST_UPSCALERS, *GOOD_UPSCALERS)


@pytest.mark.parametrize(
    ("vram", "preset"),
    [(0, "draft"), (6, "draft"), (7.6, "low-vram"), (15.6, "speed"), (23.5, "quality"), (80, "quality")],
)
def test_the_preset_follows_the_card(shipped: Manifest, vram: float, preset: str) -> None:
    assert suited_preset(shipped, int(vram * GB))[0].name == preset
