"""Which image model draws a portrait on this machine."""

from __future__ import annotations

from typing import NamedTuple

from .image_models import FAMILIES, Family
from .machine import this_machine
from .models import absent, how_to_get, size_of


class Choice(NamedTuple):
    """The image model to draw with; None for the photo, and why, if that wasn't asked for."""

    family: Family | None
    why: str = ""
    missing: bool = False


def choose(source: str, preset: str, lora_name: str) -> Choice:
    """What a portrait is drawn with, by the Portrait node's `source`, the preset and a bot's LoRA.

    A model that the machine can't carry isn't taken, nor advised.
    """
    if source == "photo" or (source == "auto" and preset == "draft"):
        return Choice(None)
    fitting = [family for family in FAMILIES if family.takes(lora_name)]
    if not fitting:
        return Choice(None, f"No image model fits {lora_name}.")
    machine = this_machine()
    carried = [family for family in fitting if machine.carries(size_of(family.chosen(preset)[0]))]
    if not carried:
        return Choice(None, f"{fitting[0].name} needs a graphics card, and there is none.")
    there = [family for family in carried if not absent(family.chosen(preset))]
    if there:
        return Choice(there[0])
    return Choice(None, how_to_get(absent(carried[0].chosen(preset))), missing=True)
