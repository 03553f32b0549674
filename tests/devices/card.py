"""A graphics card where there is none: tensors that say they lie on a card, and hold their numbers here.

While a card is `pretended`, what would fail on a real one fails: tensors of two devices in one operation, numbers read
without `.cpu()`, the processor's generator for what is drawn on the card. What doesn't fail is computed by the
processor. The device is called "meta", for which PyTorch needs no driver.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

CARD = torch.device("meta")
aten = torch.ops.aten
_MOVES = {aten.copy_.default, aten._to_copy.default}
_INDEXED = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._unsafe_index.Tensor}
_MADE_OF_NUMBERS = {torch.tensor, torch.as_tensor}


@contextmanager
def pretended() -> Generator[torch.device]:
    """A card, for as long as the block takes."""
    with _Numbers(), _Dispatch():
        yield CARD


class OnCard(Tensor):
    """A tensor on the card; `held` is what it holds."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor, requires_grad: bool = False) -> OnCard:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=CARD,
            requires_grad=requires_grad,
        )
        made.held = held
        return made

    def tolist(self) -> Any:
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self:  # in inference mode operations come whole
            parts = func.decompose(*args, **(kwargs or {}))
        return _run(func, args, kwargs or {}) if parts is NotImplemented else parts


class _Numbers(TorchFunctionMode):
    """Tensors made of Python's numbers, for which PyTorch asks no dispatcher."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _MADE_OF_NUMBERS and torch.device(kwargs.get("device") or "cpu") == CARD:
            return func(*args, **{**kwargs, "device": "cpu"}).to(CARD)
        if func is Tensor.new_tensor and isinstance(args[0], OnCard):
            return args[0].held.new_tensor(*args[1:], **kwargs).to(CARD)
        return func(*args, **kwargs)


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, OnCard)]
    here = [tensor for tensor in tensors if not isinstance(tensor, OnCard) and tensor.ndim]
    by_index = func in _INDEXED and isinstance(args[0], OnCard)
    if there and here and func not in _MOVES and not by_index:
        raise RuntimeError(f"Expected all tensors to be on the same device: {func}")
    on_card = bool(there)
    if kwargs.get("device") is not None:
        on_card = torch.device(kwargs["device"]) == CARD
        kwargs = {**kwargs, "device": torch.device("cpu")}
    generator = kwargs.get("generator")
    if on_card and generator is not None and generator.device != CARD:
        raise RuntimeError(f"Expected a generator of the card: {func}")
    if func is aten._fused_sdp_choice.default:
        return 0  # plain attention, which every device has
    made = func(*_held(args), **_held(kwargs))
    if func is aten.copy_.default and not isinstance(args[0], OnCard):
        return args[0]
    if not on_card or func is aten._local_scalar_dense.default:
        return made
    known = {id(tensor.held): tensor for tensor in there}
    return tree_map_only(Tensor, lambda tensor: known[id(tensor)] if id(tensor) in known else OnCard(tensor), made)


def _held(value: Any) -> Any:
    return tree_map_only(OnCard, lambda tensor: tensor.held, value)
