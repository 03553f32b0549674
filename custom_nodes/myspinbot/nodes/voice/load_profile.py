"""Load Voice Profile: a voice that was kept."""

from comfy_api.latest import io
from typing_extensions import override

from .build_profile import spread
from .profile_files import VoiceSocket, find, names

_NONE = "(no voice yet)"


class LoadVoice(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        found = names() or [_NONE]
        return io.Schema(
            node_id="MySpinBotLoadVoice",
            display_name="Load Voice Profile",
            category="MySpinBot/Voice",
            description="Loads a voice from models/voices. A profile is one file: copy it there to import it, and "
            "from there to export it.",
            search_aliases=["voice", "speaker", "narrator", "clone voice", "voice profile", "import voice"],
            inputs=[
                io.Combo.Input(
                    "voice",
                    options=found,
                    default=found[0],
                    tooltip="The voice to speak with; new ones come from Build Voice Profile.",
                )
            ],
            outputs=[
                VoiceSocket.Output("profile", display_name="profile", tooltip="The voice, for Speak (F5-TTS)."),
                io.Audio.Output("reference_audio", tooltip="The voice itself, mono, 24000 Hz."),
                io.String.Output("transcript", tooltip="What is said in the reference audio."),
            ],
        )

    @classmethod
    @override
    def fingerprint_inputs(cls, voice: str) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The file's own state, so that a voice that was made anew is loaded anew."""
        try:
            state = find(voice).stat()
        except FileNotFoundError:
            return ""
        return f"{state.st_size} {state.st_mtime_ns}"

    @classmethod
    @override
    def execute(cls, voice: str) -> io.NodeOutput:  # pyright: ignore[reportIncompatibleMethodOverride]
        from ...engines.voice.profile import load_profile

        return io.NodeOutput(*spread(load_profile(find(voice))))
