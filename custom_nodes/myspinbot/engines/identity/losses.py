"""What is written down while training, as numbers and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...media.faces import Pixels
from ...media.plot import Curve
from ...media.plot import plot as drawn

_STEP, _LEARNED, _HELD = (150, 165, 190), (31, 91, 179), (200, 88, 20)


@dataclass(frozen=True, slots=True)
class Measured:
    """The loss after `steps` with fixed noise, on pictures that are learned and on ones that aren't."""

    steps: int
    learned: float
    held_out: float | None


def grows(measured: Sequence[Measured]) -> bool:
    """Whether the loss on held-out pictures ends more than 2 percent above its least: the training was too long."""
    held = [point.held_out for point in measured if point.held_out is not None]
    return len(held) > 2 and held[-1] > 1.02 * min(held)


def plot(steps: Sequence[float], measured: Sequence[Measured]) -> Pixels:
    """What was measured as a chart, and behind it the loss of each step on a scale of its own; (480, 768, 3)."""
    learned = [(point.steps, point.learned) for point in measured]
    held = [(point.steps, point.held_out) for point in measured if point.held_out is not None]
    curves = [
        Curve("each step (own scale)", list(enumerate(steps, 1)), _STEP, behind=True),
        Curve("pictures that are learned", learned, _LEARNED),
        Curve("pictures held out", held, _HELD),
    ]
    return drawn(curves, "Loss", "steps")
