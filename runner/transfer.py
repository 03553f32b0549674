"""Brings one file to this disk: in a part file that later attempts go on with, checked, and named when it is whole."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import Cancelled
from .http import retry_after

SECONDS = 30.0
BLOCK = 1 << 20
ATTEMPTS = 6
PAUSE = 0.25
LONGEST_PAUSE = 10.0
LONGEST_WAIT = 60.0
# Answers that may be different a little later.
LATER = (408, 425, 429, 500, 502, 503, 504)


class SourceError(Exception):
    """A source doesn't give the file. `status` is that of its answer, 0 when there was none or it isn't to blame."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


class TransientError(Exception):
    """An attempt failed, and the same source may work `wait` seconds later."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.why = why
        self.wait = min(wait, LONGEST_WAIT)


class BeyondEndError(TransientError):
    """The source has no bytes from the asked one on: what is here may be all of it."""


@dataclass(frozen=True)
class Reply:
    """An answer whose body is still to be read.

    Attributes:
        start: Index of the first byte that comes.
        total: Size of the whole file, if the server tells.
        framed: A body that is cut is noticed even when `total` isn't known.
        tag: Names this version of the file, if the server has such names.
        kind: Its content type, if the server tells.
    """

    response: http.client.HTTPResponse
    start: int
    total: int | None
    framed: bool
    tag: str
    kind: str

    def blocks(self) -> Iterator[bytes]:
        """The body. Raises TransientError when the line drops."""
        while True:
            try:
                # Not read(): a slow line would keep the bytes back until the block is full.
                block = self.response.read1(BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise TransientError(f"the line dropped ({_why(error)})") from None
            if not block:
                return
            yield block


Source = Callable[[int, str], AbstractContextManager[Reply]]
"""Asks for the file from a byte on, if the file is still the one with a tag (empty: whichever it is)."""


def resume_headers(start: int, tag: str) -> dict[str, str]:
    """The headers that ask for a file from byte `start` on, as it comes and not compressed."""
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if tag:
            headers["If-Range"] = tag
    return headers


def read_reply(response: http.client.HTTPResponse, start: int) -> Reply:
    """What an answer means to one who asked from byte `start` on. Raises SourceError or TransientError."""
    headers, status = response.headers, response.status
    tag = headers.get("ETag", "")
    tag = "" if tag.startswith("W/") else tag
    kind = headers.get_content_type() if "Content-Type" in headers else ""
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    if status == 416 and start:
        raise BeyondEndError("it has no more bytes, and what came isn't the file")
    if status in LATER:
        raise TransientError(f"it answered {status}", retry_after(headers.get("Retry-After")))
    if status not in (200, 206):
        raise SourceError(f"it answered {status}", status)
    if headers.get("Content-Encoding", "identity") != "identity":
        raise SourceError("it sends the file compressed though it was asked not to")
    if status == 206:
        first, total = _range(headers.get("Content-Range", ""))
        if first != start:
            raise TransientError("it sent another part than it was asked for")
        return Reply(response, start, total, chunked or total is not None, tag, kind)
    total = response.length if not chunked else None
    return Reply(response, 0, total, chunked or total is not None, tag, kind)


@contextmanager
def open_url(url: str, start: int = 0, tag: str = "", headers: Mapping[str, str] | None = None) -> Generator[Reply]:
    """Ask a web address for a file, by the proxies of the environment and over redirects.

    Args:
        url: The address, http or https.
        start: The byte to begin with; the server may ignore it, so look at the reply's.
        tag: What must still be the case for that.
        headers: Further ones. `Authorization` is sent to no other site.

    Raises:
        SourceError: When the address doesn't give the file.
        TransientError: When it may do so later.
    """
    sent = {"User-Agent": "myspinbot", **resume_headers(start, tag), **(headers or {})}
    request = urllib.request.Request(url, headers=sent)  # noqa: S310  (who calls it knows the address)
    try:
        response: Any = urllib.request.build_opener(_Redirects).open(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        response = error
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise SourceError(f"its certificate isn't trusted ({reason.verify_message})") from None
        raise TransientError(_why(reason) if isinstance(reason, BaseException) else str(reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise TransientError(_why(error)) from None
    with response:
        yield read_reply(response, start)


def site(url: str) -> tuple[str, str]:
    """Scheme, host and port of an address."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and takes a token along only within its site."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.startswith("https:"):
            raise SourceError(f"it leads from https to {newurl.split('?')[0]}, which isn't safe")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and site(req.full_url) != site(newurl):
            request.remove_header("Authorization")
        return request


class Transfer:
    """One file on its way into a part file, from one source or from several one after another."""

    def __init__(
        self,
        part: Path,
        *,
        disk: Callable[[Path], AbstractContextManager[None]],
        check_room: Callable[[int], None] = lambda needed: None,
        sha256: str | None = None,
        bytes: int | None = None,
        hashing: bool = True,
        flaw: Callable[[Path], str | None] = lambda path: None,
        on_bytes: Callable[[int, int | None], None] = lambda done, total: None,
        on_note: Callable[[str], None] = lambda text: None,
        stop: threading.Event | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        """Nothing happens yet.

        Args:
            part: Where the bytes go; beside it `.json` records which version of the file they are from.
            disk: In its block an error of this disk becomes one for the user.
            check_room: Called with the bytes still to come, once they are known; raises when there is no room.
            sha256: What the file must have, where known.
            bytes: The size that it must have, where known.
            hashing: Compute its hash as it comes; off, `sha256` isn't looked at.
            flaw: What is wrong with a file that came whole but of which no hash is known.
            on_bytes: Called with done and total as it grows, with a smaller `done` when it starts over.
            on_note: Called with a text when something is worth telling.
            stop: Ends it with Cancelled; what has come stays.
            attempts: So many may follow one another without bringing anything new.
        """
        self.part = part
        self.record = part.with_name(f"{part.name}.json")
        self.disk = disk
        self.check_room = check_room
        self.sha256 = sha256 if hashing else None
        self.bytes = bytes
        self.hashing = hashing
        self.flaw = flaw
        self.on_bytes = on_bytes
        self.on_note = on_note
        self.stop = stop or threading.Event()
        self.attempts = attempts
        self._digest = hashlib.sha256()
        self._digested = 0

    @property
    def size(self) -> int:
        """How many bytes are here."""
        return self.part.stat().st_size if self.part.is_file() else 0

    @property
    def part_sha256(self) -> str:
        """The hash of the part, once it is whole."""
        return self._digest.hexdigest()

    def fetch(self, source: Source, name: str) -> None:
        """Try one source until the part is whole, as long as it brings something new now and then.

        Args:
            source: Asks for the file.
            name: Of the source, such as its address. A part from another one is only continued when a hash is known.

        Raises:
            SourceError: When it doesn't give the file.
            TransientError: When it brought nothing new for several attempts.
            Cancelled: When it was stopped.
        """
        furthest, failures = self.size, 0
        while True:
            try:
                self._attempt(source, name)
                return
            except TransientError as error:
                reached = self.size
                failures = 1 if reached > furthest else failures + 1
                furthest = max(furthest, reached)
                if failures >= self.attempts:
                    raise
                wait = error.wait or min(PAUSE * 2**failures, LONGEST_PAUSE)
                if wait >= 5:
                    self.on_note(f"{error.why}; trying again in {wait:.0f} s.".capitalize())
                if self.stop.wait(wait):
                    self.check_stop()

    def place(self, target: Path) -> None:
        """Give the whole part its name, in place of what is there."""
        with self.disk(target):
            self.part.replace(target)
            self.record.unlink(missing_ok=True)

    def check_stop(self) -> None:
        """Raises Cancelled once it was stopped."""
        if self.stop.is_set():
            raise Cancelled("Stopped. The same command goes on where this ended.")

    def _read_part(self) -> None:
        self._digest, self._digested = hashlib.sha256(), 0
        with self.part.open("rb") as file:
            while block := file.read(BLOCK):
                self.check_stop()
                self._digest.update(block)
                self._digested += len(block)

    def _attempt(self, source: Source, name: str) -> None:
        done, tag = self._resumable(name)
        if self.bytes is None or done != self.bytes:
            if done and not self.sha256 and self._whole(source, done, tag):
                return
            try:
                with source(done, tag) as reply:
                    self._check(reply, tag)
                    self._receive(reply, name)
            except BeyondEndError:
                if not self.sha256:
                    self._start_over()
                    raise
        wrong = self._wrong()
        if wrong:
            self._start_over()
            # A part from another time may be to blame; what came in one piece is the server's own fault.
            raise TransientError(wrong) if done else SourceError(wrong)

    def _whole(self, source: Source, done: int, tag: str) -> bool:
        """Whether a part of unknown size is all of the file that the source has now."""
        if self._read_record().get("total") != done:
            return False
        with source(0, "") as reply:
            if reply.tag != tag or reply.total != done:
                self._start_over()
                raise TransientError("it has another version of the file now")
        return self._wrong() is None

    def _check(self, reply: Reply, tag: str) -> None:
        """Refuse at once what can't become the file."""
        if reply.total is not None and self.bytes is not None and reply.total != self.bytes:
            raise SourceError(f"it has another file, of {reply.total} bytes instead of {self.bytes}")
        if not reply.framed and self.bytes is None and self.sha256 is None:
            raise SourceError("it doesn't say how long the file is, so nobody could tell whether it came whole")
        if reply.start and not self.sha256 and reply.tag and reply.tag != tag:
            # Some servers look at no tag when they are asked for a part.
            self._start_over()
            raise TransientError("it has another version of the file now")
        total = reply.total or self.bytes
        if total is not None:
            self.check_room(total - reply.start)

    def _receive(self, reply: Reply, name: str) -> None:
        total, done = reply.total or self.bytes, reply.start
        with self.disk(self.part):
            if not done:
                self._start_over()
            elif self.hashing and self._digested != done:
                self._read_part()
            record = {"url": name, "tag": reply.tag, "total": reply.total}
            self.record.write_text(json.dumps(record), encoding="utf-8")
            with self.part.open("ab" if done else "wb") as file:
                for block in reply.blocks():
                    self.check_stop()
                    file.write(block)
                    if self.hashing:
                        self._digest.update(block)
                    done += len(block)
                    self._digested = done
                    self.on_bytes(done, total)
                    if total is not None and done > total:
                        break
                file.flush()
                os.fsync(file.fileno())
        if total is not None and done < total:
            raise TransientError(f"the line dropped after {done} of {total} bytes")
        if total is not None and done > total and not self.sha256:
            self._start_over()
            raise TransientError(f"it sent more than the {total} bytes of the file")

    def _wrong(self) -> str | None:
        """What is wrong with the part now that it seems whole."""
        done = self.size
        if self.bytes is not None and done != self.bytes:
            return f"it sent {done} bytes instead of {self.bytes}"
        if self.hashing and self._digested != done:
            self._read_part()
        if self.sha256:
            found = self.part_sha256
            return None if found == self.sha256 else f"what it sent has the sha256 {found} instead of {self.sha256}"
        return self.flaw(self.part)

    def _resumable(self, name: str) -> tuple[int, str]:
        """How many bytes are there to go on from, and the tag that must be unchanged for it."""
        done = self.size
        if not done:
            return 0, ""
        record = self._read_record()
        same = record.get("url") == name
        tag = str(record.get("tag") or "") if same else ""
        # Without a hash only the server can tell that the part belongs to the file that it has now.
        if (self.sha256 or (same and tag)) and (self.bytes is None or done <= self.bytes):
            return done, tag
        self._start_over()
        return 0, ""

    def _read_record(self) -> dict[str, Any]:
        try:
            content = json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _start_over(self) -> None:
        self.part.unlink(missing_ok=True)
        self.record.unlink(missing_ok=True)
        self._digest, self._digested = hashlib.sha256(), 0


def _range(value: str) -> tuple[int | None, int | None]:
    """First byte and size of the whole file, from `bytes 5-9/10`."""
    try:
        span, _, total = value.removeprefix("bytes ").partition("/")
        return int(span.split("-")[0]), int(total) if total.strip() != "*" else None
    except ValueError:
        return None, None


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"it was silent for {SECONDS:.0f} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
