"""What a voice is trained with, as a user gives it: a folder, a batch of sounds, or nothing but the profile."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...comfyui.input_folder import input_folder

if TYPE_CHECKING:
    from ...engines.voice.profile import VoiceProfile
    from ...engines.voice.training.dataset import Clip

NO_FOLDER = "(no folder)"


def folders() -> list[str]:
    """The folders below ComfyUI's input folder, as their combo shows them."""
    import folder_paths

    return [NO_FOLDER, *folder_paths.get_input_subfolders()]


def clips_of(voice: "VoiceProfile", folder: str, recording: Any, transcript: str) -> "list[Clip]":
    """The clips of a folder, else of a recording, else the profile's own seconds.

    Raises:
        ValueError: Both are given, or one holds no clips, or sounds and words aren't equally many.
        FileNotFoundError: The folder is gone.
    """
    from ...engines.voice.training.dataset import Clip

    if folder != NO_FOLDER and recording is not None:
        raise ValueError("Both a folder and a recording are given; choose one of them.")
    if folder != NO_FOLDER:
        return _of_folder(input_folder(folder))
    if recording is not None:
        return _of_audio(recording, transcript)
    return [Clip(f"the voice {voice.name!r}", voice.samples, voice.sample_rate, voice.transcript)]


def _of_folder(folder: Path) -> "list[Clip]":
    from ...engines.voice.training.dataset import Clip
    from ...media.audio import SOUND_SUFFIXES, read_sound

    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUND_SUFFIXES)
    if not files:
        raise ValueError(
            f"There are no sounds in {folder.name}. Put clips there, each with its words in a text file of its name: "
            "hello.wav, hello.txt."
        )
    wordless = [path.name for path in files if not path.with_suffix(".txt").is_file()]
    if wordless:
        raise ValueError(
            f"These clips have no text file beside them: {_some(wordless)}. Write what is said in {wordless[0]} into "
            f"{Path(wordless[0]).with_suffix('.txt')}."
        )
    clips: list[Clip] = []
    for path in files:
        sound = read_sound(path)
        clips.append(Clip(path.name, sound.samples[0], sound.sample_rate, _words(path.with_suffix(".txt"))))
    return clips


def _of_audio(audio: Any, transcript: str) -> "list[Clip]":
    from ...engines.voice.training.dataset import Clip
    from ...media.audio import from_audio

    first = from_audio(audio)
    count = len(audio["waveform"])
    lines = [transcript] if count == 1 else [line for line in transcript.splitlines() if line.strip()]
    if len(lines) != count:
        raise ValueError(
            f"There are {count} clips but {len(lines)} lines of transcript. Write one line for each clip, in their "
            "order."
        )
    sounds = [first, *(from_audio(audio | {"waveform": audio["waveform"][i : i + 1]}) for i in range(1, count))]
    return [
        Clip(f"clip {number}", sound.samples.mean(axis=0), sound.sample_rate, " ".join(line.split()))
        for number, (sound, line) in enumerate(zip(sounds, lines, strict=True), 1)
    ]


def _words(path: Path) -> str:
    try:
        return " ".join(path.read_text(encoding="utf-8-sig").split())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is no text in UTF-8. Save it as UTF-8 and try again.") from error


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
