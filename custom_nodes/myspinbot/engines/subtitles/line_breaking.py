"""Where a line of text may end, in any script, and how wide it is."""

import re
import unicodedata
from itertools import pairwise

# Written without spaces between words, so that a line may end between any two characters.
_SPACELESS = re.compile(r"[\u2e80-\u2fff\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
                        r"\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]")  # fmt: skip
# Small kana and marks of length or repetition belong to the character before them (JIS X 4051).
_CLINGING = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶーゝゞヽヾ々〻゛゜…‥")
_CLOSERS = r"[\"'”’“»«›)\]」』）】]*$"
_SENTENCE = re.compile(r"[.!?…。！？؟۔।॥።\u0f0d]+" + _CLOSERS)
_ABBREVIATION = re.compile(
    r"(?:^|[\s.(“\"])(?:[^\W\d_]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|e\.g|i\.e|z\.B|d\.h|Nr|bzw|ca)\.$"
)
_CLAUSE = re.compile(r"[,;:，、；：،؛–—]+" + _CLOSERS)


def width(text: str) -> int:
    """Columns that `text` takes: two for a wide East Asian character (UAX #11), none for a combining mark."""
    return sum(0 if _joins(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def split_at_breaks(word: str) -> list[str]:
    """`word`, which has no spaces, cut wherever a line may end: around characters of a script without spaces,
    but not before closing nor after opening punctuation."""
    cuts = [i for i, (a, b) in enumerate(pairwise(word), 1) if _may_end_between(a, b)]
    return [word[a:b] for a, b in pairwise([0, *cuts, len(word)])]


def split_to_width(word: str, limit: int) -> list[str]:
    """`word` in parts at most `limit` columns wide, never cut before a combining mark."""
    parts = [""]
    for letter in word:
        if parts[-1] and not _joins(letter) and width(parts[-1] + letter) > limit:
            parts.append("")
        parts[-1] += letter
    return parts


def normalized(text: str) -> str:
    """The letters and digits of `text`, alike however they are written, to compare words by."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def spaceless(text: str) -> bool:
    """Whether anything in `text` is of a script without spaces."""
    return _SPACELESS.search(text) is not None


def ends_sentence(text: str) -> bool:
    return _SENTENCE.search(text) is not None and not _ABBREVIATION.search(text)


def ends_clause(text: str) -> bool:
    return _CLAUSE.search(text) is not None


def _joins(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Me", "Cf") or "\U0001f3fb" <= letter <= "\U0001f3ff"


def _may_end_between(a: str, b: str) -> bool:
    if not (_SPACELESS.match(a) or _SPACELESS.match(b) or (_wide_mark(a) and b.isalnum())):
        return False
    closing = b in _CLINGING or _joins(b) or unicodedata.category(b) in ("Pe", "Pf", "Po", "Pd")
    return not closing and unicodedata.category(a) not in ("Ps", "Pi")


def _wide_mark(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) == "W" and unicodedata.category(letter) in ("Po", "Pe", "Pf")
