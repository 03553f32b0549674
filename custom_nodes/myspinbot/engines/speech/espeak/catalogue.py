"""What espeak-ng has on this machine: its library, its data, its languages and voices."""

import atexit
import functools
import os
import shutil
import tempfile
import threading
from pathlib import Path

from ...languages import base_of

LONGEST_DATA_PATH = 159  # espeak-ng copies the path into a buffer of 160 bytes and fails beyond it

_making = threading.Lock()


class EspeakError(RuntimeError):
    """espeak-ng is missing, refused its data, or does not know the voice."""


def languages() -> tuple[str, ...]:
    """Codes of every language that can be spoken, such as `en-us`, sorted."""
    return tuple(sorted(voice_files()))


def voice_files() -> dict[str, str]:
    """Language code -> name of the voice file that speaks it, which is not always the code itself."""
    return {code: file for code, (file, _) in _read_languages().items()}


def language_names() -> dict[str, str]:
    """Language code -> its English name, such as `German` or `English (America)`."""
    return {code: name for code, (_, name) in _read_languages().items()}


@functools.cache
def _read_languages() -> dict[str, tuple[str, str]]:
    """Language code -> voice file and English name.

    A voice file says `name NAME`, `language CODE PRIORITY` and `dictionary NAME` in lines of text; its first code is
    its own, and without a dictionary's name it has that of the code.
    """
    data = _installed()[1]
    found: dict[str, tuple[str, str]] = {}
    for file in sorted((data / "lang").rglob("*")):
        if not file.is_file():
            continue
        lines = [line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
        facts = {words[0]: " ".join(words[1:]) for words in reversed(lines) if len(words) > 1}
        code = facts.get("language", "").split(" ")[0]
        if (data / f"{facts.get('dictionary', base_of(code))}_dict").is_file():
            found[code] = (file.name, facts.get("name", code).split(" //")[0])
    return found


@functools.cache
def voices() -> tuple[str, ...]:
    """Names of the variants (`f1`, `whisper`, ...) that change the sound of any language, sorted."""
    folder = _installed()[1] / "voices" / "!v"
    return tuple(sorted((file.name for file in folder.iterdir() if file.is_file()), key=str.lower))


def library_and_data() -> tuple[Path, Path]:
    """The library, and a path to its data that is short enough for it."""
    library, data = _installed()
    return library, _reachable(data)


def _installed() -> tuple[Path, Path]:
    try:
        import espeakng_loader
    except ImportError as error:
        raise EspeakError(
            "espeak-ng is missing. Install it into ComfyUI's Python with `pip install espeakng-loader` and restart."
        ) from error
    library, data = Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path())
    if not library.is_file() or not (data / "lang").is_dir() or not (data / "voices" / "!v").is_dir():
        raise EspeakError(f"The files of espeak-ng in {library.parent} are gone. Reinstall espeakng-loader.")
    return library, data


def _reachable(data: Path) -> Path:
    """`data` itself, or a short way to it where its path is longer than espeak-ng can hold."""
    if len(os.fsencode(data)) <= LONGEST_DATA_PATH:
        return data
    with _making:
        return _short_way(data)


@functools.cache
def _short_way(data: Path) -> Path:
    """A link to `data`, or a copy where links can't be made, in a folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="espeak-ng-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    short = folder / "espeak-ng-data"
    try:
        short.symlink_to(data, target_is_directory=True)
    except OSError:
        shutil.copytree(data, short)
    return short
