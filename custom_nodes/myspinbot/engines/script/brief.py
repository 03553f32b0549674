"""What a script is asked for, and what comes back."""

import re
from dataclasses import dataclass

from ..languages import IDEOGRAPHS, KANA

WORDS_PER_SECOND = 2.5
TONES = ("casual", "formal", "playful", "dramatic")
_UNSPACED = re.compile(f"[\u0e00-\u0e7f{KANA}{IDEOGRAPHS}]")  # Thai too
_CHARACTERS_A_WORD = 2  # where words are not set apart by spaces, as in Chinese


@dataclass(frozen=True, slots=True)
class Brief:
    """What is asked for: `seconds` of speech in `language` about `topic`."""

    topic: str
    tone: str = "casual"
    persona: str = ""
    seconds: int = 20
    language: str = "English"

    @property
    def language_or_english(self) -> str:
        """The language, English where none is named."""
        return self.language.strip() or "English"

    @property
    def words(self) -> int:
        """Words that fill the time when read aloud."""
        return max(round(self.seconds * WORDS_PER_SECOND), 5)


@dataclass(frozen=True, slots=True)
class Script:
    """A script and where it came from.

    Attributes:
        narration: What is spoken, in `language`.
        scene: Describes the picture.
        fallback: Whether a template had to do.
        warning: Why it had to.
        source: Who wrote it, as people know it.
        model: The writer's id in `models.yaml`; empty for others.
        why: Why none of those that are asked before wrote it.
        seconds: What it took.
        tokens: How many were written; 0 where that isn't known.
    """

    narration: str
    scene: str
    fallback: bool = False
    warning: str = ""
    language: str = "English"
    source: str = "a template"
    model: str = ""
    why: str = ""
    seconds: float = 0.0
    tokens: int = 0


def shorten(narration: str, words: int) -> str:
    """`narration` cut at the end of a sentence when it is more than half as long again as asked."""
    if count_words(narration) <= words * 1.5:
        return narration
    shortened = ""
    for sentence in re.split(r"(?<=[.!?؟])(?=\s)|(?<=[。！？])", narration):
        if shortened and count_words(shortened + sentence) > words * 1.25:
            break
        shortened += sentence
    return shortened.strip()


def count_words(text: str) -> int:
    """Words as they are spoken, in scripts with and without spaces between them."""
    parts = text.split()
    unspaced = len(text) / max(len(parts), 1) > 25 or 2 * len(_UNSPACED.findall(text)) > len(text)
    return len(text) // _CHARACTERS_A_WORD if unspaced else len(parts)
