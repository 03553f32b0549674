"""Text as the page reads and changes it: JSON, wildcards, and names and dates in file names."""

from __future__ import annotations

import datetime
import json
import math
import random
import re
from typing import Any

from .model import Graph

COMMENT = re.compile(r"/\*[\s\S]*?\*/|//.*")
DATE_PART = re.compile(r"d{1,2}|M{1,2}|h{1,2}|m{1,2}|s{1,2}|y{2,4}")


def parse_json(text: str, *, rest: bool = False) -> Any:
    """JSON, with null for numbers that aren't finite: Python reads and writes them, and nobody else does.

    Args:
        text: The JSON.
        rest: Whether something else may follow it.

    Raises:
        ValueError, RecursionError: It is no JSON, or nested too deeply.
    """
    decoder = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)
    return decoder.raw_decode(text)[0] if rest else decoder.decode(text)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def choose_wildcards(text: str, rng: random.Random) -> str:
    """Replace every `{a|b}` by one of its choices, nested ones too, and drop comments."""
    text = COMMENT.sub("", text)
    result, index = "", 0
    while index < len(text):
        char = text[index]
        index += 1
        if char == "\\":
            result += "\\" + text[index : index + 1]
            index += 1
        elif char == "{":
            options, index = _options(text, index)
            result += choose_wildcards(rng.choice(options), rng)
        else:
            result += char
    return re.sub(r"\\([{}|])", r"\1", result)


def _options(text: str, index: int) -> tuple[list[str], int]:
    options, option, depth = [], "", 0
    while index < len(text):
        char = text[index]
        index += 1
        if char == "\\":
            option += "\\" + text[index : index + 1]
            index += 1
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            if not depth:
                break
            depth -= 1
        elif char == "|" and not depth:
            options.append(option)
            option = ""
            continue
        option += char
    return [*options, option], index


def replace_text(graph: Graph, text: str) -> str:
    """Replace `%date:yyyy-MM-dd%` and `%Node title.widget%`; what isn't known stays."""

    def value(match: re.Match[str]) -> str:
        parts = match[1].split(".")
        if len(parts) != 2:
            return format_date(parts[0][5:]) if parts[0].startswith("date:") else match[0]
        nodes = list(graph.root.all_nodes())
        named = [node for node in nodes if node.properties.get("Node name for S&R") == parts[0]]
        named = named or [node for node in nodes if node.title == parts[0]]
        widget = named[0].widget(parts[1]) if named else None
        if widget is None:
            return match[0]
        text = "" if widget.value is None else str(widget.value)
        return re.sub(r'[/?<>\\:*|"\x00-\x1F\x7F]', "_", text)

    return re.sub(r"%([^%]+)%", value, text)


def format_date(pattern: str, now: datetime.datetime | None = None) -> str:
    """The present time in a pattern of yyyy, yy, MM, M, dd, d, hh, h, mm, m, ss and s (24 hours)."""
    now = now or datetime.datetime.now()  # local time, as on the page
    parts = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}

    def part(match: re.Match[str]) -> str:
        text = match[0]
        if text.startswith("y"):
            return {"yy": f"{now.year:04d}"[2:], "yyyy": str(now.year)}.get(text, text)
        return str(parts[text[0]]).zfill(len(text))

    return DATE_PART.sub(part, pattern)
