"""Where bots lie, the files that they name, and how a bot travels between nodes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ...comfyui.model_files import register_folder
from ...shared.bots import FOLDER, SUFFIX, Bot, folder_of

if TYPE_CHECKING:
    from ...engines.voice.profile import VoiceProfile

NONE = "none"  # in the combo, for a pipeline without a bot
_WHAT = {"lora": "identity", "voice": "voice", "portrait": "portrait"}

BotSocket = io.Custom("MYSPINBOT_BOT")
BOT = BotSocket.Input("bot", optional=True, tooltip="Who speaks, from Load Bot; what is given here itself comes first.")


@dataclass(frozen=True)
class LoadedBot:
    """A bot as it travels along its wire; `portrait` is an IMAGE (1, H, W, 3). What it doesn't have is empty."""

    voice: VoiceProfile | None = None
    lora_name: str = ""
    trigger: str = ""
    persona: str = ""
    scene: str = ""
    portrait: Any = None
    draft_voice: str = "auto"


def names() -> list[str]:
    """The bots in `models/bots`, as their combo shows them."""
    import folder_paths

    register_folder(FOLDER)
    files = (name.replace("\\", "/") for name in folder_paths.get_filename_list(FOLDER))
    found = {name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX) and "/" not in name}
    return sorted(found - {NONE})


def profile_path(name: str) -> Path:
    """The file of a bot.

    Raises:
        FileNotFoundError: It is gone.
    """
    import folder_paths

    register_folder(FOLDER)
    path = folder_paths.get_full_path(FOLDER, name + SUFFIX)
    if path is None:
        raise FileNotFoundError(
            f"There is no bot {name!r} in models/{FOLDER}. Make one with Save Bot, or import one: "
            "`myspinbot bot import FILE.zip`."
        )
    return Path(path)


def folder() -> Path:
    """Where new bots are kept."""
    import folder_paths

    register_folder(FOLDER)
    return Path(folder_paths.get_folder_paths(FOLDER)[0])


def part_path(kind: str, file: str) -> Path | None:
    """The file of a kind as ComfyUI finds it; None where it is missing."""
    import folder_paths

    folder = folder_of(kind)
    register_folder(folder)
    path = folder_paths.get_full_path(folder, file)
    return Path(path) if path else None


def found_parts(bot: Bot) -> dict[str, Path]:
    """The bot's files by kind.

    Raises:
        FileNotFoundError: One is gone; the message says which.
    """
    found: dict[str, Path] = {}
    for kind, part in bot.files.items():
        path = part_path(kind, part.file)
        if path is None:
            raise FileNotFoundError(
                f"The bot {bot.name!r} has lost its {_WHAT[kind]}: {part.file} isn't in models/"
                f"{part.folder}. Put it back, or import the bot again."
            )
        found[kind] = path
    return found


def changed_parts(bot: Bot, paths: dict[str, Path]) -> list[str]:
    """What is to be said of files that aren't what they were when the bot was saved."""
    return [
        f"The {_WHAT[kind]} of {bot.name!r} has changed since the bot was saved: {part.file}."
        for kind, part in bot.files.items()
        if not part.is_at(paths[kind])
    ]
