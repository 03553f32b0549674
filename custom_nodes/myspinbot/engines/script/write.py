"""The model's script where there is one, else the template's: a topic always becomes a script."""

from dataclasses import replace

from . import template
from .brief import TONES, Brief, Script
from .ollama import Model, ModelError, OnStep, ask


def write(brief: Brief, model: Model, on_step: OnStep | None = None) -> Script:
    """A script for `brief`, asking `model` once more where that may help.

    Raises:
        ValueError: no topic, or an unknown tone.
    """
    if not brief.topic.strip():
        raise ValueError("The topic is empty. Write what the video should be about.")
    if brief.tone not in TONES:
        raise ValueError(f"The tone {brief.tone!r} is not known. Choose one of {', '.join(TONES)}.")
    try:
        return ask(brief, model, on_step)
    except ModelError as first:
        if not first.again:
            return template.write(brief, str(first))
    try:
        return ask(brief, replace(model, seed=model.seed + 1), on_step)
    except ModelError as second:
        return template.write(brief, str(second))
    except ImportError as error:
        return template.write(brief, f"The package {error.name} is missing from ComfyUI's Python.")
