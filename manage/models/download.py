"""Fetches one file: resumed, hashed as it comes, and given its name only when it is whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myspinbot_runner.errors import BrokenModel, Cancelled, DiskFull, DownloadFailed
from myspinbot_shared.disk import format_size
from myspinbot_shared.manifest import Model

from ..disk import local
from .formats import flaw
from .hub import cached
from .source import BLOCK, Again, Beyond, NotHere, Reply, ask

ATTEMPTS = 6
PAUSE = 0.25
LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Got:
    """A file that is whole and in its place. `url` is empty when it was there already."""

    path: Path
    sha256: str
    bytes: int
    url: str


class Download:
    """One model on its way to `target`.

    `sha256` and `bytes` are what it must have, where known. `on_bytes(done, total)` is called as it grows, with
    a smaller `done` when it starts over, and `on_note(text)` when something is worth telling. `stop` ends it.
    """

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
    ) -> None:
        self.model = model
        self.target = target
        self.sha256 = sha256
        self.bytes = bytes
        self.replace = replace
        self.on_bytes = on_bytes
        self.on_note = on_note
        self.stop = stop or threading.Event()
        self.part = target.with_name(f".{target.name}.part")
        self._about = target.with_name(f".{target.name}.part.json")
        self._digest = hashlib.sha256()
        self._digested = 0

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

        lock, told = FileLock(guard), False
        with local(guard):
            while True:
                try:
                    lock.acquire(timeout=0.2)
                    break
                except Timeout:
                    self._check_stop()
                    if not told:
                        self.on_note("Another program fetches this file; waiting for it.")
                        told = True
        try:
            yield
        finally:
            # Before the release: whoever waits sees then that its file has gone, and makes a new one.
            with contextlib.suppress(OSError):
                guard.unlink()
            lock.release()

    def _present(self) -> Got | None:
        """The file that is in its place already, if it is right; a wrong one is left there unless told."""
        if not self.target.exists():
            return None
        wrong = flaw(self.target, self.model.format, self.bytes)
        if not wrong:
            self._digest_file(self.target)
            found = self._digest.hexdigest()
            if not self.sha256 or found == self.sha256:
                return Got(self.target, found, self._digested, "")
            wrong = f"its sha256 is {found} and should be {self.sha256}"
        if self.replace:
            return None
        raise BrokenModel(
            f"{self.target} is there already, but {wrong}. Nothing was changed. "
            f"`myspinbot models get {self.model.id} --replace` fetches it anew."
        )

    def _from_cache(self) -> Got | None:
        """The file from the cache of Hugging Face's own programs, if it is there and known to be right."""
        for url in self.model.urls if self.sha256 else ():
            source = cached(url)
            if source is None or (self.bytes is not None and source.stat().st_size != self.bytes):
                continue
            self._digest_file(source)
            if self._digest.hexdigest() != self.sha256:
                continue
            self.on_note(f"StageChoice from {source}.")
            with local(self.part):
                self.part.unlink(missing_ok=True)
                try:
                    os.link(source.resolve(), self.part)
                except OSError:
                    shutil.copyfile(source, self.part)
            return self._place(url)
        return None

    def _from_addresses(self) -> Got:
        reasons: list[str] = []
        for url in self.model.urls:
            try:
                self._insist(url)
                return self._place(url)
            except (NotHere, Again) as error:
                reasons.append(f"{url}: {error.why}")
                if url != self.model.urls[-1]:
                    self.on_note(f"{url}: {error.why}. Trying the next address.")
        hint = f" Its page is {self.model.page}." if self.model.page else ""
        if self.sha256 and not self.model.sha256:
            hint += f" `myspinbot models rm {self.model.id}` forgets the hash that it had when it was fetched before."
        raise DownloadFailed(f"{self.model.name} couldn't be fetched.{hint}\n  " + "\n  ".join(reasons))

    def _insist(self, url: str) -> None:
        """Try one address until the file is whole, as long as it brings something new now and then."""
        furthest, failures = self._size(), 0
        while True:
            try:
                self._attempt(url)
                return
            except Again as error:
                reached = self._size()
                failures = 1 if reached > furthest else failures + 1
                furthest = max(furthest, reached)
                if failures >= ATTEMPTS:
                    raise
                wait = error.wait or min(PAUSE * 2**failures, LONGEST_PAUSE)
                if wait >= 5:
                    self.on_note(f"{error.why}; trying again in {wait:.0f} s.".capitalize())
                if self.stop.wait(wait):
                    self._check_stop()

    def _attempt(self, url: str) -> None:
        done, tag = self._resumable(url)
        if self.bytes is None or done != self.bytes:
            try:
                with ask(url, done, tag) as reply:
                    self._check(reply)
                    self._receive(reply, url)
            except Beyond:
                if not self.sha256:
                    self._start_over()
                    raise
        wrong = self._wrong()
        if wrong:
            self._start_over()
            # A part from another time may be to blame; what came in one piece is the server's own fault.
            raise Again(wrong) if done else NotHere(wrong)

    def _check(self, reply: Reply) -> None:
        """Refuse at once what can't become the file."""
        if reply.kind == "text/html":
            raise NotHere("it answers with a web page")
        if reply.total is not None and self.bytes is not None and reply.total != self.bytes:
            raise NotHere(f"it has another file, of {reply.total} bytes instead of {self.bytes}")
        if not reply.framed and self.bytes is None and self.sha256 is None:
            raise NotHere("it doesn't say how long the file is, so nobody could tell whether it came whole")
        total = reply.total or self.bytes
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and total - reply.start > free:
            raise DiskFull(
                f"{self.part.parent} has {format_size(free)} free, and {self.model.name} needs "
                f"{format_size(total - reply.start)} more. Free some space and run this again."
            )

    def _receive(self, reply: Reply, url: str) -> None:
        total, done = reply.total or self.bytes, reply.start
        with local(self.part):
            if not done:
                self._start_over()
            elif self._digested != done:
                self._digest_file(self.part)
            self._about.write_text(json.dumps({"url": url, "tag": reply.tag}), encoding="utf-8")
            with self.part.open("ab" if done else "wb") as file:
                for block in reply.blocks():
                    self._check_stop()
                    file.write(block)
                    self._digest.update(block)
                    done += len(block)
                    self._digested = done
                    self.on_bytes(done, total)
                    if total is not None and done > total:
                        break
                file.flush()
                os.fsync(file.fileno())
        if total is not None and done < total:
            raise Again(f"the line dropped after {done} of {total} bytes")

    def _wrong(self) -> str | None:
        """What is wrong with the part now that it seems whole."""
        done = self._size()
        if self.bytes is not None and done != self.bytes:
            return f"it sent {done} bytes instead of {self.bytes}"
        if self._digested != done:
            self._digest_file(self.part)
        found = self._digest.hexdigest()
        if self.sha256:
            return None if found == self.sha256 else f"what it sent has the sha256 {found} instead of {self.sha256}"
        return flaw(self.part, self.model.format)

    def _resumable(self, url: str) -> tuple[int, str]:
        """How many bytes are there to go on from, and the tag that must be unchanged for it."""
        done = self._size()
        if not done:
            return 0, ""
        about = self._read_about()
        same = about.get("url") == url
        tag = str(about.get("tag") or "") if same else ""
        # Without a hash only the server can tell that the part belongs to the file that it has now.
        if (self.sha256 or (same and tag)) and (self.bytes is None or done <= self.bytes):
            return done, tag
        self._start_over()
        return 0, ""

    def _read_about(self) -> dict[str, Any]:
        try:
            content = json.loads(self._about.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _start_over(self) -> None:
        self.part.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)
        self._digest, self._digested = hashlib.sha256(), 0

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _digest_file(self, path: Path) -> None:
        self._digest, self._digested = hashlib.sha256(), 0
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                self._check_stop()
                self._digest.update(block)
                self._digested += len(block)

    def _place(self, url: str) -> Got:
        with local(self.target):
            self.part.replace(self.target)
            self._about.unlink(missing_ok=True)
        return Got(self.target, self._digest.hexdigest(), self._digested, url)

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise Cancelled("Stopped. The same command goes on where this ended.")
