"""Subtitles as files: SubRip (SRT) and WebVTT (https://www.w3.org/TR/webvtt1/)."""

from collections.abc import Sequence

from .cues import Cue


def srt(cues: Sequence[Cue]) -> str:
    """SubRip text; empty for no subtitles. Right-to-left text stays in the order in which it is read."""
    return "\n".join(
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_body(cue)}\n"
        for number, cue in enumerate(cues, 1)
    )


def vtt(cues: Sequence[Cue]) -> str:
    """WebVTT text, its special characters escaped; only the header for no subtitles."""
    blocks = [f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_escaped(_body(cue))}\n" for cue in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def _time(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, whole = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{whole:02}{point}{milliseconds:03}"


def _body(cue: Cue) -> str:
    return "\n".join(cue.lines).replace("-->", "→")  # which would be read as a time


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
