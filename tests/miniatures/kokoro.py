"""Kokoro in miniature: an ONNX file with its inputs and outputs, in which each letter is a tone of three frames.

Written as the protocol buffers that it is made of, since the package `onnx` isn't among what the tests need.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FRAMES = 3
"""That each letter lasts at a speed of 1."""
_FLOAT, _INT64 = 1, 7


def write_model(path: Path, *, durations: str = "/encoder/Clip_output_0", inputs: tuple[str, ...] = ()) -> Path:
    """Write the model; with another name of its durations or its inputs it isn't Kokoro."""
    tokens, style, speed = inputs or ("tokens", "style", "speed")
    nodes = [
        _node("Cast", [tokens], "numbers", _integer("to", _FLOAT)),
        _node("Mul", ["numbers", "zero"], "nothing"),
        _node("Add", ["nothing", "frames"], "plain"),
        _node("Div", ["plain", speed], "paced"),
        _node("Ceil", ["paced"], "whole"),
        _node("Clip", ["whole", "one"], durations),
        _node("ReduceSum", [durations], "sum", _integer("keepdims", 0)),
        _node("Mul", ["sum", "samples"], "count"),
        _node("Range", ["zero", "count", "one"], "steps"),
        _node("Mul", ["steps", "pitch"], "phase"),
        _node("Sin", ["phase"], "audio"),
    ]
    constants = {"zero": 0, "one": 1, "frames": FRAMES, "samples": 600, "pitch": 0.1}
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"miniature")
    graph += b"".join(_field(5, _scalar(name, value)) for name, value in constants.items())
    given = ((tokens, _INT64, (1, "n")), (style, _FLOAT, (1, 256)), (speed, _FLOAT, (1,)))
    graph += b"".join(_field(11, _value(*one)) for one in given)
    graph += _field(12, _value("audio", _FLOAT, ("t",)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 17)))
    return path


def write_voice(path: Path, rows: int = 510) -> Path:
    """Write a voice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.random.default_rng(1).standard_normal((rows, 256)).astype("<f4").tofile(path)
    return path


def _node(kind: str, inputs: list[str], output: str, attribute: bytes = b"") -> bytes:
    read = b"".join(_field(1, name.encode()) for name in inputs)
    return read + _field(2, output.encode()) + _field(4, kind.encode()) + (_field(5, attribute) if attribute else b"")


def _integer(name: str, value: int) -> bytes:
    return _field(1, name.encode()) + _number(3, value) + _number(20, 2)


def _scalar(name: str, value: float) -> bytes:
    return _number(2, _FLOAT) + _field(8, name.encode()) + _field(9, np.float32(value).tobytes())


def _value(name: str, kind: int, shape: tuple[int | str, ...]) -> bytes:
    sizes = (_number(1, size) if isinstance(size, int) else _field(2, size.encode()) for size in shape)
    tensor = _number(1, kind) + _field(2, b"".join(_field(1, size) for size in sizes))
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
