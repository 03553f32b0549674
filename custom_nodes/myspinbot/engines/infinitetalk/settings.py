"""What the user chooses for an InfiniteTalk video, checked."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from .plan import Plan

SAMPLERS = {"dpm++_sde": "dpmpp_2m_sde", "euler": "euler", "unipc": "uni_pc", "dpm++": "dpmpp_2m", "lcm": "lcm"}
"""Names as in the WanVideo nodes, to ComfyUI's; their dpm++_sde is the multistep one of second order."""
COLOR_MATCHES = ("mkl", "lab", "disabled")
FITS = ("crop", "pad")
TILINGS = ("auto", "on", "off")
AudioFeatures = Literal["upstream", "core"]
AUDIO_FEATURES: tuple[AudioFeatures, ...] = ("upstream", "core")
LARGEST_WHOLE = 832 * 480
"""Pixels up to which `auto` decodes a frame whole."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One InfiniteTalk video but for its models, pictures and sounds; the names are the node's.

    Raises:
        ValueError: a value that the model can't take; the message names it.
    """

    width: int
    height: int
    fps: int
    steps: int
    cfg: float
    shift: float
    sampler_name: str
    scheduler: str
    seed: int
    frame_window_size: int
    motion_frame: int
    audio_scale: float
    color_match: str
    vae_tiling: str
    audio_features: AudioFeatures

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            value = getattr(self, name)
            if value < 16 or value % 16:
                low = max(value // 16 * 16, 16)
                raise ValueError(f"{name} must be a multiple of 16, not {value}. Use {low} or {low + 16}.")
        Plan(1, self.frame_window_size, self.motion_frame)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """From the node's inputs, among which are others."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def comfy_sampler(self) -> str:
        """ComfyUI's own name of the sampler."""
        return SAMPLERS[self.sampler_name]

    @property
    def tiled(self) -> bool:
        """Whether the VAE works tile by tile."""
        return self.vae_tiling == "on" or (self.vae_tiling == "auto" and self.width * self.height > LARGEST_WHOLE)
