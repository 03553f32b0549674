"""Speak (F5-TTS): text in the voice of a recording."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output, progress_callback
from ..voice.profiles import VoiceSocket
from .inputs import LOUDNESS
from .load_f5 import F5Socket, LoadedF5
from .recognition_models import AUTO, NONE, forced_aligner, installed

if TYPE_CHECKING:
    from ...engines.speech.f5.reference import Reference
    from ...engines.voice.profile import VoiceProfile


class SpeakF5(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotSpeakF5",
            display_name="Speak (F5-TTS)",
            category="MySpinBot/Speech",
            description="Reads text aloud in the voice of a few seconds of speech, and says when each word and sound "
            "is heard. Use voices only with their owner's consent.",
            search_aliases=["tts", "text to speech", "f5-tts", "voice cloning", "clone voice", "narrator", "speech"],
            inputs=[
                F5Socket.Input("f5", tooltip="The model, from Load F5-TTS."),
                io.String.Input(
                    "text",
                    default="",
                    multiline=True,
                    tooltip="What is said; numbers, money, dates and symbols are read out.",
                ),
                io.Float.Input(
                    "speed",
                    default=1.0,
                    min=0.3,
                    max=3.0,
                    step=0.05,
                    tooltip="How fast the speech is: 1 is the voice's own pace, and greater is faster.",
                ),
                io.Int.Input(
                    "seed",
                    default=290381,
                    min=0,
                    max=0x7FFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed, text and voice give the same speech.",
                ),
                io.Int.Input(
                    "steps",
                    default=32,
                    min=4,
                    max=64,
                    tooltip="Steps of the model: 32 for the best sound, 16 or 7 for speed. "
                    "For 5, 6, 7, 10, 12 and 16 the steps lie where they count most.",
                ),
                io.Float.Input(
                    "cfg_strength",
                    display_name="CFG strength",
                    default=2.0,
                    min=0.0,
                    max=10.0,
                    step=0.1,
                    tooltip="How closely text and voice are followed; 0 is twice as fast and less clear.",
                ),
                LOUDNESS,
                io.Combo.Input(
                    "language",
                    options=["auto", *_languages()],
                    default="auto",
                    tooltip="Language in which numbers are read out; auto goes by the letters, Latin ones as English.",
                ),
                io.Float.Input(
                    "cross_fade_duration",
                    display_name="Cross fade duration",
                    default=0.15,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    advanced=True,
                    tooltip="Seconds over which the silence around pieces of a long text is blended.",
                ),
                io.Float.Input(
                    "target_rms",
                    display_name="Target RMS",
                    default=0.1,
                    min=0.01,
                    max=0.5,
                    step=0.01,
                    advanced=True,
                    tooltip="Level to which a quieter reference is raised for the model.",
                ),
                VoiceSocket.Input("voice", optional=True, tooltip="A voice profile, instead of audio and transcript."),
                io.Audio.Input(
                    "reference_audio",
                    display_name="Reference audio",
                    optional=True,
                    tooltip="5 to 12 seconds of one voice without noise or music.",
                ),
                io.String.Input(
                    "transcript",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="Exactly what is said in the reference audio.",
                ),
                io.Combo.Input(
                    "aligner",
                    options=[AUTO, NONE, *installed("wav2vec2")],
                    default=AUTO,
                    optional=True,
                    advanced=True,
                    tooltip="The Wav2Vec2 model that finds in the speech when each word is said; auto takes one that "
                    "is there, and without one the times are estimated.",
                ),
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The speech, mono, 24000 Hz."),
                io.String.Output("timings", tooltip="When each word and each phoneme is heard, as JSON, in seconds."),
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        f5: LoadedF5,
        text: str,
        speed: float,
        seed: int,
        steps: int,
        cfg_strength: float,
        loudness: float,
        language: str,
        cross_fade_duration: float,
        target_rms: float,
        voice: "VoiceProfile | None" = None,
        reference_audio: Any = None,
        transcript: str = "",
        aligner: str = AUTO,
    ) -> io.NodeOutput:
        import torch

        from ...engines.speech.f5.mel import SAMPLE_RATE
        from ...engines.speech.f5.speak import Settings, speak

        reference = _reference(voice, reference_audio, transcript, target_rms=target_rms, language=language)
        settings = Settings(
            speed=speed,
            seed=seed,
            steps=steps,
            cfg_strength=cfg_strength,
            cross_fade=cross_fade_duration,
            loudness=loudness,
            language=language,
        )
        if not text.strip():
            raise ValueError("There is no text to speak. Write some text, or connect a node that gives it.")
        align = forced_aligner(aligner, f5.model.load_device)
        model, vocoder = f5.on_device()
        with f5.with_adapter(voice) as remarks:
            speech = speak(model, vocoder, f5.vocabulary, text, reference, settings, progress_callback(), align)
        notices: list[Notice] = [{"level": "warning", "text": remark} for remark in [*remarks, *speech.remarks]]
        waveform = torch.from_numpy(speech.samples)[None, None]  # (1, 1, T)
        timings = replace(speech.timings, text=text).to_json()
        return output({"waveform": waveform, "sample_rate": SAMPLE_RATE}, timings, notices=notices)


def _reference(voice: "VoiceProfile | None", audio: Any, transcript: str, **settings: Any) -> "Reference":
    from ...engines.speech.f5.reference import prepare_reference
    from ...media.audio import from_audio

    if voice is not None and audio is not None:
        raise ValueError("Both a voice profile and reference audio are connected; disconnect one of them.")
    if voice is not None:
        return prepare_reference(voice.samples, voice.sample_rate, voice.transcript, **settings)
    if audio is None:
        raise ValueError("There is no voice to speak with. Connect a voice profile, or audio with its transcript.")
    sound = from_audio(audio)
    return prepare_reference(sound.samples.mean(axis=0), sound.sample_rate, transcript, **settings)


def _languages() -> list[str]:
    """Where the package that reads numbers out is missing, enough to show the node, which then says so."""
    try:
        from ...engines.speech.normalize_text import languages

        return list(languages())
    except ImportError:
        return ["en", "zh"]
