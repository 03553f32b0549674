"""A TensorFlow Lite file read into its operations and constant arrays.

The format is a FlatBuffer: every table begins with the distance back to its vtable, which holds the offset of each of
its fields, or 0 for a field at its default. Field numbers are those of TensorFlow Lite's published schema. Sparse
weights are laid out densely while they are read.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

_MAGIC = b"TFL3"
_TYPES = {0: np.dtype("<f4"), 1: np.dtype("<f2"), 2: np.dtype("<i4")}
_INDEX_TYPES = {1: np.dtype("<i4"), 2: np.dtype("<u2"), 3: np.dtype("u1")}
_NAMES = {
    0: "add", 2: "concatenation", 3: "conv", 4: "depthwise_conv", 5: "depth_to_space", 6: "dequantize",
    14: "logistic", 17: "max_pool", 18: "mul", 19: "relu", 22: "reshape", 23: "resize_bilinear", 34: "pad",
    39: "transpose", 40: "mean", 41: "sub", 42: "div", 45: "strided_slice", 54: "prelu", 59: "neg", 74: "sum",
    75: "sqrt", 76: "rsqrt", 99: "squared_difference", 124: "densify",
}  # fmt: skip
# Numbers of the options' fields: (number, struct's letter, default).
_CONV = {"valid": (0, "b", 0), "stride_x": (1, "i", 1), "stride_y": (2, "i", 1)}
_ARITHMETIC = {"activation": (0, "b", 0)}
_OPTIONS: Mapping[str, Mapping[str, tuple[int, str, int]]] = {
    "conv": {**_CONV, "activation": (3, "b", 0)},
    "depthwise_conv": {**_CONV, "activation": (4, "b", 0)},
    "max_pool": {**_CONV, "width": (3, "i", 1), "height": (4, "i", 1)},
    "add": _ARITHMETIC,
    "sub": _ARITHMETIC,
    "mul": _ARITHMETIC,
    "div": _ARITHMETIC,
    "concatenation": {"axis": (0, "i", 0)},
    "resize_bilinear": {"align_corners": (2, "?", 0), "half_pixel_centers": (3, "?", 0)},
    "depth_to_space": {"block": (0, "i", 1)},
    "mean": {"keep": (0, "?", 0)},
    "sum": {"keep": (0, "?", 0)},
    "strided_slice": {"begin_mask": (0, "i", 0), "end_mask": (1, "i", 0), "shrink_mask": (4, "i", 0)},
}


class TfliteError(ValueError):
    """A file isn't TensorFlow Lite's, is damaged, or uses what this reader doesn't know."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a graph: its kind, the numbers of the tensors that it reads and writes, and its options."""

    kind: str
    inputs: tuple[int, ...]
    output: int
    options: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Graph:
    """A network: its operations in the order in which they run.

    Attributes:
        constants: the arrays that the file holds, by tensor.
        shapes: of every tensor.
        inputs, outputs: tensors that are given and wanted.
    """

    operations: tuple[Operation, ...]
    constants: Mapping[int, Array]
    shapes: Mapping[int, tuple[int, ...]]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(content: bytes) -> Graph:
    """The first graph of a TensorFlow Lite file.

    Raises:
        TfliteError: it is none, or can't be read.
    """
    if content[4:8] != _MAGIC:
        raise TfliteError("this is not a TensorFlow Lite file")
    try:
        return _graph(_Table(content, struct.unpack_from("<I", content)[0]))
    except (struct.error, IndexError, KeyError, ValueError, OverflowError, RecursionError) as error:
        raise TfliteError(f"this TensorFlow Lite file is damaged or of an unknown kind ({error!r})") from error


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a FlatBuffer, at a position in `content`."""

    content: bytes
    at: int

    def _field(self, number: int) -> int:
        """Where a field's value is; 0 where it has its default."""
        vtable = self.at - struct.unpack_from("<i", self.content, self.at)[0]
        entry = 4 + 2 * number
        if entry >= struct.unpack_from("<H", self.content, vtable)[0]:
            return 0
        offset = struct.unpack_from("<H", self.content, vtable + entry)[0]
        return self.at + offset if offset else 0

    def number(self, field: int, letter: str, default: int = 0) -> int:
        place = self._field(field)
        return int(struct.unpack_from("<" + letter, self.content, place)[0]) if place else default

    def _follow(self, place: int) -> int:
        return place + struct.unpack_from("<I", self.content, place)[0]

    def table(self, field: int) -> "_Table | None":
        place = self._field(field)
        return _Table(self.content, self._follow(place)) if place else None

    def tables(self, field: int) -> list["_Table"]:
        place = self._field(field)
        if not place:
            return []
        start = self._follow(place)
        length = struct.unpack_from("<I", self.content, start)[0]
        return [_Table(self.content, self._follow(start + 4 + 4 * i)) for i in range(length)]

    def array(self, field: int, dtype: "np.dtype[np.generic]") -> Array:
        place = self._field(field)
        if not place:
            return np.zeros(0, dtype)
        start = self._follow(place)
        length = struct.unpack_from("<I", self.content, start)[0]
        return np.frombuffer(self.content, dtype, length, start + 4)

    def integers(self, field: int) -> tuple[int, ...]:
        return tuple(int(value) for value in self.array(field, np.dtype("<i4")))


def _graph(model: _Table) -> Graph:
    kinds: list[str] = []
    for code in model.tables(1):
        number = max(code.number(0, "b"), code.number(3, "i"))
        if number not in _NAMES:
            raise ValueError(f"operation {number}")
        kinds.append(_NAMES[number])
    buffers = [buffer.array(0, np.dtype("u1")) for buffer in model.tables(4)]
    graph = model.tables(2)[0]
    tensors = graph.tables(0)
    constants = {
        number: _constant(tensor, buffers[tensor.number(2, "I")])
        for number, tensor in enumerate(tensors)
        if len(buffers[tensor.number(2, "I")])
    }
    return Graph(
        tuple(_operation(entry, kinds) for entry in graph.tables(3)),
        constants,
        {number: tensor.integers(0) for number, tensor in enumerate(tensors)},
        graph.integers(1),
        graph.integers(2),
    )


def _operation(entry: _Table, kinds: list[str]) -> Operation:
    kind = kinds[entry.number(0, "I")]
    table = entry.table(4)
    known = _OPTIONS.get(kind, {})
    options = {
        name: table.number(field, letter, default) if table else default
        for name, (field, letter, default) in known.items()
    }
    return Operation(kind, entry.integers(1), entry.integers(2)[0], options)


def _constant(tensor: _Table, buffer: Array) -> Array:
    shape = tensor.integers(0)
    values = np.frombuffer(buffer.tobytes(), _TYPES[tensor.number(1, "b")])
    sparsity = tensor.table(6)
    return values.reshape(shape) if sparsity is None else _dense(sparsity, values, shape)


def _dense(sparsity: _Table, values: Array, shape: tuple[int, ...]) -> Array:
    """Compressed values in their places, zeros between.

    Dimensions are traversed in an order of their own; those past the tensor's rank run inside a block of one of
    its dimensions. A compressed dimension lists, for each place in the ones before, which of its indices are there.
    """
    order, blocks = sparsity.integers(0), sparsity.integers(1)
    dimensions = sparsity.tables(2)
    places = np.zeros((1, 0), np.int64)  # (entries, dimensions traversed so far)
    for dimension in dimensions:
        if dimension.number(0, "b") == 0:
            size = dimension.number(1, "i")
            inner, counts = np.tile(np.arange(size), len(places)), np.full(len(places), size)
        else:
            segments, inner = (_indices(dimension, field) for field in (2, 4))
            counts = np.array([end - start for start, end in pairwise(segments)])
        places = np.column_stack([np.repeat(places, counts, axis=0), inner])
    rank = len(shape)
    where = [np.zeros(len(places), np.int64) for _ in shape]
    sizes = {axis: dimensions[order.index(rank + number)].number(1, "i") for number, axis in enumerate(blocks)}
    for level, axis in enumerate(order):
        if axis < rank:
            where[axis] += places[:, level] * sizes.get(axis, 1)
        else:
            where[blocks[axis - rank]] += places[:, level]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(where)] = values
    return dense


def _indices(dimension: _Table, kind: int) -> npt.NDArray[np.int64]:
    """The whole numbers in the union whose kind is field `kind` of a dimension and which follows it."""
    table = dimension.table(kind + 1)
    if table is None:
        raise ValueError("a compressed dimension without indices")
    return table.array(0, _INDEX_TYPES[dimension.number(kind, "b")]).astype(np.int64)
