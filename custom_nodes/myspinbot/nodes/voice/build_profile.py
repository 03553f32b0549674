"""Build Voice Profile: from a recording to a voice that is kept."""

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output
from ..speech.recognition_models import hear
from .profile_files import VoiceSocket, keep

if TYPE_CHECKING:
    from ...engines.voice.profile import VoiceProfile


class BuildVoice(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotBuildVoice",
            display_name="Build Voice Profile",
            category="MySpinBot/Voice",
            description="Takes the best seconds of a recording, checks them, and keeps them with their words as "
            "a voice: one file in models/voices.",
            search_aliases=["voice cloning", "clone voice", "save voice", "speaker", "voice sample", "f5-tts"],
            is_output_node=True,
            inputs=[
                io.Audio.Input(
                    "audio", tooltip="5 seconds to a few minutes of one voice, best without noise or music."
                ),
                io.String.Input(
                    "transcript",
                    default="",
                    multiline=True,
                    tooltip="Exactly what is said in the recording; a long one is cut together with it. Where it is "
                    "empty and a Whisper model is there, that writes it.",
                ),
                io.String.Input("name", default="my voice", tooltip="What the voice and its file are called."),
                io.Boolean.Input(
                    "consent",
                    default=False,
                    label_on="I may use this voice",
                    label_off="not stated",
                    tooltip="Your statement that the voice is yours or that its owner lets you use it; it is required.",
                ),
            ],
            outputs=[
                VoiceSocket.Output("voice", display_name="voice", tooltip="The voice, for Speak (F5-TTS)."),
                io.Audio.Output("reference_audio", tooltip="The seconds that were chosen, mono, 24000 Hz."),
                io.String.Output("transcript", tooltip="The words of those seconds."),
                io.String.Output("report", tooltip="What the checks found, one line each, the worst first."),
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, audio: Any, transcript: str, name: str, consent: bool
    ) -> io.NodeOutput:
        from ...engines.voice.build import build
        from ...engines.voice.checks import report
        from ...media.audio import from_audio

        sound = from_audio(audio)
        samples = sound.samples.mean(axis=0)
        profile = keep(build(samples, sound.sample_rate, transcript, name=name, consent=consent, hear=hear))
        notices: list[Notice] = [
            {"level": "warning", "text": check.text} for check in profile.checks if check.verdict != "good"
        ]
        if profile.transcript != " ".join(transcript.split()):
            how = "chosen" if transcript.strip() else "heard"
            notices.append({"level": "info", "text": f"These words were {how}, check them: {profile.transcript}"})
        return output(*spread(profile), report(profile.checks), notices=notices)


def spread(profile: "VoiceProfile") -> tuple[Any, ...]:
    """The outputs that every node with a voice has: itself, its sound as AUDIO, its words."""
    import torch

    waveform = torch.from_numpy(profile.samples)[None, None]  # (1, 1, T)
    return profile, {"waveform": waveform, "sample_rate": profile.sample_rate}, profile.transcript
