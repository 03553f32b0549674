"""A job's results: which files and texts there are, and how the files come to this disk, never over another."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import urllib.parse
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .api import Api
from .errors import CannotSave, DiskFull
from .http import ConnectionLost, ReadTimeout
from .transfer import Reply, SourceError, Transfer, TransientError, read_reply, resume_headers

FULL = (errno.ENOSPC, errno.EDQUOT)
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³]) *(\..*)?", re.IGNORECASE)


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
    wanted = [remote for remote in found if remote.type == "output" or previews]
    return wanted or [remote for remote in found if remote.type == "temp"]


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
    return f"_{stem}{suffix}" if RESERVED.fullmatch(name) else stem + suffix


class Download:
    """Saves a job's files into one folder."""

    def __init__(self, api: Api, out: Path, job_id: str) -> None:
        self.api = api
        self.out = out
        self.job_id = job_id

    def save(self, remote: Remote, on_bytes: Callable[[int, int | None], None] | None = None) -> Path:
        """Download one file; what came of it before is gone on with.

        Args:
            remote: The file on the server.
            on_bytes: Called with done and total as it grows; the total is None while nobody knows.

        Returns:
            Where it is: below the folder by its own name, or the next free one.

        Raises:
            CannotSave: When the server no longer has it, or it can't be written.
            DiskFull: When there is no room.
        """
        relative = safe_path(remote)
        folder = (self.out / relative).parent
        with _local(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not folder.resolve().is_relative_to(self.out.resolve()):
                raise CannotSave(f"{folder} leads out of {self.out} through a link, so nothing is saved there.")
        key = hashlib.sha256(f"{self.job_id}\0{remote.query}".encode()).hexdigest()[:8]
        transfer = Transfer(
            folder / f".{relative.name}.{key}.part",
            disk=_local,
            check_room=lambda needed: self._check_room(folder, needed),
            hashing=False,
            on_bytes=on_bytes or (lambda done, total: None),
        )
        try:
            transfer.fetch(lambda start, tag: self._open(remote, start, tag), remote.query)
        except SourceError as error:
            raise CannotSave(
                f"The server doesn't give out {remote.filename!r} ({error.why}). Temporary files go when it restarts."
            ) from None
        except TransientError as error:
            raise CannotSave(
                f"{remote.filename} couldn't be downloaded ({error.why}). "
                f"`myspinbot fetch {self.job_id}` goes on where this stopped."
            ) from None
        return _place(transfer, folder / relative.name)

    @contextlib.contextmanager
    def _open(self, remote: Remote, start: int, tag: str) -> Generator[Reply]:
        try:
            with self.api.http.open("GET", remote.query, headers=resume_headers(start, tag)) as response:
                reply = read_reply(response, start)
                if reply.kind == "text/html" and not remote.filename.lower().endswith((".html", ".htm")):
                    raise SourceError("it sends a web page in place of the file")
                yield reply
        except ConnectionLost as error:
            raise TransientError(error.message, error.wait) from None
        except ReadTimeout as error:
            raise TransientError(error.message) from None

    def _check_room(self, folder: Path, needed: int) -> None:
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise DiskFull(
                f"{self.out} has {free / 1e6:.0f} MB free, and the result needs {needed / 1e6:.0f} MB. "
                f"Free some space and run `myspinbot fetch {self.job_id}`; the server keeps the file."
            )


def prepare_folder(out: Path) -> None:
    """Make a folder for results and try it. Raises CannotSave or DiskFull."""
    with _local(out):
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".myspinbot-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()


def _place(transfer: Transfer, wanted: Path) -> Path:
    """Give a whole file its name, or the next free one: `clip.mp4`, `clip-1.mp4`."""
    number = 0
    while True:
        path = wanted if not number else wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        with _local(path):
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                number += 1
                continue
        transfer.place(path)
        return path


@contextlib.contextmanager
def _local(path: Path) -> Generator[None]:
    """Errors of this machine's disk, in words."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"The disk that holds {path.parent} is full. Free some space; "
                "`myspinbot fetch` goes on where this stopped."
            ) from None
        raise CannotSave(f"{path} can't be written ({error.strerror}). Choose another folder with --out.") from None
