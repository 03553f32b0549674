"""Which preset suits a machine."""

from __future__ import annotations

from myspinbot_shared.manifest import Manifest, ModelSet

from .machine import Machine

# From the most to the least demanding.
PRESETS = ("quality", "speed", "low-vram", "draft")
GB = 10**9


def suggest(manifest: Manifest, machine: Machine) -> tuple[ModelSet, str]:
    """The most demanding preset that the machine has the memory for, and why not the next one."""
    lacking = ""
    for name in PRESETS:
        preset = manifest.sets[name]
        short = _short(preset, machine)
        if not short:
            return preset, lacking
        lacking = f"{name} asks for {short}"
    return manifest.sets[PRESETS[-1]], lacking


def _short(preset: ModelSet, machine: Machine) -> str:
    """What the machine has too little of. A card sold as 16 GB may report a little less, or GiB."""
    if machine.vram < 0.93 * preset.vram_gb * GB:
        return f"a GPU with {preset.vram_gb} GB"
    if machine.ram < 0.93 * preset.ram_gb * GB:
        return f"{preset.ram_gb} GB of memory"
    return ""
