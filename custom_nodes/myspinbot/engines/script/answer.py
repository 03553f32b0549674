"""What a language model is asked for, and what becomes of its answer."""

import re
from dataclasses import dataclass

from .brief import Brief, Script, shorten

NARRATION = (
    "the words to be spoken to the camera and nothing else: no headings, no stage directions, no emoji, numbers and "
    "symbols as they are read aloud"
)
SCENE = (
    "in English, one camera-ready description of the picture for an image generator: the speaker's setting, clothes, "
    "framing, light and mood; no text in the picture"
)
_REFUSALS = re.compile(
    r"^\W*(i'?m (very |so )?sorry|i apologi[sz]e|sorry|as an ai\b[^.]*|unfortunately)?[\s,.:;]*(but )?"
    r"(i|we) (can ?not|can't|won't|am unable to|am not able to|must decline to|'?m unable to) "
    r"(\w+ )?(help|assist|provide|create|write|generate|comply|fulfil|do|discuss|answer|produce)\b",
    re.IGNORECASE,
)


class ModelError(Exception):
    """The model gave no script. `again` says whether a second try may help."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and how many tokens it wrote; 0 where that isn't known."""

    text: str
    tokens: int = 0


def role(brief: Brief) -> str:
    """What the model is."""
    persona = f" You speak as {brief.persona}." if brief.persona.strip() else ""
    return f"You write short talking-head videos.{persona}"


def task(brief: Brief) -> str:
    """What it is to write."""
    return (
        f"Topic: {brief.topic.strip()}\nTone: {brief.tone}\nNarration language: {brief.language}\n"
        f"Length: about {brief.words} words, {brief.seconds} seconds when read aloud."
    )


def script_of(narration: str, scene: str, brief: Brief) -> Script:
    """The script of an answer's two parts.

    Raises:
        ModelError: Nothing is said, or the model refused.
    """
    if not re.search(r"\w", narration):
        raise ModelError("The model's answer held no narration.", again=True)
    if _REFUSALS.match(narration.replace("\u2019", "'")):
        raise ModelError(f"The model refused: {narration[:120]!r}", again=True)
    scene = scene or f"A person talks to the camera about {brief.topic.strip()}."
    return Script(shorten(narration, brief.words), scene, language=brief.language_or_english)
