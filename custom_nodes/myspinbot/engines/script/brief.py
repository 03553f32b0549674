"""What a script is asked for, and what comes back."""

import re
from dataclasses import dataclass

WORDS_PER_SECOND = 2.5
TONES = ("casual", "formal", "playful", "dramatic")
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
    """`narration` is spoken, in `language`; `scene` describes the picture; `warning` is why a template had to do."""

    narration: str
    scene: str
    fallback: bool = False
    warning: str = ""
    language: str = "English"


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
    unspaced = len(text) / max(len(parts), 1) > 25
    return len(text) // _CHARACTERS_A_WORD if unspaced else len(parts)
