"""A folder below ComfyUI's input folder that a node learns from."""

from pathlib import Path


def input_folder(name: str) -> Path:
    """The folder of this name, which a combo offers.

    Raises:
        FileNotFoundError: There is none in the input folder.
    """
    import folder_paths

    root = Path(folder_paths.get_input_directory()).resolve()
    path = (root / name).resolve()
    if not path.is_dir() or not path.is_relative_to(root):
        raise FileNotFoundError(f"There is no folder {name!r} in ComfyUI's input folder.")
    return path


def state_of(name: str) -> str:
    """Changes whenever a file in the folder or below it does; empty where there is no such folder."""
    try:
        folder = input_folder(name)
        stats = {path.relative_to(folder).as_posix(): path.stat() for path in folder.rglob("*") if path.is_file()}
    except OSError:
        return ""
    return " ".join(f"{file}:{stat.st_size}:{stat.st_mtime_ns}" for file, stat in sorted(stats.items()))
