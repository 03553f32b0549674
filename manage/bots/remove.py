"""What goes when a bot goes."""

from __future__ import annotations

from pathlib import Path

from myspinbot_runner.errors import BadInput, RunnerError

from ..models.places import Places
from .profile import find, load, profiles, read


def removable(places: Places, name: str, *, files: bool) -> list[Path]:
    """The profile of a bot and its portrait, with `files` also its LoRA and voice; nothing that another bot has.

    Raises BadInput when there is no such bot, or where `files` might take what a bot needs whose profile can't be
    read. A profile that can't be read goes alone.
    """
    known = profiles(places)
    if name in known:
        try:
            read(known[name].read_bytes(), name)
        except RunnerError:
            return [known[name]]
    bot, path = load(places, name)
    wanted = [part for part in bot.parts if files or part.kind == "portrait"]
    shared = _files_of_others(places, name, strict=files)
    found = (find(places, part) for part in wanted if part.member not in shared)
    return [path, *(part for part in found if part)]


def _files_of_others(places: Places, name: str, *, strict: bool) -> set[str]:
    found: set[str] = set()
    for other, path in profiles(places).items():
        if other != name:
            try:
                found |= {part.member for part in read(path.read_bytes(), other).parts}
            except (RunnerError, OSError) as error:
                if strict:
                    raise BadInput(
                        f"The profile {path} can't be read, so its bot may have the same LoRA or voice ({error}). "
                        f"Mend or remove it, or remove {name!r} without --files."
                    ) from None
    return found
