"""A text cut into what Kokoro reads at once: sentences in its letters, which know their phonemes and words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

from ...languages import IDEOGRAPHS, KANA
from ..espeak import Pronounced
from .alphabet import NUMBERS, PUNCTUATION, spelled

LONGEST = 300
"""Letters of a sentence at most; the model takes 510, and hurries before that."""
_MOST_SIGNS = 12  # in a row
_SHORTEST = 20  # letters; so little is spoken poorly when it is alone
_CASED = re.compile(r"[^\W_]*[0-9A-Za-z\u00c0-\u052f\u0900-\u0dff]")  # of a script that sets words apart by spaces
_EDGES = ".,:;!?…\"'()[]{}«»„“”‘’¡¿-–—*_।，。、！？；：「」『』（）"
_TITLE = re.compile(r"\b(?:[A-Z]|Mrs?|Ms|Mx|Dr|Prof|St|Sra?|Sig|Mme|Mlle)\.\s+$")  # no sentence ends there
_UNSPACED = re.compile(f"[{KANA}{IDEOGRAPHS}]")
_INSIDE = re.compile(r"(?<=\w)[^\w\s、。「-』！（），：；？](?=\w)")  # the signs of don't, e-mail, 3.14
_END, _CLAUSE = set(".!?…"), set(",;:—)")

Ranges = list[tuple[int, int, int]]


@dataclass(slots=True)
class Sentence:
    """What is read at once.

    Attributes:
        letters: Kokoro's symbols.
        phonemes: IPA symbols, each with the range of the letters that it is written in.
        words: Indices into the words of the text, each with the range of its letters.
        end: How many characters of the text have been read after it.
    """

    letters: str = ""
    phonemes: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    words: Ranges = field(default_factory=Ranges)
    end: int = 0

    @property
    def numbers(self) -> list[int]:
        """The model's input, without the marks of both ends."""
        return [NUMBERS[letter] for letter in self.letters]

    def add(self, other: Sentence) -> None:
        """Read `other` after this in one breath."""
        shift = len(self.letters)
        self.letters += other.letters
        self.phonemes += [(symbol, start + shift, end + shift) for symbol, start, end in other.phonemes]
        for word, start, end in other.words:
            if self.words and self.words[-1][0] == word:  # "don't" and "12,345" are pronounced in several parts
                start, shifted = self.words.pop()[1], end + shift
            else:
                start, shifted = start + shift, end + shift
            self.words.append((word, start, shifted))
        self.end = other.end


def cut(text: str, spoken: Iterable[Pronounced], language: str) -> tuple[list[Sentence], list[str]]:
    """Cut a text at the ends of its sentences, and too long ones at the end of a clause or a word.

    Args:
        text: As it is written.
        spoken: Its pronunciation, see `pronounce`.
        language: espeak-ng's code.

    Returns:
        The sentences, and the words of the text that they speak of.
    """
    items = list(_short_enough(spoken))
    owned, words = _words(text, items)
    found, parts = list[Sentence](), list[Sentence]()
    ends = [*(item.start for item in items[1:]), len(text)]
    plain = _INSIDE.sub("x", text)
    for item, indices, end in zip(items, owned, ends, strict=True):
        after = _signs(plain[item.start : end], pause=item.pause)
        if parts and sum(len(part.letters) for part in parts) > LONGEST - 60:
            parts = _cut_clause(found, parts)
        parts.append(_part(item, indices, after, language, end))
        if _END & set(after):
            found.append(_whole(parts))
            parts = []
    return _joined([*found, _whole(parts)]), words


def _short_enough(spoken: Iterable[Pronounced], longest: int = 50) -> Iterator[Pronounced]:
    """The same, endless words in several parts."""
    for item in spoken:
        for start in range(0, len(item.symbols), longest):
            symbols = item.symbols[start : start + longest]
            yield replace(item, symbols=symbols, pause=item.pause and start + longest >= len(item.symbols))


def _words(text: str, items: list[Pronounced]) -> tuple[list[list[int]], list[str]]:
    """For each item which words of the text it speaks, and these words."""
    tokens = [match.span() for match in re.finditer(r"\S+", text)]
    parts = [text[start:end] for start, end in tokens]
    cased = [bool(_CASED.search(part)) and not _UNSPACED.search(part) for part in parts]
    spans, owned = list[tuple[int, int]](), list[list[int]]()
    at = 0
    for index, item in enumerate(items):
        while at + 1 < len(tokens) and tokens[at + 1][0] <= item.start:
            at += 1
        start, end = tokens[at]
        span = start, end
        if not cased[at]:
            later = (other.start for other in items[index + 1 :] if other.start > item.start)
            span = item.start, max(min(next(later, end), end), item.start)
        if not spans or spans[-1] != span:
            spans.append(span)
        owned.append([len(spans) - 1])
        # "of the" is pronounced as one: the words up to the next item belong to this one.
        following = items[index + 1].start if index + 1 < len(items) else len(text)
        for token, is_cased in zip(tokens[at + 1 :], cased[at + 1 :], strict=True):
            if token[1] > following:
                break
            if is_cased and cased[at]:
                spans.append(token)
                owned[-1].append(len(spans) - 1)
    return owned, [text[start:end].strip(_EDGES) for start, end in spans]


def _signs(written: str, *, pause: bool) -> str:
    """The signs in a stretch of the text, in Kokoro's; a line that ends without one gets a full stop.

    What is written several times counts once, full stops in a row as `…`.
    """
    signs = "".join(PUNCTUATION.get(mark, " " if mark.isspace() else "") for mark in written)
    if not pause or _TITLE.search(written):
        signs = signs.replace(".", "")  # of an abbreviation
    if "\n" in written and not signs.strip():
        signs = "."
    signs = re.sub(r"(\S)\1+", r"\1", re.sub(r"\.{2,}", "…", re.sub(r"\s+", " ", signs)))[:_MOST_SIGNS].rstrip()
    return signs if signs.endswith(("(", "“")) else f"{signs} "


def _part(item: Pronounced, indices: list[int], after: str, language: str, end: int) -> Sentence:
    """One item with the signs after it."""
    part = Sentence(end=end)
    for symbol, letters in zip(item.symbols, spelled(item.symbols, language), strict=True):
        if letters:
            part.phonemes.append((symbol.strip("→↗↓↘"), len(part.letters), len(part.letters) + len(letters)))
            part.letters += letters
    # Where one item speaks several words, each gets its share.
    cuts = [round(share * len(part.phonemes) / len(indices)) for share in range(len(indices) + 1)]
    for index, (first, last) in zip(indices, pairwise(cuts), strict=True):
        if last > first:
            part.words.append((index, part.phonemes[first][1], part.phonemes[last - 1][2]))
    part.letters += after
    return part


def _cut_clause(found: list[Sentence], parts: list[Sentence]) -> list[Sentence]:
    """End a sentence that grows too long where a clause ends in its second half; returns what is left of it."""
    sizes = list(accumulate(len(part.letters) for part in parts))
    ends = [i + 1 for i, part in enumerate(parts) if _CLAUSE & set(part.letters) and sizes[i] > LONGEST / 3]
    at = ends[-1] if ends else len(parts)
    found.append(_whole(parts[:at]))
    return parts[at:]


def _whole(parts: list[Sentence]) -> Sentence:
    whole = Sentence()
    for part in parts:
        whole.add(part)
    return whole


def _joined(parts: list[Sentence]) -> list[Sentence]:
    """Sentences that are too short for their own good read with the one before or after; empty ones are left out."""
    found: list[Sentence] = []
    for part in parts:
        if not part.phonemes:
            continue
        short = found and min(len(found[-1].letters), len(part.letters)) < _SHORTEST
        if short and len(found[-1].letters) + len(part.letters) <= LONGEST:
            found[-1].add(part)
        else:
            found.append(part)
    for sentence in found:
        sentence.letters = sentence.letters.strip()
    return found
