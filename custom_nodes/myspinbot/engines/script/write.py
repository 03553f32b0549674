"""A script for any topic: the model's where there is one, else one from a template."""

import functools
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..languages import base_of, code_of
from ..progress import OnStep
from .brief import TONES, WORDS_PER_SECOND, Brief, Script, count_words
from .ollama import Model, ModelError, ask

LONGEST_TOPIC = 30  # words of a topic that are spoken
_LANGUAGES = ("en", "de", "es", "fr")
_MOODS = {
    "casual": "relaxed, warm daylight, a lived-in room",
    "formal": "composed, even studio light, a plain backdrop",
    "playful": "bright colours, lively light, a cheerful room",
    "dramatic": "strong contrast, low-key light, a dark backdrop",
}


def write(brief: Brief, model: Model, on_step: OnStep | None = None) -> Script:
    """A script for a brief.

    Args:
        brief: What is asked for.
        model: Asked once more where that may help and time is left.
        on_step: Called with tenths of a second, waited and allowed; what it raises ends the waiting.

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
            return from_template(brief, str(first))
    try:
        return ask(brief, replace(model, seed=model.seed + 1, timeout=round(left, 1)), on_step)
    except ModelError as second:
        return from_template(brief, str(second))


def from_template(brief: Brief, reason: str) -> Script:
    """A readable script without any model: the same text for the same topic, tone, language and length.

    Args:
        brief: What is asked for.
        reason: Why no model wrote it, for the warning.
    """
    code = base_of(code_of(brief.language_or_english) or "")
    known = code in _LANGUAGES
    text = _texts(code if known else "en")
    topic = " ".join(brief.topic.split()[:LONGEST_TOPIC])
    bare = topic.rstrip(".!?。！？؟ ")
    ended = topic if topic != bare else f"{topic}."
    opening, closing = text["openings"][brief.tone].format(topic=ended), text["closings"][brief.tone]
    budget = brief.words - count_words(closing)
    sentences = [opening]
    for sentence in text["middle"]:
        if count_words(" ".join([*sentences, sentence])) <= budget + 3:
            sentences.append(sentence)
    narration = " ".join([*sentences, closing])
    warning = f"{reason} The script was written from a template instead."
    if not known:
        warning += f" It is in English, as there is no template in {brief.language_or_english}."
    if count_words(narration) < 0.6 * brief.words:
        warning += f" It lasts about {count_words(narration) / WORDS_PER_SECOND:.0f} seconds: it has no more to say."
    scene = (
        f"Portrait of {brief.persona.strip() or 'a friendly presenter'} talking to the camera about {bare}, "
        f"head and shoulders, {_MOODS[brief.tone]}, looking into the lens, sharp focus."
    )
    return Script(
        narration, scene, fallback=True, warning=warning, language=brief.language_or_english if known else "English"
    )


@functools.cache
def _texts(code: str) -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "fallback" / f"{code}.json").read_text(encoding="utf-8"))
