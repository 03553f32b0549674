"""The finer settings of the lip-sync nodes: how faces are followed and mouths are blended in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

if TYPE_CHECKING:
    from ...engines.lipsync.blend import Blending, Scaling


def blend_inputs() -> list[io.Input]:
    """What decides how a new mouth is blended into its frame."""
    return [
        io.Combo.Input(
            "region",
            options=["mouth", "face"],
            default="mouth",
            tooltip="What is replaced: the mouth with the chin, or the whole face.",
        ),
        io.Float.Input(
            "feather",
            default=0.4,
            min=0.0,
            max=1.0,
            step=0.05,
            advanced=True,
            tooltip="How soft the edge of the replaced region is: 0 is hard, 1 reaches to its middle.",
        ),
        io.Float.Input(
            "color_match",
            default=1.0,
            min=0.0,
            max=1.0,
            step=0.05,
            advanced=True,
            tooltip="How far the new mouth takes on the colours of the skin around it.",
        ),
    ]


def tracking_inputs() -> list[io.Input]:
    """What decides how faces are followed."""
    return [
        io.Float.Input(
            "smoothing",
            default=0.6,
            min=0.0,
            max=3.0,
            step=0.1,
            advanced=True,
            tooltip="Seconds over which a face's place is smoothed, without lag; 0 takes it as it was found.",
        ),
        io.Int.Input(
            "detect_every",
            default=5,
            min=1,
            max=50,
            advanced=True,
            tooltip="Faces are looked for on every so many frames and followed between; 1 is slowest and surest.",
        ),
    ]


def wav2lip_inputs() -> list[io.Input]:
    """All of them, with what Wav2Lip alone has."""
    return [
        *blend_inputs(),
        io.Float.Input(
            "sharpness",
            default=0.5,
            min=0.0,
            max=2.0,
            step=0.1,
            advanced=True,
            tooltip="How much the new mouth is sharpened: the network draws it 96 pixels high.",
        ),
        *tracking_inputs(),
        *(
            io.Int.Input(
                f"pad_{side}",
                default=default,
                min=-200,
                max=500,
                advanced=True,
                tooltip=f"Pixels by which the part that the network sees is larger at the {side}.",
            )
            for side, default in (("top", 0), ("bottom", 10), ("left", 0), ("right", 0))
        ),
    ]


def blending_of(settings: dict[str, Any], scaling: Scaling) -> Blending:
    """The settings as the engine takes them."""
    from ...engines.lipsync.blend import Blending

    return Blending(
        region=settings["region"],
        feather=settings["feather"],
        color_match=settings["color_match"],
        sharpness=settings["sharpness"],
        padding=(settings["pad_top"], settings["pad_bottom"], settings["pad_left"], settings["pad_right"]),
        scaling=scaling,
    )
