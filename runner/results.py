"""Brings a job's files from the server to this disk: in part files, resumed, checked, never over another."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import re
import shutil
import time
import urllib.parse
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .api import Api
from .errors import CannotSave, DiskFull
from .http import ConnectionLost, ReadTimeout

BLOCK = 1 << 20
ATTEMPTS = 6
FULL = (errno.ENOSPC, errno.EDQUOT)
RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Remote:
    """A file that a node left on the server. `type` is output, temp or input."""

    node: str
    filename: str
    subfolder: str
    type: str

    @property
    def query(self) -> str:
        """Path and query of its download."""
        fields = {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}
        return f"/view?{urllib.parse.urlencode(fields)}"


def files(outputs: Mapping[str, Any], *, previews: bool = False) -> list[Remote]:
    """The files among a job's outputs, each once. Temporary previews only if asked for, or if all are such."""
    found: dict[Remote, None] = {}
    for node, output in outputs.items():
        for items in output.values() if isinstance(output, dict) else ():
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict) and isinstance(item.get("filename"), str) and item["filename"]:
                    subfolder, kind = item.get("subfolder"), item.get("type")
                    remote = Remote(str(node), item["filename"], str(subfolder or ""), str(kind or "output"))
                    found[remote] = None
    kept = [remote for remote in found if remote.type == "output" or previews]
    return kept or [remote for remote in found if remote.type == "temp"]


def texts(outputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """The texts among a job's outputs, by node id."""
    found: dict[str, list[str]] = {}
    for node, output in outputs.items():
        value = output.get("text") if isinstance(output, dict) else None
        items = value if isinstance(value, list) else [value]
        strings = [item for item in items if isinstance(item, str)]
        if strings:
            found[str(node)] = strings
    return found


def safe_path(remote: Remote) -> Path:
    """A relative path for the file that stays inside any folder and is valid on every system."""
    parts = re.split(r"[\\/]+", f"{remote.subfolder}/{remote.filename}")
    clean = [_safe_name(part) for part in parts if part not in ("", ".", "..")]
    return Path(*clean) if clean else Path("file")


def _safe_name(name: str) -> str:
    name = re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", name).rstrip(". ") or "_"
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  (a name, not yet a path)
    while len((stem + suffix).encode("utf-8", "replace")) > 200:
        stem, suffix = stem[:-1], suffix[:20]
    return f"_{name}" if RESERVED.match(name) else stem + suffix


class Download:
    """Saves a job's files into one folder."""

    def __init__(self, api: Api, out: Path, job_id: str) -> None:
        self.api = api
        self.out = out
        self.job_id = job_id

    def prepare(self) -> None:
        """Make the folder. Raises CannotSave when it can't be written to."""
        prepare_folder(self.out)

    def save(self, remote: Remote, on_bytes: Callable[[int, int | None], None] | None = None) -> Path:
        """Download one file and return where it is.

        `on_bytes(done, total)` is called as it grows. Raises CannotSave when the server no longer has it or
        it can't be written, DiskFull when there is no room.
        """
        relative = safe_path(remote)
        folder = (self.out / relative).parent
        with _local(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not folder.resolve().is_relative_to(self.out.resolve()):
                raise CannotSave(f"{folder} leads out of {self.out} through a link, so nothing is saved there.")
        for attempt in range(ATTEMPTS):
            try:
                part = self._fetch(remote, folder, relative.name, on_bytes)
                return _place(part, folder / relative.name)
            except (ConnectionLost, ReadTimeout, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                if attempt == ATTEMPTS - 1:
                    raise CannotSave(
                        f"{remote.filename} couldn't be downloaded ({error}). "
                        f"`myspinbot fetch {self.job_id}` goes on where this stopped."
                    ) from None
                time.sleep(min(0.2 * 2**attempt, 5))
        raise AssertionError("unreachable")

    def _fetch(
        self, remote: Remote, folder: Path, name: str, on_bytes: Callable[[int, int | None], None] | None
    ) -> Path:
        with self.api.http.open("GET", remote.query) as response:
            if response.status != 200:
                raise CannotSave(
                    f"The server doesn't give out {remote.filename!r} ({response.status}). "
                    "Temporary files go when it restarts."
                )
            tag, total = response.headers.get("ETag", ""), response.length
            # The tag is part of the name, so that a part is never continued with another file's bytes.
            key = f"{self.job_id}\0{remote.query}\0{tag}\0{total}"
            part = folder / f".{name}.{hashlib.sha256(key.encode()).hexdigest()[:8]}.part"
            done = part.stat().st_size if part.is_file() and tag and total else 0
            if total is not None and 0 < done <= total:
                if done == total:
                    return part
            else:
                self._check_room(folder, total)
                self._write(response, part, "wb", 0, total, on_bytes)
                return part
        self._check_room(folder, (total or 0) - done)
        headers = {"Range": f"bytes={done}-", "If-Range": tag}
        with self.api.http.open("GET", remote.query, headers=headers) as response:
            resumed = response.status == 206
            self._write(response, part, "ab" if resumed else "wb", done if resumed else 0, total, on_bytes)
        return part

    def _write(
        self,
        response: http.client.HTTPResponse,
        part: Path,
        mode: str,
        done: int,
        total: int | None,
        on_bytes: Callable[[int, int | None], None] | None,
    ) -> None:
        with _local(part), part.open(mode) as file:
            for block in _blocks(response):
                file.write(block)
                done += len(block)
                if on_bytes:
                    on_bytes(done, total)
            file.flush()
            os.fsync(file.fileno())
        if total is not None and done != total:
            raise ConnectionError(f"{done} of {total} bytes came")

    def _check_room(self, folder: Path, needed: int | None) -> None:
        free = shutil.disk_usage(folder).free
        if needed and needed > free:
            raise DiskFull(
                f"{self.out} has {free / 1e6:.0f} MB free, and the result needs {needed / 1e6:.0f} MB. "
                f"Free some space and run `myspinbot fetch {self.job_id}`; the server keeps the file."
            )


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            block = response.read(BLOCK)
        except OSError as error:
            # Told apart from errors of our own disk, which are OSError too.
            raise ConnectionError(str(error) or type(error).__name__) from None
        if not block:
            return
        yield block


def prepare_folder(out: Path) -> None:
    """Make a folder for results and try it. Raises CannotSave or DiskFull."""
    with _local(out):
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".myspinbot-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()


def _place(part: Path, wanted: Path) -> Path:
    """Give a finished part its name, or the next free one: `clip.mp4`, `clip-1.mp4`."""
    number = 0
    while True:
        path = wanted if not number else wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        with _local(path):
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                number += 1
                continue
            part.replace(path)
            return path


@contextlib.contextmanager
def _local(path: Path) -> Generator[None]:
    """Errors of this machine's disk, in words."""
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"The disk that holds {path.parent} is full. Free some space; "
                "`myspinbot fetch` goes on where this stopped."
            ) from None
        raise CannotSave(f"{path} can't be written ({error.strerror}). Choose another folder with --out.") from None
