"""A safetensors file written as its numbers come, so that they are never in memory all at once."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

_NAMES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.uint8: "U8",
    torch.int64: "I64",
}


@dataclass(frozen=True, slots=True)
class Coming:
    """A tensor of this type and shape, whose numbers come in `parts`, one after another."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    parts: Iterable[Tensor]


def write_tensors(path: Path, tensors: Mapping[str, Tensor | Coming]) -> None:
    """Write `tensors` to `path` in their order.

    Raises:
        ValueError: the parts of one don't make up its shape.
        OSError: the disk is full.
    """
    coming = {name: value if isinstance(value, Coming) else _whole(value) for name, value in tensors.items()}
    header, end = {}, 0
    for name, value in coming.items():
        begin, end = end, end + _size(value)
        header[name] = {"dtype": _NAMES[value.dtype], "shape": list(value.shape), "data_offsets": [begin, end]}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for name, value in coming.items():
            until = file.tell() + _size(value)
            for part in value.parts:
                file.write(raw(part.to(value.dtype)))
            if file.tell() != until:
                raise ValueError(f"The parts of {name} don't make up {value.shape}.")


def raw(tensor: Tensor) -> memoryview:
    """A tensor's bytes in its order, copied only where they don't lie so."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def _whole(tensor: Tensor) -> Coming:
    return Coming(tensor.dtype, tuple(tensor.shape), [tensor])


def _size(value: Coming) -> int:
    return math.prod(value.shape) * value.dtype.itemsize
