"""Speak: text in a bot's own voice where that can be had, else in a ready one, else a robot's."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.graph_nodes import defaults_of
from ...comfyui.model_files import MissingModelError, manifest
from ...engines.languages import base_of, code_of, language_of, name_of
from ...engines.speech.espeak import voice_name
from ...engines.speech.kokoro.voices import VOICES, UnspokenError, choose
from ..bots.files import BOT, LoadedBot
from ..speech.inputs import SCRIPT_LANGUAGE, SPEED
from ..speech.load_f5 import choices, known
from ..speech.speak_draft import DraftSpeech
from ..speech.speak_kokoro import AUTO, MODEL, voice_id, voice_input, voice_path
from ..voice.profiles import VoiceSocket
from .choices import absent, how_to_get, with_needs
from .preset import PRESET, Settings, settings_or_own
from .provenance import PROVENANCE, Choosing, StageChoice

if TYPE_CHECKING:
    from ...engines.voice.profile import VoiceProfile

_STAGE = "Speech"


class Speak(Choosing):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        drafts = {item.id: item for item in DraftSpeech.define_schema().inputs}
        return io.Schema(
            node_id="MySpinBotSpeak",
            display_name="Speak",
            category="MySpinBot/Automatic",
            description="Reads text aloud: with F5-TTS in the voice that is connected, or with Kokoro in a ready "
            "voice, or with espeak-ng where neither can. It says which it took.",
            search_aliases=["tts", "text to speech", "automatic", "speech", "voice", "narrate"],
            inputs=[
                io.String.Input("text", default="", multiline=True, tooltip="What is said; numbers are read out."),
                drafts["language"],
                SPEED,
                io.Int.Input(
                    "steps",
                    default=0,
                    min=0,
                    max=64,
                    tooltip="Steps of the speech model, if it is taken; 0 is the preset's.",
                ),
                io.Int.Input(
                    "seed",
                    default=290381,
                    min=0,
                    max=0x7FFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed, text and voice give the same speech.",
                ),
                SCRIPT_LANGUAGE,
                BOT,
                PRESET,
                VoiceSocket.Input(
                    "voice",
                    optional=True,
                    tooltip="A voice to speak with instead of the bot's own, from Load Voice Profile.",
                ),
                voice_input("draft_voice", optional=True),
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The speech, mono."),
                io.String.Output("timings", tooltip="When each word and each phoneme is heard, as JSON, in seconds."),
                PROVENANCE,
            ],
            enable_expand=True,
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        text: str,
        language: str,
        speed: float,
        steps: int,
        seed: int,
        script_language: str = "",
        bot: LoadedBot | None = None,
        preset: Settings | None = None,
        voice: VoiceProfile | None = None,
        draft_voice: str = AUTO,
    ) -> io.NodeOutput:
        from comfy_execution.graph_utils import GraphBuilder

        settings = settings_or_own(preset)
        voice = voice or (bot.voice if bot else None)
        graph = GraphBuilder()
        known_language = _short(script_language if language == "auto" else language)
        file, why = _model(settings.preset, voice, known_language or language_of(text))
        if file:
            ids = [known()[file]] if file in known() else []
            choice = StageChoice(_STAGE, "Speak (F5-TTS)", models=ids)
            loaded = graph.node("MySpinBotLoadF5", model=file, device="auto", precision="auto", generation="auto")
            given = {"text": text, "speed": speed, "seed": seed, "voice": voice}
            given |= {"steps": steps or settings.speech_steps}
            speech = graph.node("MySpinBotSpeakF5", **(_f5_settings(known_language) | given), f5=loaded.out(0))
        else:
            wish = draft_voice if draft_voice != AUTO or bot is None else bot.draft_voice
            ready = _ready_voice(wish, language, script_language, text)
            how: dict[str, Any] = {"text": text, "script_language": script_language, "speed": speed}
            if ready.voice:
                ids = [MODEL, *([voice_id(ready.voice)] if ready.voice in VOICES else [])]
                choice = StageChoice(_STAGE, "Speak (Kokoro)", why, ids)
                how |= {"voice": ready.voice if wish != AUTO else AUTO, "language": ready.language}
                speech = graph.node("MySpinBotSpeakKokoro", **(defaults_of("MySpinBotSpeakKokoro") | how))
            else:
                robot = f"A robot speaks {voice_name(language, script_language, text)}."
                choice = StageChoice(_STAGE, "Speak (Draft)", " ".join(filter(None, (why, ready.why, robot))))
                how |= {"language": language, "voice": "default", "pitch": 50}
                speech = graph.node("MySpinBotDraftSpeech", **how)
        ui = {"notices": choice.notices(expected=settings.simplest and (voice is None or settings.preset == "draft"))}
        return io.NodeOutput(speech.out(0), speech.out(1), choice.append(), ui=ui, expand=graph.finalize())


@dataclass(frozen=True, slots=True)
class _Ready:
    """A ready voice and the language that it reads, as Speak (Kokoro) has it; or why there is none."""

    voice: str = ""
    language: str = ""
    why: str = ""


def _ready_voice(wish: str, language: str, script_language: str, text: str) -> _Ready:
    try:
        voice, code, _ = choose(wish, language, script_language, text, follow=True)
        voice_path(voice)
    except (UnspokenError, MissingModelError) as error:
        return _Ready(why=str(error))
    if absent([MODEL]):
        return _Ready(why=how_to_get([MODEL]))
    if importlib.util.find_spec("onnxruntime") is None:
        return _Ready(why="Kokoro runs on the package onnxruntime, which is missing.")
    return _Ready(voice, code)


def _model(preset: str, voice: VoiceProfile | None, language: str) -> tuple[str | None, str]:
    """The file of the model that speaks in a voice of one's own, or None and why, if there is such a voice."""
    if voice is None:
        return None, ""
    if preset == "draft":
        return None, "The draft preset takes no speech model for a voice of one's own."
    listed = known()
    whole = [file for file, key in listed.items() if not absent(with_needs([key]))]
    others = [file for file in choices() if file not in listed]
    if voice.adapter is not None and voice.base_model in (*whole, *others):
        return voice.base_model, ""
    languages = {file: manifest().models[key].languages for file, key in listed.items()}
    fluent = [file for file in listed if language in languages[file]]
    if here := [file for file in fluent if file in whole] + others:
        return here[0], ""
    if fluent:
        return None, how_to_get(absent(with_needs([listed[fluent[0]]])))
    names = " and ".join(map(name_of, dict.fromkeys(code for codes in languages.values() for code in codes)))
    return None, f"The speech models for a voice of one's own speak {names}, not {name_of(language)}."


def _short(language: str) -> str:
    """The code of a language without its country, as F5-TTS has it; empty where it isn't known."""
    short = base_of(code_of(language) or "")
    return "zh" if short == "cmn" else short


def _f5_settings(language: str) -> dict[str, Any]:
    """Speak (F5-TTS)'s own defaults, with the language in which numbers are read out."""
    from ..speech.speak_f5 import SpeakF5

    offered: Any = next(item for item in SpeakF5.define_schema().inputs if item.id == "language")
    return defaults_of("MySpinBotSpeakF5") | {"language": language if language in offered.options else "auto"}
