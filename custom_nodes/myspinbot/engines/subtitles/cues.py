"""Subtitles from the times of a speech's words, and their files: SubRip (SRT) and WebVTT.

Where one ends and the next begins is what costs least over the whole speech: best at the end of a sentence, then at
a pause or a comma, and only as a last resort within a phrase. The measures are those of broadcasters: two lines of
42 columns, at most 7 seconds, at least 5/6 of one, 17 columns a second where the speech leaves the time (Netflix
Timed Text Style Guide, general requirements and English). WebVTT: https://www.w3.org/TR/webvtt1/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..timings import Timings
from .line_breaking import ends_clause, ends_sentence, split_to_width, width
from .units import Unit, units

LINE = 42  # columns
OTHER_TEXT = "The text isn't what is said, so the subtitles have the words that the timings name."
_LONGEST, _SHORTEST = 7.0, 5 / 6  # seconds
_COLUMNS_PER_SECOND = 17.0
_LINGER = 0.25  # seconds that a subtitle stays after its last word
_PAUSE = 0.25  # seconds between words that part phrases


@dataclass(frozen=True, slots=True)
class Cue:
    """One or two `lines`, shown from `start` to `end` seconds; exact to the millisecond, as files hold them."""

    start: float
    end: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A unit and what is asked of it over and over: its columns, and whether a sentence or a clause ends with it."""

    unit: Unit
    columns: int
    sentence: bool
    clause: bool

    @property
    def columns_after_another(self) -> int:
        return self.columns + self.unit.spaced


def cues(timings: Timings, text: str = "", *, line: int = LINE) -> tuple[list[Cue], bool]:
    """The subtitles of a speech in the order of time; none overlaps the next.

    Args:
        timings: When each word is spoken.
        text: What is said as it is written, with punctuation; where it is empty the timings' own text, and their words
            where there is none or it is another text.
        line: Most columns of a line; see `line_breaking.width`.

    Returns:
        The subtitles, and whether `text` was used; True as well where there is none.
    """
    words, used = units(timings, text if text.strip() else timings.text)
    parts = [
        _Part(unit, width(unit.text), ends_sentence(unit.text), ends_clause(unit.text))
        for word in words
        for unit in _split_wide(word, line)
    ]
    last = max([timings.duration, *(part.unit.end for part in parts)])
    return _timed(_group(parts, line), line, last), used


def _split_wide(unit: Unit, line: int) -> list[Unit]:
    """`unit`, or where it is wider than a line parts of it that share its time."""
    if width(unit.text) <= line:
        return [unit]
    parts = [
        (part, number == 0) for word in unit.text.split() for number, part in enumerate(split_to_width(word, line))
    ]
    share = (unit.end - unit.start) / len(parts)
    return [
        Unit(part, unit.start + i * share, unit.start + (i + 1) * share, spaced and (i > 0 or unit.spaced))
        for i, (part, spaced) in enumerate(parts)
    ]


def _group(parts: Sequence[_Part], line: int) -> list[Sequence[_Part]]:
    """`parts` in the groups that cost least in sum, each of them on two lines at most."""
    best: list[tuple[float, int]] = [(0.0, 0)]  # cost of the first j parts, and where the last group begins
    for j in range(1, len(parts) + 1):
        final = parts[j - 1]
        following = parts[j] if j < len(parts) else None
        after = _cost_of_ending(final, following)
        until = following.unit.start if following else final.unit.end
        inside, columns = 0.0, 0
        choices: list[tuple[float, int]] = []
        for i in range(j - 1, -1, -1):
            first = parts[i]
            columns += first.columns_after_another
            if i < j - 1:
                inside += _cost_of_joining(first, parts[i + 1])
                if final.unit.end - first.unit.start > _LONGEST or columns - 1 > 2 * line:
                    break
            if not _fits(parts[i:j], line):
                continue
            brief = 2.0 * max(_SHORTEST - (until - first.unit.start), 0.0)
            choices.append((best[i][0] + 1.0 + inside + after + brief, i))
        best.append(min(choices))
    cuts = [len(parts)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    return [parts[i:j] for i, j in pairwise(reversed(cuts))]


# Costs count in subtitles: what costs 1 is worth one subtitle more.
def _cost_of_joining(a: _Part, b: _Part) -> float:
    pause = min(b.unit.start - a.unit.end, 2.0)
    return 0.8 * a.sentence + 4.0 * max(pause - _PAUSE, 0.0)


def _cost_of_ending(final: _Part, following: _Part | None) -> float:
    if following is None or final.sentence:
        return 0.0
    return 0.4 if final.clause or following.unit.start - final.unit.end >= _PAUSE else 2.0


def _fits(group: Sequence[_Part], line: int) -> bool:
    lines, columns = 1, group[0].columns
    for part in group[1:]:
        columns += part.columns_after_another
        if columns > line:
            lines, columns = lines + 1, part.columns
    return lines <= 2


def _lines(group: Sequence[_Part], line: int) -> tuple[str, ...]:
    """One line, or the two that are most alike in width, rather cut after a comma."""
    whole = _joined(group)
    if width(whole) <= line or len(group) == 1:
        return (whole,)
    found: list[tuple[float, str, str]] = []
    for cut in range(1, len(group)):
        above, below = _joined(group[:cut]), _joined(group[cut:])
        if max(width(above), width(below)) <= line:
            natural = group[cut - 1].clause or group[cut - 1].sentence
            found.append((abs(width(above) - width(below)) - 10 * natural, above, below))
    return min(found)[1:]


def _joined(group: Sequence[_Part]) -> str:
    return "".join((" " if part.unit.spaced else "") + part.unit.text for part in group).strip()


def _timed(groups: Sequence[Sequence[_Part]], line: int, last: float) -> list[Cue]:
    """Each group from its first word on, as long as it takes to read and as the next leaves time for.

    `last` is when the speech ends; only what would be too short goes beyond.
    """
    starts = [round(group[0].unit.start * 1000) for group in groups]
    found: list[Cue] = []
    for group, start, following in zip(groups, starts, [*starts[1:], None], strict=False):
        lines = _lines(group, line)
        spoken_until = group[-1].unit.end
        read = start / 1000 + max(sum(map(width, lines)) / _COLUMNS_PER_SECOND, _SHORTEST)
        end = round(
            max(min(max(spoken_until + _LINGER, read), max(last, spoken_until)), start / 1000 + _SHORTEST) * 1000
        )
        start = max(start, round(found[-1].start * 1000) + 1) if found else start
        end = max(min(end, following) if following is not None else end, start + 1)
        found.append(Cue(start / 1000, end / 1000, lines))
    return found


def srt(cues: Sequence[Cue]) -> str:
    """SubRip text; empty for no subtitles. Right-to-left text stays in the order in which it is read."""
    return "\n".join(
        f"{number}\n{_timestamp(cue.start, ',')} --> {_timestamp(cue.end, ',')}\n{_body_text(cue)}\n"
        for number, cue in enumerate(cues, 1)
    )


def vtt(cues: Sequence[Cue]) -> str:
    """WebVTT text, its special characters escaped; only the header for no subtitles."""
    blocks = [
        f"{_timestamp(cue.start, '.')} --> {_timestamp(cue.end, '.')}\n{_escape(_body_text(cue))}\n" for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _timestamp(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, whole = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{whole:02}{point}{milliseconds:03}"


def _body_text(cue: Cue) -> str:
    return "\n".join(cue.lines).replace("-->", "→")  # which would be read as a time


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
