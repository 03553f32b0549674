"""What came of a training, for the user: a sentence or two, and a picture."""

import numpy as np
import numpy.typing as npt

from ....media.plot import Curve, plot
from ...speech.f5.lora import Adapter

_LEARNT, _HELD_OUT = (150, 150, 150), (200, 60, 30)


def told(adapter: Adapter) -> str:
    """How far it went and what it brought."""
    first, last = adapter.history[0], adapter.history[-1]
    best = min(adapter.history, key=lambda point: point.held_out)
    steps = adapter.settings["steps"]
    ended = "" if last.step == steps else f" It ended after {last.step}, as nothing more was learnt."
    fell = 1 - best.held_out / first.held_out
    return (
        f"Loss on what was held out: {first.held_out:.4f} before, {best.held_out:.4f} after step {best.step} of {steps}"
        f" ({fell:.1%} less); that step was kept.{ended}"
    )


def drawn(adapter: Adapter) -> npt.NDArray[np.uint8]:
    """(H, W, 3): loss by step, in training and on what was held out."""
    learnt = [(point.step, point.training) for point in adapter.history if point.training is not None]
    held_out = [(point.step, point.held_out) for point in adapter.history]
    curves = [Curve("training", learnt, _LEARNT), Curve("held out", held_out, _HELD_OUT)]
    return plot(curves, "Loss", "steps")
