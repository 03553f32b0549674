"""A script for any topic: a model's where there is one, else one from a template."""

import functools
import json
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..languages import base_of, code_of
from ..progress import OnStep
from . import paragraphs
from .answer import ModelError
from .brief import TONES, WORDS_PER_SECOND, Brief, Script, count_words
from .ollama import Model, ask
from .paragraphs import Writer

LONGEST_TOPIC = 30  # words of a topic that are spoken
_LANGUAGES = ("en", "de", "es", "fr")
_MOODS = {
    "casual": "relaxed, warm daylight, a lived-in room",
    "formal": "composed, even studio light, a plain backdrop",
    "playful": "bright colours, lively light, a cheerful room",
    "dramatic": "strong contrast, low-key light, a dark backdrop",
}


def write(brief: Brief, model: Model, on_step: OnStep | None = None, writers: Sequence[Writer] = ()) -> Script:
    """A script for a brief: Ollama's where it answers, else that of the first of `writers` that gives one.

    Each is asked once more where that may help.

    Args:
        brief: What is asked for.
        model: Ollama's; both tries have its timeout together.
        on_step: Called with tenths of a second, waited for Ollama and allowed; what it raises ends the waiting.
        writers: Who is asked next, in this order; the template is the last.

    Raises:
        ValueError: no topic, or an unknown tone.
    """
    if not re.search(r"\w", brief.topic):
        raise ValueError("The topic is empty. Write what the video should be about.")
    if brief.tone not in TONES:
        raise ValueError(f"The tone {brief.tone!r} is not known. Choose one of {', '.join(TONES)}.")

    def by_ollama(seed: int, left: float) -> tuple[Script, int]:
        return ask(brief, replace(model, seed=seed), on_step, left)

    def by_writer(writer: Writer) -> Callable[[int, float], tuple[Script, int]]:
        return lambda seed, left: paragraphs.ask(brief, writer, seed)

    turns = [(f"Ollama's {model.name}", "", by_ollama, model.timeout)]
    turns += [(writer.name, writer.model, by_writer(writer), math.inf) for writer in writers]
    reasons: list[str] = []
    for name, model_id, turn, timeout in turns:
        started = time.monotonic()
        try:
            script, tokens = _twice(turn, model.seed, timeout)
        except ModelError as error:
            reasons.append(str(error))
            continue
        seconds = round(time.monotonic() - started, 1)
        return replace(script, source=name, model=model_id, why=" ".join(reasons), seconds=seconds, tokens=tokens)
    return from_template(brief, " ".join(reasons))


def _twice(turn: Callable[[int, float], tuple[Script, int]], seed: int, timeout: float) -> tuple[Script, int]:
    """A turn, and once more with the next seed and the time that is left if that may help."""
    deadline = time.monotonic() + timeout
    try:
        return turn(seed, timeout)
    except ModelError as first:
        left = deadline - time.monotonic()
        if not first.again or left < 1:
            raise
    return turn(seed + 1, round(left, 1))


def from_template(brief: Brief, reason: str) -> Script:
    """A readable script without any model: the same text for the same topic, tone, language and length.

    It knows nothing of the topic but its words, and says nothing of it but those.

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
    for sentence in (sentence.format(topic=bare) for sentence in text["middle"]):
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
        narration,
        scene,
        fallback=True,
        warning=warning,
        language=brief.language_or_english if known else "English",
        why=reason,
    )


@functools.cache
def _texts(code: str) -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "fallback" / f"{code}.json").read_text(encoding="utf-8"))
