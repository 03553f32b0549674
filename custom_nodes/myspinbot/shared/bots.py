"""A bot: one name for an identity, a voice, a picture, and how it speaks and looks when nothing else is said.

It is a JSON file `models/bots/<name>.json`, its profile, that names its other files with their hashes.
`bot.schema.json` says exactly what a profile may hold.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .file_names import is_reserved
from .files import atomic_write

FOLDER = "bots"
"""Below ComfyUI's models."""
SUFFIX = ".json"
SCHEMA = Path(__file__).with_name("bot.schema.json")
LONGEST = 64 * 1024
"""Bytes of a profile at most; the schema's bounds leave it far smaller."""
_VERSION = 1


class BotError(ValueError):
    """A file is no bot profile, or a bot can't be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of a bot's files.

    Attributes:
        kind: `lora`, `voice` or `portrait`.
        file: Path below the folder of its kind, with `/`.
        sha256: Hash in lower-case hex.
        bytes: Size.
    """

    kind: str
    file: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, kind: str, path: Path, file: str) -> Part:
        """The part that the file at `path` is now."""
        return cls(kind, file, hash_of(path), path.stat().st_size)

    @property
    def folder(self) -> str:
        """The folder below ComfyUI's models in which files of its kind lie."""
        return folder_of(self.kind)

    @property
    def place(self) -> str:
        """Its path below ComfyUI's models, and in an exported bot."""
        return f"{self.folder}/{self.file}"

    def is_at(self, path: Path) -> bool:
        """Whether the file at `path` has its size and its hash."""
        return path.stat().st_size == self.bytes and hash_of(path) == self.sha256


@dataclass(frozen=True)
class Bot:
    """`files` are by kind, `lora`, `voice` and `portrait`, each optional; `consent` what they state, by kind.

    `draft_voice` is the ready voice to speak with where its own can't; empty for one that suits the language.
    """

    name: str
    created: str
    files: Mapping[str, Part]
    trigger: str = ""
    persona: str = ""
    scene: str = ""
    consent: Mapping[str, str] = field(default_factory=dict[str, str])
    draft_voice: str = ""

    @property
    def parts(self) -> list[Part]:
        return list(self.files.values())

    def same_as(self, other: Bot) -> bool:
        """Whether both are the same but for the day on which they were saved."""
        return replace(self, created="") == replace(other, created="")

    def to_json(self, what: str = "This") -> str:
        """The profile as it is written; messages call it `what`.

        Raises:
            BotError: Something of it is too long, or a name can't be one.
        """
        data: dict[str, Any] = {"version": _VERSION, **asdict(self)}
        for part in data["files"].values():
            del part["kind"]
        if not self.draft_voice:
            del data["draft_voice"]  # earlier versions don't know it
        _check(data, what)
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def parse(content: bytes, what: str) -> Bot:
    """The bot in the bytes of a profile, which messages call `what`.

    Raises:
        BotError: It is damaged, something else, or of a later version; the message names the field.
    """
    if len(content) > LONGEST:
        raise BotError(f"{what} is no bot profile: it is too large.")
    try:
        data: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BotError(f"{what} is no bot profile: it is not JSON.") from error
    if isinstance(data, dict) and data.get("version", _VERSION) != _VERSION:
        raise BotError(f"{what} was made by a later version of MySpinBot. Update MySpinBot to use it.")
    _check(data, what)
    files = {kind: Part(kind, **part) for kind, part in data.pop("files").items()}
    del data["version"]
    return Bot(files=files, **data)


def read(path: Path) -> Bot:
    """The bot in a file.

    Raises:
        FileNotFoundError: There is no such file.
        BotError: As `parse`.
    """
    with path.open("rb") as file:
        return parse(file.read(LONGEST + 1), path.name)


def save(bot: Bot, picture: bytes, folder: Path) -> Bot:
    """Write `bot` into `folder`, with `picture` (a PNG, or nothing) as its portrait.

    The same bot again changes nothing.

    Returns:
        The bot with its portrait.

    Raises:
        BotError: Another bot or picture of this name is there, or something of the bot is not as it must be.
    """
    path, portrait = folder / f"{bot.name}{SUFFIX}", folder / f"{bot.name}.png"
    if picture:
        part = Part("portrait", portrait.name, hashlib.sha256(picture).hexdigest(), len(picture))
        bot = replace(bot, files={**bot.files, part.kind: part})
    content = bot.to_json()
    if path.exists():
        if read(path).same_as(bot):
            return bot
        raise BotError(
            f"There is another bot called {bot.name!r} already, which is never replaced. Choose another name, or "
            f'remove it: `myspinbot bot rm "{bot.name}"`.'
        )
    if picture and portrait.exists() and portrait.read_bytes() != picture:
        raise BotError(
            f"There is another picture {portrait.name} in {folder}, which is never replaced. Choose another name."
        )
    if picture and not portrait.exists():
        with atomic_write(portrait) as aside:
            aside.write_bytes(picture)
    with atomic_write(path) as aside:
        aside.write_bytes(content.encode())
    return bot


def folder_of(kind: str) -> str:
    """The folder below ComfyUI's models in which files of a kind lie."""
    return str(schema()["properties"]["files"]["properties"][kind]["x-folder"])


@functools.cache
def schema() -> dict[str, Any]:
    """What a profile may hold, as JSON Schema."""
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(data: Any, what: str) -> None:
    """Raises BotError, naming field and reason, where `data` isn't as the schema says."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    wrong = best_match(Draft202012Validator(schema()).iter_errors(data))
    if wrong is not None:
        field = wrong.json_path.removeprefix("$").lstrip(".")
        raise BotError(f"{what} is no bot profile{f', see {field}' if field else ''}: {wrong.message[:200]}.")
    for path in (data["name"], *(part["file"] for part in data["files"].values())):
        if any(map(is_reserved, path.split("/"))):
            raise BotError(f"{what} has the name {path!r}, which Windows keeps for a device.")
