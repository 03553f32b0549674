"""Knowing a model, or anything else that lives in memory, again after a restart.

What is hashed is content alone: numbers, names and structure, never an address or a random id. Of a large tensor
that belongs to a model a sample is enough, because training changes all of it: runs of bytes from its beginning, its
end and between.
"""

import enum
import functools
import hashlib
import inspect
import re
import types
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor

SAMPLED_FROM = 1 << 16
"""Bytes from which a tensor is sampled, where sampling is allowed."""
_RUNS, _RUN = 8, 512  # places, and bytes at each
_DEEPEST = 40
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")

StandIn = Callable[[Any], Any]
"""Gives what stands for an object that shouldn't be looked into, or the object itself."""


def contents_hash(value: Any, *, sample: bool = False, stand_in: StandIn = lambda value: value) -> str:
    """A hash of an object in any depth: the same for the same content, in every process.

    Tensors and arrays count by type, shape and numbers, wherever they lie; functions by name and what they close
    over; other objects by class and attributes, or by what `repr` shows of those that have none.

    Args:
        value: anything.
        sample: whether large tensors count by a part of their bytes.
        stand_in: gives what counts in place of an object.

    Returns:
        A SHA-256, 64 hex digits.
    """
    digest = hashlib.sha256()
    for piece in _Walk(sample, stand_in).pieces(value, 0):
        digest.update(len(piece).to_bytes(8, "big"))
        digest.update(piece)
    return digest.hexdigest()


class _Walk:
    def __init__(self, sample: bool, stand_in: StandIn) -> None:
        self._sample, self._stand_in = sample, stand_in
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is used twice

    def pieces(self, value: Any, depth: int) -> Iterator[bytes]:
        if isinstance(value, np.ndarray | np.generic):
            yield from self._array(np.asarray(value), depth)
        elif value is None or isinstance(value, bool | int | float | complex | str | bytes):
            yield f"{type(value).__name__} {value!r}".encode()
        elif isinstance(value, Tensor):
            yield from self._tensor(value, depth)
        elif isinstance(value, type):
            yield value.__qualname__.encode()  # without its module, whose name may hold a path
        elif isinstance(value, enum.Enum | torch.dtype | torch.device):
            yield str(value).encode()
        elif isinstance(value, types.ModuleType):
            yield b"module"
        elif isinstance(value, uuid.UUID):
            yield b"id"
        elif id(value) in self._met:
            yield f"met {self._met[id(value)]}".encode()
        elif depth > _DEEPEST:
            yield b"deep"
        else:
            self._met[id(value)] = len(self._met)
            self._kept.append(value)
            stand_in = self._stand_in(value)
            yield from self._inside(value, depth) if stand_in is value else self.pieces(stand_in, depth + 1)

    def _inside(self, value: Any, depth: int) -> Iterator[bytes]:
        if isinstance(value, Mapping):
            yield b"mapping"
            for key, inner in sorted(((repr(key), inner) for key, inner in value.items()), key=itemgetter(0)):
                yield key.encode()
                yield from self.pieces(inner, depth + 1)
        elif isinstance(value, list | tuple | deque):
            yield f"list {len(value)}".encode()
            for inner in value:
                yield from self.pieces(inner, depth + 1)
        elif isinstance(value, set | frozenset):
            yield from sorted(
                contents_hash(inner, sample=self._sample, stand_in=self._stand_in).encode() for inner in value
            )
        elif isinstance(value, functools.partial):
            yield from self.pieces(["partial", value.func, value.args, value.keywords], depth + 1)
        elif isinstance(value, types.MethodType):
            yield from self.pieces(["method", value.__func__, value.__self__], depth + 1)
        elif isinstance(value, types.FunctionType):
            yield value.__qualname__.encode()
            closed = inspect.getclosurevars(value).nonlocals
            yield from self.pieces([closed, value.__defaults__, value.__kwdefaults__], depth + 1)
        elif isinstance(value, torch.nn.Module):
            weights = dict(value.named_parameters()) | dict(value.named_buffers())
            yield from self.pieces([type(value), weights], depth + 1)
        else:
            yield from self.pieces([type(value), _attributes(value) or _shown(value)], depth + 1)

    def _array(self, value: np.ndarray[Any, Any], depth: int) -> Iterator[bytes]:
        yield f"array {value.dtype} {value.shape}".encode()
        if value.dtype.hasobject:
            yield from self.pieces(value.tolist(), depth + 1)
        else:
            yield value.tobytes()

    def _tensor(self, value: Tensor, depth: int) -> Iterator[bytes]:
        inner = getattr(value, "_qdata", None)  # a quantised tensor of comfy_kitchen, which is no plain memory
        if inner is not None:
            yield b"quantised"
            yield from self.pieces([inner, _attributes(getattr(value, "_params", None))], depth + 1)
            return
        yield f"tensor {value.dtype} {tuple(value.shape)}".encode()
        flat = value.detach().reshape(-1)
        if not self._sample or flat.numel() * flat.element_size() < SAMPLED_FROM:
            yield _bytes(flat)
            return
        run = _RUN // flat.element_size()
        for i in range(_RUNS):
            start = (flat.numel() - run) * i // (_RUNS - 1)
            yield _bytes(flat[start : start + run])


def _bytes(flat: Tensor) -> bytes:
    return flat.contiguous().cpu().view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def _attributes(value: Any) -> dict[str, Any]:
    names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    slots = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return slots | dict(getattr(value, "__dict__", {}))


def _shown(value: Any) -> str:
    """What `repr` tells of an object without attributes, such as a slice, but where it lies."""
    if type(value).__repr__ is object.__repr__:
        return ""
    return _ADDRESS.sub("", repr(value))
