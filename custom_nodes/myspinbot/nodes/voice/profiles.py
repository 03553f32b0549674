"""Voice profiles: made from a recording with Build Voice Profile, saved in models/voices, loaded from there."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output
from ...comfyui.model_files import register_folder
from ..speech.recognition_models import transcribe

if TYPE_CHECKING:
    from ...engines.voice.profile import VoiceProfile

VoiceSocket = io.Custom("VOICE_PROFILE")
FOLDER = "voices"
SUFFIX = ".safetensors"
_NONE = "(no voice yet)"


class BuildVoice(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotBuildVoice",
            display_name="Build Voice Profile",
            category="MySpinBot/Voice",
            description="Takes the best seconds of a recording, checks them, and saves them with their words as "
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
        profile = save_once(
            build(samples, sound.sample_rate, transcript, name=name, consent=consent, transcribe=transcribe)
        )
        notices: list[Notice] = [
            {"level": "warning", "text": check.text} for check in profile.checks if check.rating != "good"
        ]
        if profile.transcript != " ".join(transcript.split()):
            how = "chosen" if transcript.strip() else "transcribed"
            notices.append({"level": "info", "text": f"These words were {how}, check them: {profile.transcript}"})
        return output(*outputs_of(profile), report(profile.checks), notices=notices)


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

        return io.NodeOutput(*outputs_of(load_profile(find(voice))))


def outputs_of(profile: "VoiceProfile") -> tuple[Any, ...]:
    """What every node with a voice puts out: the profile, its sound as AUDIO, its words."""
    import torch

    waveform = torch.from_numpy(profile.samples)[None, None]  # (1, 1, T)
    return profile, {"waveform": waveform, "sample_rate": profile.sample_rate}, profile.transcript


def names() -> list[str]:
    """The profiles in `models/voices`, as their combo shows them."""
    import folder_paths

    register_folder(FOLDER)
    return sorted(
        name.replace("\\", "/").removesuffix(SUFFIX)
        for name in folder_paths.get_filename_list(FOLDER)
        if name.endswith(SUFFIX)
    )


def find(name: str) -> Path:
    """The file of a profile.

    Raises:
        FileNotFoundError: It is gone.
    """
    import folder_paths

    register_folder(FOLDER)
    path = folder_paths.get_full_path(FOLDER, name + SUFFIX)
    if path is None:
        raise FileNotFoundError(
            f"There is no voice {name!r} in models/{FOLDER}. Make one with Build Voice Profile, or put the file there."
        )
    return Path(path)


def new_path(name: str) -> Path:
    """Where a profile of this name is saved."""
    import folder_paths

    register_folder(FOLDER)
    return Path(folder_paths.get_folder_paths(FOLDER)[0]) / f"{name}{SUFFIX}"


def save_once(profile: "VoiceProfile") -> "VoiceProfile":
    """Save a profile under its name; one that is there already and was made from the same is left and returned.

    Raises:
        ProfileError: Another voice has that name.
    """
    saved = saved_already(profile)
    if saved is None:
        profile.save(new_path(profile.name))
    return saved or profile


def saved_already(profile: "VoiceProfile") -> "VoiceProfile | None":
    """The voice of this name, made from the same; None where there is no voice of this name.

    Raises:
        ProfileError: Another voice has that name.
    """
    from ...engines.voice.profile import ProfileError, load_profile

    path = new_path(profile.name)
    if not path.exists():
        return None
    saved = load_profile(path)
    if saved.same_as(profile):
        return saved
    raise ProfileError(
        f"There is another voice called {profile.name!r} already, which is never replaced. "
        f"Choose another name, or remove {path.name} from models/{FOLDER}."
    )
