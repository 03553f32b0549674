"""Preset: one knob for a whole pipeline."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output
from ...comfyui.model_files import manifest
from ...shared.selection import suited_preset
from .choices import Machine, this_machine

AUTO = "auto"
PresetSocket = io.Custom("MYSPINBOT_PRESET")
PRESET = PresetSocket.Input(
    "preset", optional=True, tooltip="Sizes, steps and engines, from Preset; without it those that suit this machine."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a preset means, as it travels along its wire.

    Attributes:
        preset: Its name, by which stages choose their engines.
        width: Of the talking video, in pixels, before upscaling.
        height: The same.
        steps: Of the video model.
        speech_steps: Of the speech model.
        upscale_height: Pixels of the shorter side of the finished video; 0 leaves it as it is.
    """

    preset: str
    width: int
    height: int
    steps: int
    speech_steps: int
    upscale_height: int

    @property
    def simplest(self) -> bool:
        """Whether it promises the simplest engines alone: the draft, and auto where there is no graphics card."""
        return self.preset in (AUTO, "draft")


@dataclass(frozen=True, slots=True)
class Row:
    """A preset's numbers: sizes in pixels by shape, then as in `Settings`."""

    short: int
    long: int
    square: int
    steps: int
    speech_steps: int
    upscale_height: int


# 832x480 and 640x640 hold as many pixels, which is what a window's time and memory follow.
TABLE: dict[str, Row] = {
    "draft": Row(384, 640, 512, 4, 7, 0),
    "low-vram": Row(384, 640, 496, 4, 16, 720),
    "speed": Row(480, 832, 640, 6, 16, 720),
    "quality": Row(480, 832, 640, 8, 32, 1080),
}


def resolved(preset: str, machine: Machine) -> str:
    """The row of the table that a preset means on a machine."""
    if preset in TABLE:
        return preset
    suited, _ = suited_preset(manifest(), round(machine.memory * 1e9) if machine.has_card else 0)
    return suited.name


def settings_of(preset: str, shape: str, machine: Machine) -> Settings:
    """What a preset and a shape (square, landscape, portrait) mean on a machine."""
    name = resolved(preset, machine)
    row = TABLE[name]
    sizes = {
        "square": (row.square, row.square),
        "landscape": (row.long, row.short),
        "portrait": (row.short, row.long),
    }
    # Without a card auto stays: stages may then take what runs on a processor, which the draft never does.
    passed = preset if name == "draft" else name
    return Settings(passed, *sizes[shape], row.steps, row.speech_steps, row.upscale_height)


def settings_or_own(preset: Settings | None) -> Settings:
    """What the wire brings, or where none is connected what suits this machine."""
    return preset or settings_of(AUTO, "square", this_machine())


class Preset(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotPreset",
            display_name="Preset",
            category="MySpinBot/Automatic",
            description="Sets size, steps and upscaling of a whole pipeline with one knob, to what a machine can do.",
            search_aliases=["preset", "quality", "speed", "low vram", "draft", "settings", "resolution"],
            inputs=[
                io.Combo.Input(
                    "preset",
                    options=[AUTO, *TABLE],
                    default=AUTO,
                    tooltip="auto goes by this machine's graphics card. draft takes seconds and no model; low-vram is "
                    "for 8 GB, speed for 16 GB, quality for 24 GB and patience.",
                ),
                io.Combo.Input(
                    "shape",
                    options=["square", "landscape", "portrait"],
                    default="square",
                    tooltip="The shape of the picture: square, 16 to 9 or so lying, or the same standing.",
                ),
            ],
            outputs=[
                PresetSocket.Output("preset", display_name="preset", tooltip="All of it, for the automatic stages."),
                io.Int.Output("width", tooltip="Width of the talking video in pixels, before upscaling."),
                io.Int.Output("height", tooltip="Height of the talking video in pixels, before upscaling."),
                io.Int.Output("steps", tooltip="Steps of the video model."),
                io.Int.Output("speech_steps", tooltip="Steps of the speech model."),
                io.Int.Output(
                    "upscale_height", tooltip="Pixels of the shorter side of the finished video; 0 keeps it as it is."
                ),
                io.String.Output("name", tooltip="The preset's name; auto where this machine has no graphics card."),
            ],
        )

    @classmethod
    @override
    def execute(cls, preset: str, shape: str) -> io.NodeOutput:  # pyright: ignore[reportIncompatibleMethodOverride]
        machine = this_machine()
        settings = settings_of(preset, shape, machine)
        notices: list[Notice] = []
        if preset == AUTO:
            name = resolved(preset, machine)
            notices.append(
                {"level": "info", "text": f"Sizes and steps are those of {name}: this machine has {machine}."}
            )
        name, *numbers = astuple(settings)
        return output(settings, *numbers, name, notices=notices)
