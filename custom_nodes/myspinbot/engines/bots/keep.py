"""Keeping a bot: its profile and its picture, never in place of another's."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    if picture:
        _place(picture, portrait)
    _place(content.encode(), path)
    return bot


def _place(content: bytes, path: Path) -> None:
    """Write a file aside and rename it, so that it is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
