"""The words of a speech as they are written, each with its time.

Timings name what was said, mostly without punctuation and with numbers spelled out. The written text is matched over
them: words that agree take their times, and what stands between takes what time is left there.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, groupby, islice, pairwise, takewhile

from ..timings import Span, Timings
from .line_breaking import normalized, spaceless, split_at_breaks, width

_AGREEING = 0.3  # the least share of words by which a text is taken for what is spoken


@dataclass(frozen=True, slots=True)
class Unit:
    """A word, or a character of a script without spaces, that no line is broken within.

    `text` is spoken from `start` to `end` seconds; `spaced` says whether a space precedes it.
    """

    text: str
    start: float
    end: float
    spaced: bool = True


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    spaced: bool


def units(timings: Timings, text: str = "") -> tuple[list[Unit], bool]:
    """The units of a speech in the order of time, written as `text` has them.

    Without a text, or when it isn't what is said, they are written as the timings have them; the second value is
    False when a text was left aside.
    """
    spoken_units = _units_of_timings(timings)
    if not spoken_units or not normalized(text):
        return spoken_units, True
    matched = _matched([unit for unit in spoken_units if normalized(unit.text)], _tokens(text), timings.phonemes)
    return (matched, True) if matched else (spoken_units, False)


def _units_of_timings(timings: Timings) -> list[Unit]:
    found: list[Unit] = []
    for word in _words_in_turn(timings):
        tokens = _tokens(word.text)
        if found and tokens and spaceless(found[-1].text[-1:]) and spaceless(tokens[0].text[:1]):
            tokens[0] = _Token(tokens[0].text, spaced=False)
        found += _spread(tokens, word.start, word.end, timings.phonemes)
    return found


def _words_in_turn(timings: Timings) -> list[Span]:
    """The words one after the other: those that begin at once share the time until the next begins."""
    words = [word for word in timings.words if word.text.strip()]
    groups = [list(group) for _, group in groupby(words, key=lambda word: word.start)]
    last = max([timings.duration, *(word.end for word in words)])
    found: list[Span] = []
    for group, following in zip(groups, [*(group[0].start for group in groups[1:]), last], strict=False):
        start, end = group[0].start, max(word.end for word in group)
        share = ((min(end, following) if end > start else following) - start) / len(group)
        found += [Span(word.text, start + i * share, start + (i + 1) * share) for i, word in enumerate(group)]
    return found


def _tokens(text: str) -> list[_Token]:
    """`text` in pieces; those that aren't spoken, such as a dash, go with the piece before, or the first with the
    piece after."""
    found: list[_Token] = []
    for word in text.split():
        for number, piece in enumerate(split_at_breaks(word)):
            spaced = number == 0
            before = found[-1] if found else None
            if before and (not normalized(piece) or not normalized(before.text)):
                found[-1] = _Token(before.text + (" " if spaced else "") + piece, before.spaced)
            else:
                found.append(_Token(piece, spaced))
    return found


def _matched(spoken_units: Sequence[Unit], tokens: Sequence[_Token], phonemes: Sequence[Span]) -> list[Unit]:
    """`tokens` with the times of the units that agree with them; none if too few do."""
    matcher = SequenceMatcher(
        None, [normalized(u.text) for u in spoken_units], [normalized(t.text) for t in tokens], autojunk=False
    )
    agreeing = sum(block.size for block in matcher.get_matching_blocks())
    if not agreeing or agreeing < _AGREEING * min(len(spoken_units), len(tokens)):
        return []
    found: list[Unit] = []
    for tag, i, j, a, b in matcher.get_opcodes():
        if tag == "equal":
            found += [
                Unit(t.text, u.start, u.end, t.spaced) for t, u in zip(tokens[a:b], spoken_units[i:j], strict=True)
            ]
        elif tag == "replace":
            found += _spread(tokens[a:b], spoken_units[i].start, spoken_units[j - 1].end, phonemes)
        elif tag == "insert" and found:  # written and not spoken: it stands with the word before it
            unspoken = "".join((" " if t.spaced else "") + t.text for t in tokens[a:b])
            before = found[-1]
            found[-1] = Unit(before.text + unspoken, before.start, before.end, before.spaced)
        elif tag == "insert":
            at = spoken_units[i].start
            found += [Unit(t.text, at, at, t.spaced) for t in tokens[a:b]]
    return found


def _spread(tokens: Sequence[_Token], start: float, end: float, phonemes: Sequence[Span]) -> list[Unit]:
    """`tokens` over the time from `start` to `end` by their widths, leaving out its silences if they are known."""
    sizes = [max(width(normalized(token.text)), 1) for token in tokens]
    marks = [0, *accumulate(sizes)]
    voiced = _voiced(start, end, phonemes)
    total = sum(b - a for a, b in voiced)
    times = [(total * a / marks[-1], total * b / marks[-1]) for a, b in pairwise(marks)]
    return [
        Unit(token.text, _time_after(voiced, a, late=True), _time_after(voiced, b, late=False), token.spaced)
        for token, (a, b) in zip(tokens, times, strict=True)
    ]


def _voiced(start: float, end: float, phonemes: Sequence[Span]) -> list[tuple[float, float]]:
    """When there is speech between `start` and `end`; all of that time where no phonemes say so."""
    first = bisect_right(phonemes, start, key=lambda span: span.end)
    found: list[tuple[float, float]] = []
    for phoneme in takewhile(lambda span: span.start < end, islice(phonemes, first, None)):
        a, b = max(phoneme.start, start), min(phoneme.end, end)
        if found and a - found[-1][1] < 0.01:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        elif b > a:
            found.append((a, b))
    return found or [(start, end)]


def _time_after(voiced: Sequence[tuple[float, float]], seconds: float, *, late: bool) -> float:
    """The time when so many `seconds` of `voiced` are over; at a silence its end if `late`, else its start."""
    for a, b in voiced:
        if seconds < b - a - 1e-6 or (seconds <= b - a + 1e-6 and not late):
            return min(a + seconds, b)
        seconds -= b - a
    return voiced[-1][1]
