"""Where voice profiles lie, and how they travel between nodes."""

from pathlib import Path

from comfy_api.latest import io

from .missing import register_folder

VoiceSocket = io.Custom("VOICE_PROFILE")
FOLDER = "voices"
SUFFIX = ".safetensors"


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
    """Where a profile of this name is kept."""
    import folder_paths

    register_folder(FOLDER)
    return Path(folder_paths.get_folder_paths(FOLDER)[0]) / f"{name}{SUFFIX}"
