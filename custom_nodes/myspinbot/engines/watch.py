"""A network that can be stopped in the middle of a run."""

import contextlib
from collections.abc import Callable, Generator

from torch import nn


@contextlib.contextmanager
def watched(network: nn.Module, tick: Callable[[], None]) -> Generator[None, None, None]:
    """Call `tick` before every layer of `network` during the block; what it raises ends the run at once."""

    def before(*_: object) -> None:
        tick()

    layers = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_pre_hook(before) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
