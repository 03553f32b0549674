"""Which image model is taken, or advised, on machines that aren't this one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from myspinbot.comfyui.model_files import MissingModelError, manifest
from myspinbot.nodes.automatic import choices, image_models
from myspinbot.nodes.automatic.choices import Machine
from myspinbot.nodes.automatic.image_models import choose, trigger_for


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Call it with the machine and the ids of the models that are there, each with its published size."""

    def make(found: Machine, present: Iterable[str] = ()) -> None:
        there = set(present)

        class File:
            def __init__(self, key: str) -> None:
                self.st_size = manifest().models[key].bytes

            def stat(self):
                return self

        def find(key: str) -> File:
            if key not in there:
                raise MissingModelError(key)
            return File(key)

        monkeypatch.setattr(image_models, "this_machine", lambda: found)
        monkeypatch.setattr(choices, "find_model", find)

    return make


CARD, NONE = Machine("cuda", 16.0), Machine("cpu", 24.0)
TURBO = ("z-image-turbo", "qwen3-4b", "flux-vae")


@pytest.mark.parametrize(
    ("preset", "advised"),
    [("speed", "z-image-turbo qwen3-4b flux-vae"), ("low-vram", "z-image-turbo-int8 qwen3-4b-fp8 flux-vae")],
)
def test_with_a_card_the_files_of_the_preset_are_advised(machine, preset: str, advised: str) -> None:
    machine(CARD)
    choice = choose("scene", preset, "")
    assert choice.family is None
    assert choice.missing
    assert f"`myspinbot models get {advised}`" in choice.why


def test_without_a_card_nothing_is_advised_that_would_be_refused_afterwards(machine) -> None:
    for present in ((), TURBO):
        machine(NONE, present)
        choice = choose("auto", "speed", "")
        assert choice == (None, "Z-Image-Turbo needs a graphics card, and there is none.", False)


def test_with_a_card_the_best_that_is_there_is_taken(machine) -> None:
    machine(CARD, (*TURBO, "sd15"))
    assert choose("auto", "speed", "").family.name == "Z-Image-Turbo"
    machine(CARD, ("sd15",))
    assert choose("auto", "speed", "").family.name == "SD 1.5"


def test_a_portrait_that_is_asked_for_needs_no_reason(machine) -> None:
    machine(CARD, TURBO)
    assert choose("portrait", "speed", "") == (None, "", False)
    assert choose("auto", "draft", "") == (None, "", False)


@pytest.mark.parametrize(
    ("lora_name", "trigger", "expected"),
    [("", "", "bot's"), ("", " mine ", "mine"), ("lora", "mine", "mine"), ("lora", " ", "")],
)
def test_the_bots_trigger_belongs_to_its_own_lora(lora_name: str, trigger: str, expected: str) -> None:
    assert trigger_for(lora_name, trigger, "bot's") == expected
