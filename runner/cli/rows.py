"""Reads a batch's table: JSON lines, CSV or YAML, to rows of text."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..results import Remote, safe_path


@dataclass(frozen=True)
class Row:
    """One run. `key` stands for its content, so that the table may be reordered or extended."""

    number: int
    key: str
    name: str
    workflow: str
    seed: int | None
    values: tuple[tuple[str, str], ...]


def read_rows(path: Path, workflow: str | None) -> list[Row]:
    """The rows of a file. Raises BadInput naming the row that is wrong, before anything runs."""
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(_read(path), 1):
        if not isinstance(raw, dict):
            raise BadInput(f"{path}, row {number}: a row is a set of names and values, not {raw!r}.")
        if None in raw:
            raise BadInput(f"{path}, row {number}: there are more values than columns.")
        values = {str(key).strip(): _text(value, path, number, str(key)) for key, value in raw.items()}
        given = {key: value for key, value in values.items() if value is not None}
        file = given.pop("workflow", None) or workflow
        if not file:
            raise BadInput(f"{path}, row {number}: name a workflow with --workflow or in a column `workflow`.")
        name, seed = given.pop("name", None), given.pop("seed", None)
        if seed is not None and not seed.strip().isdecimal():
            raise BadInput(f"{path}, row {number}: the seed must be a whole number, not {seed!r}.")
        content = json.dumps([file, seed, sorted(given.items())], ensure_ascii=False)
        # Equal rows are meant to run as often as they are written.
        seen[content] = seen.get(content, 0) + 1
        key = hashlib.sha256(f"{content}\0{seen[content]}".encode()).hexdigest()[:16]
        folder = safe_path(Remote("", name, "", "")).as_posix() if name else f"{number:04d}"
        pairs = tuple((key.lstrip("-"), value) for key, value in given.items())
        rows.append(Row(number, key, folder, file, int(seed) if seed is not None else None, pairs))
    if not rows:
        raise BadInput(f"{path} has no rows.")
    return rows


def _read(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} can't be read ({error}).") from None
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return [_json(line, path, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text), strict=True))
    if suffix in (".yaml", ".yml"):
        import yaml

        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise BadInput(f"{path} is not YAML ({error}).") from None
        if not isinstance(content, list):
            raise BadInput(f"{path} must hold a list of rows.")
        return content
    raise BadInput(f"{path} must end in .jsonl, .csv or .yaml.")


def _json(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}, line {number} is not JSON ({error}).") from None


def _text(value: Any, path: Path, number: int, key: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise BadInput(f"{path}, row {number}: {key!r} must be text, a number, true or false.")
