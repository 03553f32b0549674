"""Build Voice Profile: from a recording to a voice that is kept."""

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from .support import Notice, output
from .voice_files import VoiceSocket, new_path

if TYPE_CHECKING:
    from ..engines.voice.profile import VoiceProfile


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
                    tooltip="Exactly what is said in the recording; a long one is cut together with it.",
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
        from ..engines.voice.build import build
        from ..engines.voice.checks import report
        from ..media.audio import from_audio

        sound = from_audio(audio)
        profile = _kept(build(sound.samples.mean(axis=0), sound.sample_rate, transcript, name=name, consent=consent))
        notices: list[Notice] = [
            {"level": "warning", "text": check.text} for check in profile.checks if check.verdict != "good"
        ]
        if profile.transcript != " ".join(transcript.split()):
            notices.append({"level": "info", "text": f"These words were chosen, check them: {profile.transcript}"})
        return output(*spread(profile), report(profile.checks), notices=notices)


def spread(profile: "VoiceProfile") -> tuple[Any, ...]:
    """The outputs that every node with a voice has: itself, its sound as AUDIO, its words."""
    import torch

    waveform = torch.from_numpy(profile.samples)[None, None]  # (1, 1, T)
    return profile, {"waveform": waveform, "sample_rate": profile.sample_rate}, profile.transcript


def _kept(profile: "VoiceProfile") -> "VoiceProfile":
    """Saved under its name; the one that is there already where it was made from the same recording."""
    from ..engines.voice.profile import ProfileError, load_profile

    path = new_path(profile.name)
    if path.exists():
        before = load_profile(path)
        if before.same_as(profile):
            return before
        raise ProfileError(
            f"There is another voice called {profile.name!r} already, which is never replaced. "
            f"Choose another name, or remove {path.name} from models/voices."
        )
    profile.save(path)
    return profile
