"""Keeping a bot: its profile and its picture, never in place of another's."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...shared.files import atomic_write
from .profile import SUFFIX, Bot, BotError, Part, read, text


def keep(bot: Bot, picture: bytes, folder: Path, schema: Mapping[str, Any]) -> Bot:
    """Write `bot` into `folder`, with `picture` (a PNG, or nothing) as its portrait.

    The same bot again changes nothing.

    Returns:
        The bot with its portrait.

    Raises:
        BotError: Another bot or picture of this name is there, or something of the bot is not as it must be.
    """
    path, portrait = folder / f"{bot.name}{SUFFIX}", folder / f"{bot.name}.png"
    if picture:
        part = Part(portrait.name, hashlib.sha256(picture).hexdigest(), len(picture))
        bot = replace(bot, files={**bot.files, "portrait": part})
    content = text(bot, schema)
    if path.exists():
        if read(path, schema).same_as(bot):
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
        aside.write_text(content, encoding="utf-8", newline="\n")
    return bot
