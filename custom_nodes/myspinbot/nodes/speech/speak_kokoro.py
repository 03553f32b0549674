"""Speak (Kokoro): text in a person's voice, on any machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.model_files import find, find_model, manifest, register_folder
from ...engines.speech.kokoro.voices import SPOKEN, VOICES
from .inputs import LOUDNESS, SCRIPT_LANGUAGE, SPEED, TIMINGS

AUTO = "auto"
FOLDER = "TTS"
MODEL = "kokoro"
"""The model's id in `models.yaml`; a voice's is made by `voice_id`."""
_MODELS, _VOICES = "Kokoro/", "Kokoro/voices/"


class SpeakKokoro(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        models = _models()
        return io.Schema(
            node_id="MySpinBotSpeakKokoro",
            display_name="Speak (Kokoro)",
            category="MySpinBot/Speech",
            description="Reads text aloud in one of 54 voices that sound like people, in nine languages, on any "
            "processor, and says when each word and sound is heard. The weights are under Apache-2.0.",
            search_aliases=["tts", "text to speech", "kokoro", "kokoro-82m", "voice", "speech", "narrator", "narrate"],
            inputs=[
                io.String.Input(
                    "text", default="", multiline=True, tooltip="What is said; numbers and symbols are read out."
                ),
                voice_input("voice"),
                io.Combo.Input(
                    "language",
                    display_name="Voice language",
                    options=[AUTO, *SPOKEN.values()],
                    default=AUTO,
                    tooltip="The language that is read: auto takes that of the script, or without one goes by the "
                    "letters, Latin ones as the voice's own language.",
                ),
                SPEED,
                LOUDNESS,
                io.Combo.Input(
                    "model",
                    options=models,
                    default=models[0],
                    advanced=True,
                    tooltip="The model's file below models/TTS.",
                ),
                SCRIPT_LANGUAGE,
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The speech, mono, 24000 Hz."),
                TIMINGS,
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        text: str,
        voice: str,
        language: str,
        speed: float,
        loudness: float,
        model: str,
        script_language: str = "",
    ) -> io.NodeOutput:
        import torch

        from ...engines.speech import kokoro
        from ...engines.speech.kokoro.voices import UnspokenError, choose

        if not text.strip():
            raise ValueError("There is no text to speak. Write some text, or connect a node that gives it.")
        try:
            taken, spoken, remark = choose(voice, language, script_language, text)
        except UnspokenError as error:
            raise ValueError(f"{error} Speak (Draft) speaks it with a robot's voice.") from error
        style = kokoro.load_voice(voice_path(taken))
        loaded = kokoro.load(find(FOLDER, model))
        speech = kokoro.speak(
            loaded, style, text, language=spoken, speed=speed, loudness=loudness, on_step=progress_callback()
        )
        notices: list[Notice] = [{"level": "warning", "text": remark}] if remark else []
        if voice == AUTO:
            notices.append({"level": "info", "text": f"The voice is {taken}."})
        waveform = torch.from_numpy(speech.samples)[None, None]  # (1, 1, T)
        audio = {"waveform": waveform, "sample_rate": speech.sample_rate}
        return output(audio, replace(speech.timings, text=text).to_json(), notices=notices)


def voice_input(name: str, *, optional: bool = False) -> io.Combo.Input:
    """The input that offers Kokoro's voices, those of `models.yaml`, there or not, before a user's own."""
    return io.Combo.Input(
        name,
        options=[AUTO, *_voices()],
        default=AUTO,
        optional=optional,
        tooltip="A voice of Kokoro: its first letter is the language (a American, b British, e Spanish, f French, "
        "h Hindi, i Italian, j Japanese, p Portuguese, z Chinese), f or m woman or man; auto suits the language.",
    )


def voice_path(voice: str) -> Path:
    """The file of a voice.

    Raises:
        MissingModelError: It isn't there; a known one is named with what fetches it.
    """
    return find_model(voice_id(voice)) if voice in VOICES else find(FOLDER, f"{_VOICES}{voice}.bin")


def voice_id(voice: str) -> str:
    """The id of one of Kokoro's own voices in `models.yaml`."""
    return f"kokoro-{voice.replace('_', '-')}"


def _voices() -> list[str]:
    own = (PurePosixPath(name).stem for name in _files() if name.startswith(_VOICES) and name.endswith(".bin"))
    return list(dict.fromkeys([*VOICES, *sorted(own)]))


def _models() -> list[str]:
    own = (name for name in _files() if name.startswith(_MODELS) and name.endswith(".onnx"))
    return list(dict.fromkeys([manifest().models[MODEL].file, *sorted(own)]))


def _files() -> list[str]:
    import folder_paths

    register_folder(FOLDER)
    return [name.replace("\\", "/") for name in folder_paths.get_filename_list(FOLDER)]
