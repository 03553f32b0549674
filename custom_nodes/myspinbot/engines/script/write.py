"""The model's script where there is one, else the template's: a topic always becomes a script."""

import re
import time
from dataclasses import replace

from ..progress import OnStep
from . import template
from .brief import TONES, Brief, Script
from .ollama import Model, ModelError, ask


def write(brief: Brief, model: Model, on_step: OnStep | None = None) -> Script:
    """A script for `brief`, asking `model` once more where that may help and time is left.

    Raises:
        ValueError: no topic, or an unknown tone.
    """
    if not re.search(r"\w", brief.topic):
        raise ValueError("The topic is empty. Write what the video should be about.")
    if brief.tone not in TONES:
        raise ValueError(f"The tone {brief.tone!r} is not known. Choose one of {', '.join(TONES)}.")
    deadline = time.monotonic() + model.timeout
    try:
        return ask(brief, model, on_step)
    except ModelError as first:
        left = deadline - time.monotonic()
        if not first.again or left < 1:
            return template.write(brief, str(first))
    try:
        return ask(brief, replace(model, seed=model.seed + 1, timeout=round(left, 1)), on_step)
    except ModelError as second:
        return template.write(brief, str(second))
