"""Weights out of packages: the same bytes where registries can be reached and a file's own address can't.

No registry is named here: pip, uv and npm fetch from wherever the machine's own settings lead them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from myspinbot_runner.errors import Cancelled
from myspinbot_runner.transfer import BLOCK, SourceError, TransientError, open_url
from myspinbot_shared.manifest import Package

ATTEMPTS = 3
_TICK = 0.2  # seconds between two questions whether to stop
_MISMATCH = re.compile(r"DO NOT MATCH THE HASHES|Hash mismatch for")  # as pip and as uv say it


class _AnotherError(Exception):
    """A package isn't the one that is pinned, and would not be another time either."""


class Packages:
    """The packages of a manifest, each fetched once, into a folder that goes with `close`."""

    def __init__(self, known: Mapping[str, Package], stop: threading.Event | None = None) -> None:
        self._known = known
        self._stop = stop or threading.Event()
        self._folder: Path | None = None
        self._making = threading.Lock()
        self._guards = {name: threading.Lock() for name in known}
        self._found: dict[str, Path | SourceError] = {}

    def close(self) -> None:
        """Remove what was fetched."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def read(self, pieces: Iterable[str]) -> Iterator[bytes]:
        """The bytes of a file's pieces, see `Model.pieces`, joined.

        Raises:
            SourceError: A package can't be fetched, isn't the one that is pinned, or lacks the file.
            Cancelled: It was stopped.
        """
        for piece in pieces:
            name, path = piece.split(" ")
            with _opened(self._fetched(self._known[name]), path) as file:
                while block := file.read(BLOCK):
                    yield block

    def _fetched(self, package: Package) -> Path:
        with self._guards[package.id]:
            if package.id not in self._found:
                try:
                    self._found[package.id] = self._fetch(package)
                except SourceError as error:
                    self._found[package.id] = error
        found = self._found[package.id]
        if isinstance(found, SourceError):
            raise found
        return found

    def _fetch(self, package: Package) -> Path:
        with self._making:  # two packages may be the first at once
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="myspinbot-"))
            into = self._folder / package.id
        get = self._from_npm if package.registry == "npm" else self._from_pypi
        why = ""
        for _ in range(ATTEMPTS):
            into.mkdir(exist_ok=True)
            try:
                return get(package, into)
            except _AnotherError as error:
                why = str(error)
                break
            except TransientError as error:
                why = error.why
                shutil.rmtree(into, ignore_errors=True)
        raise SourceError(f"the package {package} couldn't be fetched: {why}")

    def _from_pypi(self, package: Package, into: Path) -> Path:
        """The wheel by pip, or its unpacked content by uv where there is no pip."""
        pinned = into.with_suffix(".txt")
        pinned.write_text(f"{package.id}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        wanted = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", pinned]
        if importlib.util.find_spec("pip"):
            options = ["--no-input", "--disable-pip-version-check", "--dest", into]
            asked = _asked_for(package.wheel, by_uv=False)
            self._run([sys.executable, "-m", "pip", "download", *options, *asked, *wanted])
            (wheel,) = into.glob("*.whl")
            return wheel
        uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
        if uv is None:
            raise SourceError("neither pip nor uv is installed beside this program")
        options = ["--python", sys.executable, *_asked_for(package.wheel, by_uv=True), "--target", into]
        self._run([uv, "pip", "install", *options, *wanted])
        return into

    def _from_npm(self, package: Package, into: Path) -> Path:
        """The archive by npm, or straight from the registry that npm's settings name where npm is missing."""
        npm, registry = shutil.which("npm"), _npm_registry()
        archive = into / f"{package.id}-{package.version}.tgz"
        if npm:
            options = ["--ignore-scripts", "--silent", "--pack-destination", into]
            self._run([npm, "pack", f"{package.id}@{package.version}", *options], cwd=into)
        elif registry:
            address = f"{registry.rstrip('/')}/{package.id}/-/{archive.name}"
            with open_url(address) as reply, archive.open("wb") as out:
                for block in reply.blocks():
                    self._check_stop()
                    out.write(block)
        else:
            raise SourceError("npm isn't installed, and nothing names a registry for it (npm_config_registry)")
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != package.sha256:
            raise _AnotherError(f"its sha256 is {found} instead of {package.sha256}")
        return archive

    def _run(self, command: Sequence[str | Path], cwd: Path | None = None) -> None:
        """Run a program to its end, or until it is stopped.

        Raises:
            TransientError: It failed, and may work another time.
            _AnotherError: pip or uv fetched another package than the one that is pinned.
        """
        with tempfile.TemporaryFile() as said:
            words = [str(word) for word in command]
            try:
                process = subprocess.Popen(words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            except OSError as error:
                raise SourceError(f"{words[0]} can't be run ({error.strerror})") from error
            try:
                while process.poll() is None:
                    if self._stop.wait(_TICK):
                        self._check_stop()
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            if process.returncode:
                said.seek(0)
                lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
                if any(_MISMATCH.search(line) for line in lines):
                    raise _AnotherError("what was fetched has another hash than the package that is pinned")
                errors = [line for line in lines if "error" in line.lower()]
                raise TransientError((errors or lines or [f"exit code {process.returncode}"])[-1].strip())

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Cancelled("Stopped. The same command goes on where this ended.")


def _asked_for(tag: str, *, by_uv: bool) -> list[str]:
    """What makes pip or uv ask for the wheel with this tag, whatever the machine that they run on."""
    if not tag:
        return []
    python, abi, platform = tag.split("-")
    version = f"{python[2]}.{python[3:]}"
    if by_uv:
        *system, machine = platform.split("_", 3)
        return ["--python-version", version, "--python-platform", f"{machine}-{'_'.join(system)}"]
    return ["--python-version", version, "--platform", platform, "--implementation", python[:2], "--abi", abi]


def _npm_registry() -> str:
    """The registry that npm's own settings name; empty where they name none."""
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if os.environ.get(name):
            return os.environ[name]
    try:
        lines = (Path.home() / ".npmrc").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, RuntimeError):
        return ""
    settings = dict(line.split("=", 1) for line in lines if "=" in line)
    return next((value.strip() for name, value in settings.items() if name.strip() == "registry"), "")


@contextmanager
def _opened(package: Path, path: str) -> Generator[IO[bytes]]:
    """A file in a wheel, an archive or a folder. Raises SourceError where it isn't there."""
    try:
        if package.is_dir():
            with (package / path).open("rb") as file:
                yield file
        elif package.suffix == ".whl":
            with zipfile.ZipFile(package) as wheel, wheel.open(path) as file:
                yield file
        else:
            with tarfile.open(package) as archive:
                file = archive.extractfile(path)
                if file is None:
                    raise KeyError(path)
                with file:
                    yield file
    except (KeyError, FileNotFoundError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SourceError(f"the package {package.name} holds no whole {path}") from error
