"""A writer of TensorFlow Lite files, as far as tests need, and networks that always say the same.

A FlatBuffer is written from the top down: each table with its vtable before it, and offsets filled in once it is known
where the things are that they lead to.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

CODES = {
    "add": 0, "concatenation": 2, "conv": 3, "depthwise_conv": 4, "depth_to_space": 5, "dequantize": 6,
    "logistic": 14, "max_pool": 17, "reshape": 22, "resize_bilinear": 23, "pad": 34, "mean": 40,
    "strided_slice": 45, "prelu": 54, "densify": 124,
}  # fmt: skip
TYPES = {"float32": 0, "float16": 1, "int32": 2}
Number = tuple[str, int]
"""struct's letter and a value."""


def network(
    tensors: Sequence[np.ndarray | tuple[int, ...]],
    operations: Sequence[tuple[str, list[int], int, dict[int, Number]]],
    inputs: list[int],
    outputs: list[int],
    sparse: Mapping[int, dict[int, Any]] | None = None,
) -> bytes:
    """A file with one graph.

    Args:
        tensors: constants, or the shapes of what is computed.
        operations: kind, inputs, output, and options by field number.
        inputs, outputs: of the graph.
        sparse: by tensor the table of how its values, given as a flat array with the tensor's shape in field -1, lie.
    """
    sparse = sparse or {}
    kinds = sorted({operation[0] for operation in operations})
    buffers: list[dict[int, Any]] = [{}]
    described: list[dict[int, Any]] = []
    for number, tensor in enumerate(tensors):
        if isinstance(tensor, tuple):
            described.append({0: np.array(tensor, np.int32), 2: ("I", 0)})
            continue
        layout = dict(sparse.get(number, {}))
        shape = layout.pop(-1, tensor.shape)
        entry = {0: np.array(shape, np.int32), 1: ("b", TYPES[str(tensor.dtype)]), 2: ("I", len(buffers))}
        described.append(entry | ({6: layout} if layout else {}))
        buffers.append({0: np.frombuffer(np.ascontiguousarray(tensor).tobytes(), np.uint8)})
    steps = [
        {0: ("I", kinds.index(kind)), 1: np.array(read, np.int32), 2: np.array([written], np.int32), 4: options}
        for kind, read, written, options in operations
    ]
    graph = {0: described, 1: np.array(inputs, np.int32), 2: np.array(outputs, np.int32), 3: steps}
    codes = [{0: ("b", min(CODES[kind], 127)), 3: ("i", CODES[kind])} for kind in kinds]
    return _file({0: ("I", 3), 1: codes, 2: [graph], 4: buffers})


def says(shape: tuple[int, ...], *outputs: np.ndarray) -> bytes:
    """A network that looks at a picture of `shape` and always says the same."""
    return network([shape, *outputs], [], [0], list(range(1, len(outputs) + 1)))


def write_task(path: Path, mesh: np.ndarray, presence: float = 20.0) -> Path:
    """A landmarker that sees one face in the middle of every picture, with this mesh (478, 3) of 256 pixels."""
    boxes, scores = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -20, np.float32)
    boxes[0, 0, :8] = 60, 60, 64, 64, 40, 50, 80, 50  # from the first anchor, at (4, 4) of 128
    scores[0, 0] = 5
    points = mesh.astype(np.float32).reshape(1, 1, 1, -1)
    sure = np.full((1, 1, 1, 1), presence, np.float32)
    shapes = np.linspace(0, 1, 52, dtype=np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("face_detector.tflite", says((1, 128, 128, 3), boxes, scores))
        bundle.writestr("face_landmarks_detector.tflite", says((1, 256, 256, 3), points, sure, sure))
        bundle.writestr("face_blendshapes.tflite", says((1, 146, 2), shapes))
    return path


def _file(root: dict[int, Any]) -> bytes:
    out = bytearray(8)
    out[4:8] = b"TFL3"
    struct.pack_into("<I", out, 0, _put(out, root))
    return bytes(out)


def _put(out: bytearray, value: Any) -> int:
    """Append a table, a list of tables or an array, with all that is in it; returns where it is."""
    out.extend(bytes(-len(out) % 8))
    if isinstance(value, np.ndarray):
        at = len(out)
        out.extend(struct.pack("<I", len(value)) + value.tobytes())
        return at
    if isinstance(value, list):
        at = len(out)
        out.extend(struct.pack("<I", len(value)) + bytes(4 * len(value)))
        for number, item in enumerate(value):
            place = at + 4 + 4 * number
            struct.pack_into("<I", out, place, _put(out, item) - place)
        return at
    count = max(value, default=-1) + 1
    vtable = len(out)
    out.extend(bytes(4 + 2 * count))
    out.extend(bytes(-len(out) % 8))
    at = len(out)
    out.extend(bytes(4 + 8 * count))
    struct.pack_into("<HH", out, vtable, 4 + 2 * count, 4 + 8 * count)
    struct.pack_into("<i", out, at, at - vtable)
    for field, item in value.items():
        place = at + 4 + 8 * field
        struct.pack_into("<H", out, vtable + 4 + 2 * field, place - at)
        if isinstance(item, tuple):
            struct.pack_into("<" + item[0], out, place, item[1])
        else:
            struct.pack_into("<I", out, place, _put(out, item) - place)
    return at
