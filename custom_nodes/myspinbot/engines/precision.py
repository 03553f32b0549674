"""Half precision where the processor is built for it and the picture stays what it was.

What is chosen depends on the hardware and the weights alone, never on a clock, so that the same machine always
computes the same.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .memory import is_out_of_memory

Run = Callable[[nn.Module, Tensor], Tensor]
HALF_A_LEVEL = 0.5 / 255  # of a picture in 8 bits
_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A copy of a model, ready to run on its device.

    Attributes:
        model: in evaluation mode, its weights of `dtype`.
        error: mean absolute difference of its output from float32's, 0 in float32.
    """

    model: nn.Module
    dtype: torch.dtype
    error: float


def fast_types(device: torch.device) -> tuple[torch.dtype, ...]:
    """The half types that `device` has instructions for, the better one first; none where they gain nothing."""
    if device.type == "cpu":
        return (torch.bfloat16,) if _cpu_multiplies_bfloat16() else ()
    if device.type == "cuda":
        has_bfloat16 = torch.cuda.get_device_capability(device)[0] >= 8
        return (torch.float16, torch.bfloat16) if has_bfloat16 else (torch.float16,)
    return (torch.float16,) if device.type == "mps" else ()


def prepare(
    model: nn.Module,
    run: Run,
    example: Tensor,
    *,
    device: torch.device,
    types: tuple[torch.dtype, ...] | None = None,
    tolerance: float = HALF_A_LEVEL,
    channels_last: bool = True,
) -> Prepared:
    """A copy of `model` on `device` in the first of `types` whose output on `example` stays within `tolerance`.

    Args:
        run: gives the model's output for an input; both have the type and device of the model's weights.
        example: an input in float32, small, like those to come.
        types: half types to try; those that the device is fast in, if None. Without one that passes it is float32.
        tolerance: largest mean absolute difference from float32's output.
        channels_last: False for networks that rely on the usual order of what is between their layers.

    Raises:
        RuntimeError: Memory ran out; that says nothing about a type.
    """
    exact = _converted(model, device, torch.float32, channels_last)
    with torch.inference_mode():
        truth: Tensor | None = None
        for dtype in fast_types(device) if types is None else types:
            truth = run(exact, example.to(device)).float() if truth is None else truth
            half = _converted(model, device, dtype, channels_last)
            try:
                error = float((run(half, example.to(device, dtype)).float() - truth).abs().mean())
            except RuntimeError as failure:  # a layer that isn't to be had in this type
                if is_out_of_memory(failure):
                    raise
                continue
            if error <= tolerance:  # never so for NaN
                return Prepared(half, dtype, error)
    return Prepared(exact, torch.float32, 0.0)


def _converted(model: nn.Module, device: torch.device, dtype: torch.dtype, channels_last: bool) -> nn.Module:
    """A copy whose convolutions hold their weights channels last, where that is the faster order.

    Layer by layer, because some networks hold tensors of five dimensions, which have no such order.
    """
    converted = copy.deepcopy(model).eval().requires_grad_(False).to(device, dtype)
    if channels_last and (device.type == "cpu" or (device.type == "cuda" and dtype != torch.float32)):
        for layer in converted.modules():
            if isinstance(layer, _CONVOLUTIONS):
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    return converted


def _cpu_multiplies_bfloat16() -> bool:
    """Whether it has AMX or AVX-512 BF16: without them bfloat16 is emulated, and slower."""
    known = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in known)
