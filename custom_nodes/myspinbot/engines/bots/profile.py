"""A bot: one name for an identity, a voice, a picture, and how it speaks and looks when nothing else is said.

It is a JSON file that names its other files with their hashes; `bot.schema.json` describes it, and the headless
runner, which exports and imports bots, reads the same description.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

VERSION = 1
SUFFIX = ".json"
_LONGEST = 64 * 1024  # bytes of a profile; the schema's bounds leave it far smaller


class BotError(ValueError):
    """A file is no bot profile, or a bot can't be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of a bot's files: its path below its folder with `/`, the SHA-256 in hex and the size in bytes."""

    file: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, path: Path, file: str) -> "Part":
        """The part that the file at `path` is now."""
        with path.open("rb") as content:
            return cls(file, hashlib.file_digest(content, "sha256").hexdigest(), path.stat().st_size)


@dataclass(frozen=True)
class Bot:
    """`files` are by kind, `lora`, `voice` and `portrait`, each optional; `consent` what they state, by kind."""

    name: str
    created: str
    files: Mapping[str, Part]
    trigger: str = ""
    persona: str = ""
    scene: str = ""
    consent: Mapping[str, str] = field(default_factory=dict[str, str])

    def same_as(self, other: "Bot") -> bool:
        """Whether both are the same but for the day on which they were saved."""
        return {**asdict(self), "created": ""} == {**asdict(other), "created": ""}


def read(path: Path, schema: Mapping[str, Any]) -> Bot:
    """The bot in a file.

    Raises:
        FileNotFoundError: There is no such file.
        BotError: It is damaged, something else, or of a later version.
    """
    try:
        if path.stat().st_size > _LONGEST:
            raise BotError(f"{path.name} is no bot profile: it is too large.")
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, BotError):
            raise
        raise BotError(f"{path.name} is damaged: it is not JSON.") from error
    if isinstance(data, dict) and data.get("version", VERSION) != VERSION:
        raise BotError(f"{path.name} was made by a later version of MySpinBot. Update MySpinBot to use it.")
    _check(data, schema, path.name)
    files = {kind: Part(**part) for kind, part in data.pop("files").items()}
    del data["version"]
    return Bot(files=files, **data)


def text(bot: Bot, schema: Mapping[str, Any]) -> str:
    """The profile as it is written.

    Raises:
        BotError: Something of it is too long, or a name can't be one.
    """
    data = {"version": VERSION, **asdict(bot)}
    _check(data, schema, "This")
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _check(data: Any, schema: Mapping[str, Any], what: str) -> None:
    """Raises BotError, naming field and reason, where `data` isn't as the schema says."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    wrong = best_match(Draft202012Validator(schema).iter_errors(data))
    if wrong is not None:
        field = wrong.json_path.removeprefix("$").lstrip(".")
        raise BotError(f"{what} is no bot profile{f', see {field}' if field else ''}: {wrong.message[:200]}.")


def folder_of(kind: str, schema: Mapping[str, Any]) -> str:
    """The folder below ComfyUI's models in which files of a kind lie."""
    return str(schema["properties"]["files"]["properties"][kind]["x-folder"])


def consent_in(path: Path) -> str:
    """The statement of consent in the header of a safetensors file; empty where there is none.

    Raises:
        BotError: It is no whole safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            notes: Mapping[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise BotError(f"{path.name} is no whole safetensors file.") from error
    for note in notes.values():
        try:
            facts: Any = json.loads(note)
        except ValueError:
            continue
        if isinstance(facts, dict) and isinstance(facts.get("consent"), str) and facts["consent"]:
            return facts["consent"][:1000]
    return ""


def plain_file(name: str) -> str:
    """A model's name as ComfyUI lists it, with `/` on every system."""
    return str(PurePosixPath(name.replace("\\", "/")))
