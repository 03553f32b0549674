"""A readable script without any model: the same text for the same topic, tone, language and length."""

import functools
import json
from pathlib import Path
from typing import Any

from ..languages import base_of, code_of
from .brief import WORDS_PER_SECOND, Brief, Script, count_words

LONGEST_TOPIC = 30  # words of a topic that are spoken
_LANGUAGES = ("en", "de", "es", "fr")
_MOODS = {
    "casual": "relaxed, warm daylight, a lived-in room",
    "formal": "composed, even studio light, a plain backdrop",
    "playful": "bright colours, lively light, a cheerful room",
    "dramatic": "strong contrast, low-key light, a dark backdrop",
}


def write(brief: Brief, reason: str) -> Script:
    """The script for `brief`; `reason` is why no model wrote it, for the warning."""
    code = base_of(code_of(brief.tongue) or "")
    known = code in _LANGUAGES
    text = _texts(code if known else "en")
    topic = " ".join(brief.topic.split()[:LONGEST_TOPIC])
    bare = topic.rstrip(".!?。！？؟ ")
    ended = topic if topic != bare else f"{topic}."
    opening, closing = text["openings"][brief.tone].format(topic=ended), text["closings"][brief.tone]
    budget = brief.words - count_words(closing)
    spoken = [opening]
    for sentence in text["middle"]:
        if count_words(" ".join([*spoken, sentence])) <= budget + 3:
            spoken.append(sentence)
    narration = " ".join([*spoken, closing])
    warning = f"{reason} The script was written from a template instead."
    if not known:
        warning += f" It is in English, as there is no template in {brief.tongue}."
    if count_words(narration) < 0.6 * brief.words:
        warning += f" It lasts about {count_words(narration) / WORDS_PER_SECOND:.0f} seconds: it has no more to say."
    scene = (
        f"Portrait of {brief.persona.strip() or 'a friendly presenter'} talking to the camera about {bare}, "
        f"head and shoulders, {_MOODS[brief.tone]}, looking into the lens, sharp focus."
    )
    return Script(narration, scene, fallback=True, warning=warning, language=brief.tongue if known else "English")


@functools.cache
def _texts(code: str) -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "fallback" / f"{code}.json").read_text(encoding="utf-8"))
