"""Speak (Draft): text into speech with espeak-ng, on any machine."""

from dataclasses import replace

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output, progress_callback
from .inputs import SCRIPT_LANGUAGE, TIMINGS


class DraftSpeech(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        languages, voices = _choices()
        return io.Schema(
            node_id="MySpinBotDraftSpeech",
            display_name="Speak (Draft)",
            category="MySpinBot/Speech",
            description="Reads text aloud with espeak-ng: at once, offline and in more than a hundred languages, "
            "with the sound of a robot. It also says when each word and sound is heard.",
            search_aliases=[
                "tts",
                "text to speech",
                "espeak",
                "voice",
                "speech synthesis",
                "phonemes",
                "timings",
            ],
            inputs=[
                io.String.Input(
                    "text",
                    default="",
                    multiline=True,
                    tooltip="What is said; numbers and symbols are read out.",
                ),
                io.Combo.Input(
                    "language",
                    display_name="Voice language",
                    options=["auto", *languages],
                    default="auto",
                    tooltip="The language and accent of the voice; auto takes that of the script, "
                    "or without one goes by the letters, Latin ones as English.",
                ),
                io.Combo.Input(
                    "voice",
                    options=["default", *voices],
                    default="default",
                    tooltip="A variant of the voice: f1 to f5 are female, m1 to m8 male, others have names.",
                ),
                io.Float.Input(
                    "speed",
                    default=1.0,
                    min=0.5,
                    max=2.5,
                    step=0.05,
                    tooltip="How fast the speech is: 1 is 175 words a minute, and greater is faster.",
                ),
                io.Int.Input("pitch", default=50, min=0, max=99, tooltip="How high the voice is: 50 is its own pitch."),
                SCRIPT_LANGUAGE,
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The speech, mono, 22050 Hz."),
                TIMINGS,
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, text: str, language: str, voice: str, speed: float, pitch: int, script_language: str = ""
    ) -> io.NodeOutput:
        import torch

        from ...engines.speech.espeak import speak, voice_language

        language, remark = voice_language(language, script_language, text)
        speech = speak(text, language=language, voice=voice, speed=speed, pitch=pitch, on_step=progress_callback())
        waveform = torch.from_numpy(speech.samples)[None, None]  # (1, 1, T)
        audio = {"waveform": waveform, "sample_rate": speech.sample_rate}
        notices: list[Notice] = [{"level": "warning", "text": remark}] if remark else []
        return output(audio, replace(speech.timings, text=text).to_json(), notices=notices)


def _choices() -> tuple[list[str], list[str]]:
    """Languages and voices; where espeak-ng is missing, enough to show the node, which then says so."""
    from ...engines.speech import espeak

    try:
        return list(espeak.languages()), list(espeak.voices())
    except espeak.EspeakError:
        return ["en-us"], []
