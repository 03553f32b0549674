"""Bot profiles as `bot.schema.json` describes them, which the nodes read too."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myspinbot_runner.errors import BadInput, BrokenModel, MissingModel
from myspinbot_runner.results import RESERVED
from myspinbot_shared import manifest

from ..models.places import Places

SCHEMA = "bot.schema.json"
FOLDER = "bots"
LONGEST = 64 * 1024
"""Bytes of a profile at most."""


@dataclass(frozen=True)
class Part:
    """One file of a bot: its kind, the folder of ComfyUI's models, its path below, its hash and size."""

    kind: str
    folder: str
    file: str
    sha256: str
    bytes: int

    @property
    def member(self) -> str:
        """Its path in an exported bot."""
        return f"{self.folder}/{self.file}"


@dataclass(frozen=True)
class Bot:
    """A profile: `data` as in its file, checked."""

    data: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def parts(self) -> list[Part]:
        folders = schema()["properties"]["files"]["properties"]
        return [Part(kind, folders[kind]["x-folder"], **part) for kind, part in self.data["files"].items()]

    @property
    def text(self) -> str:
        return json.dumps(self.data, indent=2, ensure_ascii=False) + "\n"


@functools.cache
def schema() -> dict[str, Any]:
    """The schema, which lies beside `models.yaml`. Raises BadInput when it doesn't."""
    path = manifest.PATH.with_name(SCHEMA)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} can't be read ({error}).") from None


def read(content: bytes, what: str) -> Bot:
    """The bot in the bytes of a profile. Raises BadInput naming the field that is wrong."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    if len(content) > LONGEST:
        raise BadInput(f"{what} is no bot profile: it is too large.")
    try:
        data: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise BadInput(f"{what} is no bot profile: it is not JSON.") from None
    if isinstance(data, dict) and data.get("version", 1) != 1:
        raise BadInput(f"{what} was made by a later version of MySpinBot. Update MySpinBot to use it.")
    wrong = best_match(Draft202012Validator(schema()).iter_errors(data))
    if wrong is not None:
        field = wrong.json_path.removeprefix("$").lstrip(".")
        raise BadInput(f"{what} is no bot profile{f', see {field}' if field else ''}: {wrong.message[:200]}.")
    bot = Bot(data)
    for path in (bot.name, *(part.file for part in bot.parts)):
        if any(RESERVED.match(name) for name in path.split("/")):
            raise BadInput(f"{what} has the name {path!r}, which Windows doesn't allow.")
    return bot


def profiles(places: Places) -> dict[str, Path]:
    """The profiles of all bots by name, as ComfyUI lists them."""
    found: dict[str, Path] = {}
    for folder in places.folders(FOLDER):
        for path in sorted(folder.glob("*.json")):
            found.setdefault(path.stem, path)
    return found


def load(places: Places, name: str) -> tuple[Bot, Path]:
    """A bot and its file. Raises BadInput when there is none of this name, or its profile is wrong."""
    path = profiles(places).get(name)
    if path is None:
        known = ", ".join(profiles(places)) or "none yet"
        raise BadInput(f"There is no bot {name!r}. The bots are: {known}.")
    return read(path.read_bytes(), str(path)), path


def find(places: Places, part: Part) -> Path | None:
    """A bot's file where ComfyUI finds it; None where it is missing."""
    candidates = (folder / part.file for folder in places.folders(part.folder))
    return next((path for path in candidates if path.is_file()), None)


def state(places: Places, part: Part) -> str:
    """`here`, `missing`, or `changed` when the size is another."""
    path = find(places, part)
    if path is None:
        return "missing"
    return "here" if path.stat().st_size == part.bytes else "changed"


def whole(places: Places, bot: Bot) -> dict[Part, Path]:
    """The bot's files, hashed. Raises MissingModel or BrokenModel, naming the file."""
    found: dict[Part, Path] = {}
    for part in bot.parts:
        path = find(places, part)
        if path is None:
            raise MissingModel(f"The {part.kind} of {bot.name!r} is missing: models/{part.member}.")
        if path.stat().st_size != part.bytes or digest(path) != part.sha256:
            raise BrokenModel(f"The {part.kind} of {bot.name!r} has changed since the bot was saved: {path}.")
        found[part] = path
    return found


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
