"""Bots in ComfyUI's model folders: found, checked, and what goes when one goes."""

from __future__ import annotations

from pathlib import Path

from myspinbot_runner.errors import BadInput, BrokenModel, MissingModel, RunnerError
from myspinbot_shared import bots
from myspinbot_shared.bots import FOLDER, SUFFIX, Bot, BotError, Part

from ..models.places import Places


def parse(content: bytes, what: str) -> Bot:
    """The bot in the bytes of a profile. Raises BadInput naming the field that is wrong."""
    try:
        return bots.parse(content, what)
    except BotError as error:
        raise BadInput(str(error)) from None


def profiles(places: Places) -> dict[str, Path]:
    """The profiles of all bots by name, as ComfyUI lists them."""
    found: dict[str, Path] = {}
    for folder in places.folders(FOLDER):
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.setdefault(path.stem, path)
    return found


def load(places: Places, name: str) -> tuple[Bot, Path]:
    """A bot and its file. Raises BadInput when there is none of this name, or its profile is wrong."""
    path = profiles(places).get(name)
    if path is None:
        known = ", ".join(profiles(places)) or "none yet"
        raise BadInput(f"There is no bot {name!r}. The bots are: {known}.")
    return parse(path.read_bytes(), str(path)), path


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
            raise MissingModel(f"The {part.kind} of {bot.name!r} is missing: models/{part.place}.")
        if not part.is_at(path):
            raise BrokenModel(f"The {part.kind} of {bot.name!r} has changed since the bot was saved: {path}.")
        found[part] = path
    return found


def removable(places: Places, name: str, *, files: bool) -> list[Path]:
    """The profile of a bot and its portrait, with `files` also its LoRA and voice; nothing that another bot has.

    Raises BadInput when there is no such bot, or where `files` might take what a bot needs whose profile can't be
    read. A profile that can't be read goes alone.
    """
    known = profiles(places)
    if name in known:
        try:
            parse(known[name].read_bytes(), name)
        except RunnerError:
            return [known[name]]
    bot, path = load(places, name)
    wanted = [part for part in bot.parts if files or part.kind == "portrait"]
    shared = _files_of_others(places, name, strict=files)
    found = (find(places, part) for part in wanted if part.place not in shared)
    return [path, *(part for part in found if part)]


def _files_of_others(places: Places, name: str, *, strict: bool) -> set[str]:
    found: set[str] = set()
    for other, path in profiles(places).items():
        if other != name:
            try:
                found |= {part.place for part in parse(path.read_bytes(), other).parts}
            except (RunnerError, OSError) as error:
                if strict:
                    raise BadInput(
                        f"The profile {path} can't be read, so its bot may have the same LoRA or voice ({error}). "
                        f"Mend or remove it, or remove {name!r} without --files."
                    ) from None
    return found
