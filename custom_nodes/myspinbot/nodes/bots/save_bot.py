"""Save Bot: an identity, a voice and a picture under one name."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output
from ...shared.bots import Bot, BotError, Part, save
from ...shared.file_names import checked_name
from ..speech.speak_kokoro import AUTO, voice_input
from ..voice.profiles import SUFFIX, VoiceSocket, find, names
from .files import NONE, folder, part_path

if TYPE_CHECKING:
    from ...engines.voice.profile import VoiceProfile


class SaveBot(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotSaveBot",
            display_name="Save Bot",
            category="MySpinBot/Bot",
            description="Keeps an identity, a voice, a picture and default words under one name in models/bots, "
            "for Load Bot. The files stay where they are.",
            search_aliases=["bot", "character", "avatar", "save profile", "persona", "identity"],
            is_output_node=True,
            inputs=[
                io.String.Input("name", default="my bot", tooltip="What the bot and its file are called."),
                io.String.Input(
                    "persona",
                    default="",
                    multiline=True,
                    tooltip="Who speaks when nothing else is said, such as `a patient science teacher`.",
                ),
                io.String.Input(
                    "scene",
                    default="",
                    multiline=True,
                    tooltip="The picture where a script gives none, as a prompt for an image model.",
                ),
                VoiceSocket.Input(
                    "voice", optional=True, tooltip="Its voice, from Build Voice Profile, Train Voice or Load Voice."
                ),
                io.String.Input(
                    "lora_name",
                    default="",
                    optional=True,
                    tooltip="Its identity: a safetensors file below models/loras, from Train Identity or typed.",
                ),
                io.String.Input(
                    "trigger",
                    default="",
                    optional=True,
                    tooltip="The words that call the person up in a prompt, as the LoRA was trained.",
                ),
                io.Image.Input("portrait", optional=True, tooltip="A picture of it, kept beside the profile."),
                voice_input("draft_voice", optional=True),
            ],
            outputs=[io.String.Output("bot", tooltip="The bot's name, as Load Bot lists it.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        name: str,
        persona: str,
        scene: str,
        voice: VoiceProfile | None = None,
        lora_name: str = "",
        trigger: str = "",
        portrait: Any = None,
        draft_voice: str = AUTO,
    ) -> io.NodeOutput:
        from ...engines.bots.consent import consent_in

        name = checked_name(name, "A bot")
        if name == NONE:
            raise BotError(f"A bot can't be called {name!r}, by which Load Bot means no bot. Choose another name.")
        files: dict[str, Part] = {}
        consent: dict[str, str] = {}
        notices: list[Notice] = []
        for kind, path, file in (_lora(lora_name), _voice(voice)):
            if path is None:
                continue
            files[kind] = Part.of(kind, path, file)
            if stated := consent_in(path):
                consent[kind] = stated
            else:
                text = f"{path.name} holds no statement of consent. Use it only if the person agrees."
                notices.append({"level": "warning", "text": text})
        if not files and portrait is None:
            raise BotError("The bot consists of nothing. Connect a voice, a LoRA's name or a portrait.")
        words = (trigger.strip(), persona.strip(), scene.strip())
        ready = "" if draft_voice == AUTO else draft_voice
        bot = Bot(name, date.today().isoformat(), files, *words, consent, ready)
        save(bot, _png(portrait) if portrait is not None else b"", folder())
        return output(name, notices=notices)


def _lora(name: str) -> tuple[str, Path | None, str]:
    file = str(PurePosixPath(name.strip().replace("\\", "/"))) if name.strip() else ""
    if not file:
        return "lora", None, ""
    if not file.endswith(SUFFIX):
        raise BotError(f"{file} is no safetensors file. `myspinbot models convert` writes a pickle as one.")
    path = part_path("lora", file)
    if path is None:
        raise FileNotFoundError(f"There is no LoRA {file!r} in models/loras. Train one, or put the file there.")
    return "lora", path, file


def _voice(voice: VoiceProfile | None) -> tuple[str, Path | None, str]:
    """The file that holds a voice, whatever it is called."""
    from ...engines.voice.profile import ProfileError, load_profile

    if voice is None:
        return "voice", None, ""
    for name in dict.fromkeys((voice.name, *names())):
        try:
            path = find(name)
            if load_profile(path).same_as(voice):
                return "voice", path, name + SUFFIX
        except (FileNotFoundError, ProfileError):
            continue
    raise BotError(f"The voice {voice.name!r} isn't among those in models/voices. Save it there first.")


def _png(portrait: Any) -> bytes:
    from PIL import Image

    from ...media.picture import from_image

    content = BytesIO()
    Image.fromarray(from_image(portrait)).save(content, "PNG")
    return content.getvalue()
