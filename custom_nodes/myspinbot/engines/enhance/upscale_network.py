"""An upscaling model of any kind that spandrel loads, run over pictures in 8 bits."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ...media.faces import Pixels
from ...media.fingerprint import fingerprint
from ..precision import fast_types, prepare

_EDGES = (8, 16, 24, 32, 48)  # overlaps to choose from, in pixels
_ONE_LEVEL = 1 / 255  # of a picture in 8 bits: what half precision may be off on average, an edge at most
_EXAMPLE_SIDE = 48
_BYTES_PER_PIXEL = 1152  # times scale and bytes of a number: what ComfyUI reckons a model takes for its layers


class UpscaleError(ValueError):
    """A model that can't upscale clips, or memory that is too small for it."""


class DescriptorModule(nn.Module):
    """A spandrel descriptor as a module, so that it is copied, moved and cast as one.

    What a host keeps on the descriptor or on its model is no part of a copy. ComfyUI's memory management keeps
    buffers there that free themselves when they go: a copy of one would free it a second time.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.descriptor = descriptor
        self.net = descriptor.model

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, scale * H, scale * W), both 0 to 1."""
        return self.descriptor(x)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        plain = vars(nn.Module())
        shared = [value for name, value in (vars(self.descriptor) | vars(self.net)).items() if name not in plain]
        memo |= {id(value): value for value in shared if not isinstance(value, nn.Module)}  # not copied, but shared
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied


@dataclass(frozen=True, slots=True)
class Network:
    """A model ready to upscale.

    Attributes:
        module: on its device, in the type of `dtype`.
        multiple: sides of what it is given must be multiples of this.
        smallest: and at least this.
        divisible: whether a picture may be given to it in parts.
        overlap: pixels around a part that keep its edges from being seen.
        weights_hash: a hash of its weights.
    """

    module: DescriptorModule
    dtype: torch.dtype
    scale: int
    channels: int
    multiple: int
    smallest: int
    divisible: bool
    overlap: int
    weights_hash: str

    def __call__(self, pictures: Pixels) -> Pixels:
        """(B, H, W, 3) RGB to (B, scale * H, scale * W, 3)."""
        device = next(self.module.parameters()).device
        x = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2)
        batch, _, height, width = x.shape
        x = (x.float() / 255).reshape(-1, self.channels, height, width)
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            y = self.module(x).float().reshape(batch, 3, self.scale * height, self.scale * width)
            return (y * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()

    @property
    def on_card(self) -> bool:
        """Whether it runs on a device that gains by batches."""
        return next(self.module.parameters()).device.type != "cpu"

    def most_pixels(self, memory: int) -> int:
        """How large a picture may be, in pixels, where `memory` bytes are free: an estimate, on the safe side."""
        return memory // (_BYTES_PER_PIXEL * self.dtype.itemsize * max(self.scale, 1))


def load_network(descriptor: Any, *, device: torch.device, exact: bool = False) -> Network:
    """A copy of a spandrel model on `device`, in half precision where that gains and passes (see `precision`).

    Args:
        descriptor: spandrel's ImageModelDescriptor; it stays as it is.
        exact: float32 in any case.

    Raises:
        UpscaleError: it is no model for whole pictures in colour or grey.
    """
    channels = _checked_channels(descriptor)
    needs, tiling = descriptor.size_requirements, descriptor.tiling.name
    allowed = {torch.float16: descriptor.supports_half, torch.bfloat16: descriptor.supports_bfloat16}
    side = -(-max(_EXAMPLE_SIDE, needs.minimum) // needs.multiple_of) * needs.multiple_of
    example = _texture(side).permute(2, 0, 1)[None].float().div(255)[:, :channels]

    weights_hash = _weights_hash(descriptor)

    def network(*types: torch.dtype, overlap: int = 0) -> Network:
        prepared = prepare(
            DescriptorModule(descriptor),
            lambda model, x: model(x),
            example,
            device=device,
            types=tuple(dtype for dtype in types if allowed[dtype]),
            tolerance=_ONE_LEVEL,
        )
        return Network(
            module=prepared.model,  # pyright: ignore[reportArgumentType]
            dtype=prepared.dtype,
            scale=int(descriptor.scale),
            channels=channels,
            multiple=needs.multiple_of,
            smallest=needs.minimum,
            divisible=tiling == "SUPPORTED",
            overlap=overlap,
            weights_hash=weights_hash,
        )

    whole = network()
    whole = replace(whole, overlap=_overlap(whole) if whole.divisible else 0)
    return whole if exact else network(*fast_types(device), overlap=whole.overlap)


def edge_effect(network: Network, depth: int) -> list[float]:
    """How much an edge changes what is near it: largest difference in 0 to 1, for each distance in pixels.

    A texture is upscaled whole, and without its left half; compared is what both show. The differences are those
    of every column from that distance on, so that they never grow.
    """
    step = network.multiple
    depth = max(-(-depth // step) * step, network.smallest)
    whole = _texture(2 * depth)[: max(_EXAMPLE_SIDE, network.smallest)].numpy()
    scale = network.scale
    full = network(whole[None])[0][:, depth * scale :].astype(np.int16)
    part = network(whole[None, :, depth:])[0].astype(np.int16)
    columns = np.abs(full - part).max(axis=(0, 2)).reshape(depth, scale).max(axis=1) / 255
    return [float(columns[distance:].max()) for distance in range(depth)]


def _overlap(network: Network) -> int:
    """The smallest overlap whose edges aren't seen, or the greatest that is offered; `network` is in float32."""
    effect = edge_effect(network, _EDGES[-1] + 16)
    fit = (edge for edge in _EDGES if effect[edge] <= _ONE_LEVEL)
    return -(-next(fit, _EDGES[-1]) // network.multiple) * network.multiple


def _weights_hash(descriptor: Any) -> str:
    weights = descriptor.model.state_dict()
    arrays = (part for name in sorted(weights) for part in (name, weights[name].detach().float().cpu().numpy()))
    return fingerprint(descriptor.architecture.id, *arrays)


def _checked_channels(descriptor: Any) -> int:
    """The number of channels of a model that can be used."""
    try:
        purpose, channels = descriptor.purpose, (descriptor.input_channels, descriptor.output_channels)
    except AttributeError as error:
        raise UpscaleError(
            "The upscale model is not one that ComfyUI's Load Upscale Model gives. Connect that node."
        ) from error
    name = descriptor.architecture.name
    if purpose == "FaceSR":
        raise UpscaleError(f"{name} restores faces and doesn't upscale whole pictures. Use Restore Faces for it.")
    if channels not in ((1, 1), (3, 3)):
        raise UpscaleError(
            f"This {name} takes {channels[0]} channels and gives {channels[1]}; it needs 3 of both, or 1."
        )
    return channels[0]


def _texture(side: int) -> Tensor:
    """(side, side, 3) uint8: noise in several sizes, as busy as a picture gets; always the same."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.zeros(1, 3, side, side)
    for grain in (1, 4, 16):
        noise = torch.rand(1, 3, -(-side // grain), -(-side // grain), generator=generator)
        picture += nn.functional.interpolate(noise, scale_factor=grain, mode="nearest")[..., :side, :side]
    return (picture[0].permute(1, 2, 0) * 85).byte()
