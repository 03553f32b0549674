"""Load Bot: everything of a bot, chosen by its name."""

import os
from pathlib import Path
from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output
from ...shared.bots import read
from ..speech.speak_kokoro import AUTO
from ..voice.profiles import VoiceSocket
from .files import NONE, BotSocket, LoadedBot, changed_parts, found_parts, names, profile_path


class LoadBot(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotLoadBot",
            display_name="Load Bot",
            category="MySpinBot/Bot",
            description="Gives all that a bot consists of: its voice, identity and picture, and how it speaks and "
            "looks when nothing else is said.",
            search_aliases=["bot", "character", "avatar", "profile", "persona", "identity"],
            inputs=[
                io.Combo.Input(
                    "bot",
                    options=[NONE, *names()],
                    default=NONE,
                    tooltip="Bots come from the workflow train_bot, from Save Bot or from `myspinbot bot import`. "
                    "With none a pipeline works without.",
                )
            ],
            outputs=[
                BotSocket.Output("bot", display_name="bot", tooltip="All of it, for the automatic stages."),
                VoiceSocket.Output("voice", display_name="voice", tooltip="Its voice, for Speak; none if it has none."),
                io.String.Output("lora_name", tooltip="Its identity, for Apply Identity (LoRA); empty if it has none."),
                io.String.Output("trigger", tooltip="The words that call the person up in a prompt."),
                io.String.Output("persona", tooltip="Who speaks, for Write Script."),
                io.String.Output("scene", tooltip="The picture where a script gives none, as a prompt."),
                io.Image.Output("portrait", tooltip="Its picture; none if it has none."),
            ],
        )

    @classmethod
    @override
    def fingerprint_inputs(cls, bot: str) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The state of its files, so that a bot that changed is loaded anew."""
        if bot == NONE:
            return ""
        try:
            profile = profile_path(bot)
            files = [profile, *found_parts(read(profile)).values()]
            return " ".join(f"{state.st_size} {state.st_mtime_ns}" for state in (file.stat() for file in files))
        except (OSError, ValueError) as error:
            return str(error)

    @classmethod
    @override
    def execute(cls, bot: str) -> io.NodeOutput:  # pyright: ignore[reportIncompatibleMethodOverride]
        from ...engines.voice.profile import load_profile

        if bot == NONE:
            return _outputs(LoadedBot(), [])
        profile = read(profile_path(bot))
        paths = found_parts(profile)
        notices: list[Notice] = [{"level": "warning", "text": text} for text in changed_parts(profile, paths)]
        voice = load_profile(paths["voice"]) if "voice" in paths else None
        lora = _as_listed(profile.files["lora"].file) if "lora" in paths else ""
        portrait = _picture(paths["portrait"]) if "portrait" in paths else None
        loaded = LoadedBot(
            voice, lora, profile.trigger, profile.persona, profile.scene, portrait, profile.draft_voice or AUTO
        )
        return _outputs(loaded, notices)


def _outputs(bot: LoadedBot, notices: list[Notice]) -> io.NodeOutput:
    return output(bot, bot.voice, bot.lora_name, bot.trigger, bot.persona, bot.scene, bot.portrait, notices=notices)


def _as_listed(file: str) -> str:
    """A file's name as ComfyUI's combos have it on this system."""
    return file.replace("/", os.sep)


def _picture(path: Path) -> Any:
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"), np.float32) / 255
    return torch.from_numpy(pixels)[None]  # (1, H, W, 3)
