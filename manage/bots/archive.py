"""A bot as one zip: written whole, and read with suspicion."""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

from myspinbot_runner.errors import BadInput
from myspinbot_shared.bots import FOLDER, LONGEST, SUFFIX, Bot, BotError, Part
from myspinbot_shared.disk import format_size
from myspinbot_shared.files import atomic_write, atomic_writes

from ..disk import check_room, local
from ..models.formats import flaw
from ..models.places import Places
from .library import find, parse, profiles, whole

PROFILE = "bot.json"
BLOCK = 1 << 20
_PACKED = 50  # how many times smaller a file may have become; weights and pictures hardly do
_PNG = b"\x89PNG\r\n\x1a\n"


def write(places: Places, bot: Bot, target: Path) -> None:
    """Write a bot with all its files to `target`. The same bot gives the same bytes, whenever its files were written.

    Raises BadInput when `target` exists, MissingModel or BrokenModel when a file isn't what the profile says.
    """
    if target.exists():
        raise BadInput(f"{target} exists already and is never replaced. Choose another name.")
    parts = whole(places, bot)
    check_room([(target, sum(part.bytes for part in parts))])
    with local(target), atomic_write(target) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_member(PROFILE), bot.to_json())
        for part, path in parts.items():
            with path.open("rb") as file, archive.open(_member(part.place, part.bytes), "w") as member:
                shutil.copyfileobj(file, member, BLOCK)


def _member(name: str, size: int = 0) -> zipfile.ZipInfo:
    """A file of the archive, of 1980: a zip knows no earlier time, and with the files' own each export is another."""
    member = zipfile.ZipInfo(name)
    member.file_size, member.external_attr = size, 0o644 << 16
    return member


def bring_in(places: Places, source: Path, name: str | None = None) -> Bot:
    """Put the bot of a zip where ComfyUI finds it, as `name` if given, and return it.

    Nothing is written unless all of it is right, and nothing that is there is ever replaced: a file that is there
    with the same content is used as it is. Raises BadInput for what is no bot, or where a name is taken.
    """
    try:
        with local(source), zipfile.ZipFile(source) as archive:
            bot = _checked(archive)
            members = {part: part.place for part in bot.parts}
            if name:
                bot, members = _renamed(bot, name)
            if bot.name in profiles(places):
                raise BadInput(
                    f"There is a bot {bot.name!r} already, which is never replaced. Choose one: --name NAME."
                )
            wanted = {part: members[part] for part in bot.parts if not _have(places, part)}
            targets = {part: places.folders(part.folder)[0] / part.file for part in wanted}
            check_room([(targets[part], part.bytes) for part in wanted])
            profile = places.folders(FOLDER)[0] / f"{bot.name}{SUFFIX}"
            with local(profile), atomic_writes() as aside_of:
                for part, member in wanted.items():
                    _unpack(archive, member, part, aside_of(targets[part]))
                aside_of(profile).write_bytes(bot.to_json().encode())
            return bot
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise BadInput(f"{source} is damaged or no zip file.") from None


def _checked(archive: zipfile.ZipFile) -> Bot:
    """The bot of an archive that holds it and nothing else."""
    if len(archive.infolist()) > 10:
        raise BadInput(f"{archive.filename} holds more files than a bot has.")
    infos = {info.filename: info for info in archive.infolist()}
    if len(infos) < len(archive.infolist()) or PROFILE not in infos:
        raise BadInput(f"{archive.filename} is no exported bot: it has no {PROFILE}, or a file twice.")
    if infos[PROFILE].file_size > LONGEST:
        raise BadInput(f"{archive.filename} is no exported bot: its {PROFILE} is too large.")
    with archive.open(PROFILE) as file:
        bot = parse(file.read(LONGEST + 1), f"{PROFILE} in {archive.filename}")
    wanted = {PROFILE: LONGEST} | {part.place: part.bytes for part in bot.parts}
    for name, info in infos.items():
        if name not in wanted:
            raise BadInput(f"{archive.filename} holds {name!r}, which isn't one of the bot's files.")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
            raise BadInput(f"{name} in {archive.filename} is a link or encrypted.")
        if name != PROFILE and info.file_size != wanted[name]:
            raise BadInput(f"{name} in {archive.filename} has {info.file_size} bytes; the bot says {wanted[name]}.")
        if info.file_size > _PACKED * info.compress_size + BLOCK:
            raise BadInput(
                f"{name} in {archive.filename} would grow to {format_size(info.file_size)}, which is no real file."
            )
    missing = [name for name in wanted if name not in infos]
    if missing:
        raise BadInput(f"{archive.filename} lacks {', '.join(missing)}.")
    return bot


def _renamed(bot: Bot, name: str) -> tuple[Bot, dict[Part, str]]:
    """The bot under another name, its files named after it, and their paths in the archive."""
    what = f"The name {name!r}"
    try:
        replace(bot, name=name).to_json(what)  # before paths are made of it
        new = {part: replace(part, file=_named_after(name, part.file)) for part in bot.parts}
        renamed = replace(bot, name=name, files={part.kind: part for part in new.values()})
        renamed.to_json(what)
    except BotError as error:
        raise BadInput(str(error)) from None
    return renamed, {new[part]: part.place for part in bot.parts}


def _named_after(name: str, file: str) -> str:
    path = PurePosixPath(file)
    return str(path.with_name(name + path.suffix))


def _have(places: Places, part: Part) -> bool:
    path = find(places, part)
    if path is None:
        return False
    if part.is_at(path):
        return True
    raise BadInput(
        f"There is another file models/{part.place} already, which is never replaced. "
        "Import the bot with its files under another name: --name NAME."
    )


def _unpack(archive: zipfile.ZipFile, member: str, part: Part, aside: Path) -> None:
    """Write a member, which must be what the profile says and what its name says."""
    with archive.open(member) as source, local(aside), aside.open("wb") as target:
        found = _copied(source, target, part.bytes)
    if found != part.sha256 or aside.stat().st_size != part.bytes:
        raise BadInput(f"{member} in {archive.filename} isn't the file that the bot was saved with.")
    if part.kind == "portrait":
        with aside.open("rb") as file:
            wrong = None if file.read(len(_PNG)) == _PNG else "it is no PNG picture"
    else:
        wrong = flaw(aside, "safetensors")
    if wrong:
        raise BadInput(f"{member} in {archive.filename} is refused: {wrong}.")


def _copied(source: IO[bytes], target: IO[bytes], most: int) -> str:
    """Copy until the end, but no more than `most` bytes and one block, and return the SHA-256."""
    found, count = hashlib.sha256(), 0
    while count <= most and (block := source.read(BLOCK)):
        target.write(block)
        found.update(block)
        count += len(block)
    return found.hexdigest()
