"""A TensorFlow Lite graph run by PyTorch.

Pictures are (B, H, W, C) there and (B, C, H, W) in PyTorch; a permuted view is PyTorch's `channels_last` layout, so
nothing is copied between the two. Weights are computed with as 32-bit numbers, whatever the file keeps them in.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from .tflite import Graph, Operation, TfliteError

_ACTIVATIONS: dict[int, Callable[[Tensor], Tensor]] = {
    0: lambda x: x,
    1: torch.relu_,
    3: lambda x: x.clamp_(0, 6),
}
_ARITHMETIC: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "squared_difference": lambda a, b: (a - b).square(),
}
_PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "logistic": torch.sigmoid,
    "relu": torch.relu,
    "neg": torch.neg,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
}
_Step = tuple[int, tuple[int, ...], Callable[..., Tensor]]


class Network:
    """A graph, ready to run.

    Raises:
        TfliteError: it has an operation in a form that isn't known here.
    """

    def __init__(self, graph: Graph) -> None:
        self._inputs, self._outputs = graph.inputs, graph.outputs
        self.input_shapes = tuple(graph.shapes[number] for number in graph.inputs)
        known: dict[int, Tensor] = {}
        for number, value in graph.constants.items():
            tensor = torch.from_numpy(value.copy())
            known[number] = tensor.float() if tensor.is_floating_point() else tensor
        self._steps: list[_Step] = []
        for operation in graph.operations:
            first = operation.inputs[0]
            if operation.kind in ("dequantize", "densify") and first in known:
                known[operation.output] = known[first]
                continue
            try:
                self._steps.append(_step(operation, known, graph))
            except (KeyError, NotImplementedError) as error:
                raise TfliteError(f"the operation {operation.kind} has a form that isn't known ({error!r})") from error
        used = {number for _, inputs, _ in self._steps for number in inputs} | set(graph.outputs)
        self._constants = {number: value for number, value in known.items() if number in used}
        self._last_use = {number: index for index, (_, inputs, _) in enumerate(self._steps) for number in inputs}

    def __call__(self, *given: Tensor) -> list[Tensor]:
        """The outputs for these inputs, shaped as the graph's, with any number of them as the first size."""
        values = dict(self._constants) | dict(zip(self._inputs, given, strict=True))
        for index, (output, inputs, run) in enumerate(self._steps):
            values[output] = run(*(values[number] for number in inputs))
            for number in inputs:
                if self._last_use[number] == index and number not in self._outputs:
                    values.pop(number, None)
        return [values[number] for number in self._outputs]


def _step(operation: Operation, known: dict[int, Tensor], graph: Graph) -> _Step:
    """The tensor that an operation writes, those that it reads while it runs, and what it does with them."""
    kind, options = operation.kind, operation.options
    inputs = tuple(number for number in operation.inputs if number >= 0)
    if kind in ("conv", "depthwise_conv"):
        weight, *bias = (known[number] for number in inputs[1:])
        return operation.output, inputs[:1], _conv(kind, weight, bias[0] if bias else None, options)
    if kind == "prelu":
        return operation.output, inputs[:1], _prelu(known[inputs[1]])
    if kind in _ARITHMETIC:
        act, compute = _ACTIVATIONS[options.get("activation", 0)], _ARITHMETIC[kind]

        def run(a: Tensor, b: Tensor) -> Tensor:
            return act(compute(a, b))

        return operation.output, inputs, run
    if kind in _PLAIN:
        return operation.output, inputs, _PLAIN[kind]
    if kind == "concatenation":
        axis = options["axis"]
        return operation.output, inputs, lambda *parts: torch.cat(parts, axis)
    return operation.output, inputs[:1], _shaping(operation, known, graph)


def _shaping(operation: Operation, known: dict[int, Tensor], graph: Graph) -> Callable[[Tensor], Tensor]:
    """What an operation that selects, moves or pools values does with its one tensor."""
    kind, options = operation.kind, operation.options
    settings = [known[number].tolist() for number in operation.inputs[1:]]
    if kind == "reshape":
        shape = graph.shapes[operation.output]
        return lambda x: x.reshape(-1, *shape[1:])
    if kind in ("mean", "sum"):
        axes = known[operation.inputs[1]].flatten().tolist()
        total, keep = torch.mean if kind == "mean" else torch.sum, bool(options["keep"])
        return lambda x: total(x, axes, keepdim=keep)
    if kind == "transpose":
        return lambda x: x.permute(settings[0])
    if kind == "pad":
        margins = [side for pair in reversed(settings[0]) for side in pair]
        return lambda x: functional.pad(x, margins)
    if kind == "max_pool":
        return _max_pool(options)
    if kind == "resize_bilinear":
        return _resize(settings[0], options)
    if kind == "depth_to_space":
        return _depth_to_space(options["block"])
    if kind == "strided_slice":
        return _slice(settings, options)
    raise NotImplementedError(kind)


def _conv(kind: str, weight: Tensor, bias: Tensor | None, options: Mapping[str, int]) -> Callable[[Tensor], Tensor]:
    """A convolution with its activation; weights are (out, h, w, in), or (1, h, w, channels) one each."""
    deep = kind == "depthwise_conv"
    kernel = weight.permute(3, 0, 1, 2) if deep else weight.permute(0, 3, 1, 2)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    stride, size = (options["stride_y"], options["stride_x"]), kernel.shape[2:]
    groups, valid, act = len(kernel) if deep else 1, options["valid"], _ACTIVATIONS[options["activation"]]
    even = not valid and stride == (1, 1) and size[0] % 2 and size[1] % 2
    inside = (size[0] // 2, size[1] // 2) if even else 0

    def run(x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        if not (valid or even):
            x = _same(x, size, stride)
        return act(functional.conv2d(x, kernel, bias, stride, inside, groups=groups)).permute(0, 2, 3, 1)

    return run


def _same(x: Tensor, size: Sequence[int], stride: Sequence[int], value: float = 0.0) -> Tensor:
    """Padded so that the output has ceil(side / stride) pixels; an odd margin is longer at the end."""
    margins: list[int] = []
    for side, length, step in zip(x.shape[:1:-1], size[::-1], stride[::-1], strict=True):
        short = max((-(-side // step) - 1) * step + length - side, 0)
        margins += [short // 2, short - short // 2]
    return functional.pad(x, margins, value=value) if any(margins) else x


def _prelu(slope: Tensor) -> Callable[[Tensor], Tensor]:
    if slope.numel() == slope.shape[-1]:
        per_channel = slope.flatten()
        return lambda x: functional.prelu(x.permute(0, 3, 1, 2), per_channel).permute(0, 2, 3, 1)
    return lambda x: torch.where(x >= 0, x, x * slope)


def _max_pool(options: Mapping[str, int]) -> Callable[[Tensor], Tensor]:
    size, stride = (options["height"], options["width"]), (options["stride_y"], options["stride_x"])

    def run(x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        if not options["valid"]:
            x = _same(x, size, stride, -torch.inf)
        return functional.max_pool2d(x, size, stride).permute(0, 2, 3, 1)

    return run


def _resize(size: list[int], options: Mapping[str, int]) -> Callable[[Tensor], Tensor]:
    """Bilinear, between the pixels' corners or their centres."""
    corners = bool(options["align_corners"])
    if not corners and not options["half_pixel_centers"]:
        raise NotImplementedError("resize_bilinear without aligned corners or centres")
    return lambda x: functional.interpolate(
        x.permute(0, 3, 1, 2), size, mode="bilinear", align_corners=corners
    ).permute(0, 2, 3, 1)


def _depth_to_space(block: int) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        count, height, width, depth = x.shape
        x = x.reshape(count, height, width, block, block, depth // block**2).transpose(2, 3)
        return x.reshape(count, height * block, width * block, depth // block**2)

    return run


def _slice(bounds: list[list[int]], options: Mapping[str, int]) -> Callable[[Tensor], Tensor]:
    """A part of each axis, all of the first one where it is one example of a batch."""
    parts: list[slice | int] = []
    for axis, (begin, end, step) in enumerate(zip(*bounds, strict=True)):
        if options["shrink_mask"] >> axis & 1:
            parts.append(begin)
        else:
            masked = options["begin_mask"] >> axis & 1, options["end_mask"] >> axis & 1
            parts.append(slice(None if masked[0] else begin, None if masked[1] else end, step))
    where = tuple(parts)
    return lambda x: x[where]
