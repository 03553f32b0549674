"""Where voice profiles lie, and how they travel between nodes."""

from pathlib import Path
from typing import TYPE_CHECKING

from comfy_api.latest import io

from ...comfyui.model_files import register_folder

if TYPE_CHECKING:
    from ...engines.voice.profile import VoiceProfile

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


def keep(profile: "VoiceProfile") -> "VoiceProfile":
    """Saved under its name; the one that is there already where it was made from the same.

    Raises:
        ProfileError: Another voice has that name.
    """
    before = kept_already(profile)
    if before is None:
        profile.save(new_path(profile.name))
    return before or profile


def kept_already(profile: "VoiceProfile") -> "VoiceProfile | None":
    """The voice of this name, made from the same; None where there is no voice of this name.

    Raises:
        ProfileError: Another voice has that name.
    """
    from ...engines.voice.profile import ProfileError, load_profile

    path = new_path(profile.name)
    if not path.exists():
        return None
    before = load_profile(path)
    if before.same_as(profile):
        return before
    raise ProfileError(
        f"There is another voice called {profile.name!r} already, which is never replaced. "
        f"Choose another name, or remove {path.name} from models/{FOLDER}."
    )
