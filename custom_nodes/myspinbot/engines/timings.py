"""When each word and each sound of a speech is heard.

The JSON that travels between nodes as a STRING (seconds from the start of the speech):

    {"version": 1, "duration": 1.5, "text": "Hello!",
     "words": [{"text": "Hello", "start": 0.0, "end": 0.44}],
     "phonemes": [{"text": "h", "start": 0.01, "end": 0.06}]}

Phonemes are IPA symbols, stress marks included. Time that no phoneme covers is silence. `text` is what is said as it
was written, with its punctuation and numbers; it may be missing.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

VERSION = 1
LONGEST = 24 * 3600  # seconds; what is beyond is a mistake


class TimingsError(ValueError):
    """The text is not a timings document; the message says where it is wrong."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `start` to `end`, in seconds."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Span:
    """One word or phoneme, from `start` to `end` seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Timings:
    """The words and phonemes of a speech of `duration` seconds, in the order of time, and its text as written."""

    duration: float
    words: tuple[Span, ...] = ()
    phonemes: tuple[Span, ...] = ()
    text: str = ""

    def to_json(self) -> str:
        return json.dumps({"version": VERSION, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Timings":
        """Read `text`, JSON as the module describes it.

        Raises:
            TimingsError: not JSON, not an object, or a span without text or with impossible times.
        """
        try:
            data: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise TimingsError(f"The timings are not JSON: {error}.") from error
        if not isinstance(data, dict):
            raise TimingsError("The timings must be a JSON object with `words` and `phonemes`.")
        duration = data.get("duration", 0.0)
        if not _is_time(duration):
            raise TimingsError("`duration` of the timings must be a number of seconds.")
        written = data.get("text", "")
        if not isinstance(written, str):
            raise TimingsError("`text` of the timings must be a text.")
        return cls(float(duration), _spans(data, "words"), _spans(data, "phonemes"), written)


def _spans(data: dict[str, Any], key: str) -> tuple[Span, ...]:
    items: Any = data.get(key, [])
    if not isinstance(items, list):
        raise TimingsError(f"`{key}` of the timings must be a list.")
    return tuple(sorted((_span(item, f"{key}[{i}]") for i, item in enumerate(items)), key=lambda s: s.start))


def _span(item: Any, where: str) -> Span:
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise TimingsError(f"{where} of the timings must be an object with `text`, `start` and `end`.")
    start: Any = item.get("start")
    end: Any = item.get("end")
    if not (_is_time(start) and _is_time(end) and start <= end):
        raise TimingsError(f"{where} of the timings needs 0 <= start <= end, in seconds; it has {start!r} and {end!r}.")
    return Span(item["text"], float(start), float(end))


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST


def spans_from_starts(starts: Iterable[tuple[str, float]], end: float) -> tuple[Span, ...]:
    """Spans from starting times alone: each lasts until the next begins, the last until `end`.

    Args:
        starts: Texts and when they begin, in seconds. An empty text marks a pause: it ends the span before it and
            makes none of its own.
        end: When the last one ends, in seconds.
    """
    marks = [*starts, ("", end)]
    return tuple(Span(text, start, max(start, following)) for (text, start), (_, following) in pairwise(marks) if text)
