"""What a script is asked for, and what comes back."""

import re
from dataclasses import dataclass

WORDS_PER_SECOND = 2.5
TONES = ("casual", "formal", "playful", "dramatic")


@dataclass(frozen=True, slots=True)
class Brief:
    """The order: `seconds` of speech in `language` about `topic`."""

    topic: str
    tone: str = "casual"
    persona: str = ""
    seconds: int = 20
    language: str = "English"

    @property
    def words(self) -> int:
        """Words that fill the time when read aloud."""
        return max(round(self.seconds * WORDS_PER_SECOND), 5)


@dataclass(frozen=True, slots=True)
class Script:
    """`narration` is spoken; `scene` describes the picture; `warning` says why a template had to do."""

    narration: str
    scene: str
    fallback: bool = False
    warning: str = ""


def fitted(narration: str, words: int) -> str:
    """`narration` cut at the end of a sentence when it is more than half as long again as asked."""
    if len(narration.split()) <= words * 1.5:
        return narration
    kept: list[str] = []
    for sentence in sentences(narration):
        if kept and len(" ".join([*kept, sentence]).split()) > words * 1.25:
            break
        kept.append(sentence)
    return " ".join(kept)


def sentences(text: str) -> list[str]:
    """Split after . ! ? and their CJK and Arabic forms."""
    return [part for part in re.split(r"(?<=[.!?。！？؟])\s*(?=\S)", text.strip()) if part]
