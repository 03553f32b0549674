"""Timings for the tests."""

from myspinbot.engines.timings import Span, Timings


def spoken(*words: str | float, word: float = 0.3, gap: float = 0.05) -> Timings:
    """Words of `word` seconds each; a number between them is a pause of so many seconds."""
    at, spans = 0.0, []
    for item in words:
        if isinstance(item, str):
            spans.append(Span(item, round(at, 3), round(at + word, 3)))
            at += word + gap
        else:
            at += item - gap
    return Timings(round(at, 3), tuple(spans))
