# ruff: noqa: N818  (they are named after what happened)
"""One request to a file's address: proxies, redirects and tokens, and what the answer means."""

from __future__ import annotations

import email.utils
import http.client
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SECONDS = 30.0
BLOCK = 1 << 20
LONGEST_WAIT = 60.0
HUB = "https://huggingface.co"
# Answers that may be different a little later.
LATER = (408, 425, 429, 500, 502, 503, 504)


class Again(Exception):
    """This attempt failed, and the same address may work `wait` seconds later."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.why = why
        self.wait = min(wait, LONGEST_WAIT)


class Beyond(Again):
    """The server has no bytes from the asked one on: what is here may be all of it."""


class NotHere(Exception):
    """This address doesn't give the file."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Reply:
    """An answer whose body is still to be read.

    Attributes:
        start: Index of the first byte that comes.
        total: Size of the whole file, if the server tells.
        framed: A body that is cut is noticed even when `total` isn't known.
        tag: Names this version of the file, if the server has such names.
    """

    response: http.client.HTTPResponse
    start: int
    total: int | None
    framed: bool
    tag: str
    kind: str

    def blocks(self) -> Iterator[bytes]:
        """The body. Raises Again when the line drops."""
        while True:
            try:
                # Not read(): a slow line would keep the bytes back until the block is full.
                block = self.response.read1(BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise Again(f"the line dropped ({_why(error)})") from None
            if not block:
                return
            yield block


@contextmanager
def ask(url: str, start: int = 0, tag: str = "") -> Generator[Reply]:
    """Ask for a file from byte `start` on; `tag` is what must still be the case for that.

    Raises Again or NotHere. The server may ignore `start`: look at the reply's.
    """
    headers = {"User-Agent": "myspinbot", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if tag:
            headers["If-Range"] = tag
    url = _at_endpoint(url)
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  (the manifest allows http and https only)
    token = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN")
    if token and _site(url) == _site(_at_endpoint(HUB)):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        response: Any = urllib.request.build_opener(_Redirects).open(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error, start) from None
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise NotHere(f"its certificate isn't trusted ({reason.verify_message})") from None
        raise Again(_why(reason) if isinstance(reason, BaseException) else str(reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Again(_why(error)) from None
    with response:
        yield _reply(response, start)


def _reply(response: http.client.HTTPResponse, start: int) -> Reply:
    headers = response.headers
    tag = headers.get("ETag", "")
    tag = "" if tag.startswith("W/") else tag
    kind = headers.get_content_type() if "Content-Type" in headers else ""
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    if headers.get("Content-Encoding", "identity") != "identity":
        raise NotHere("it sends the file compressed though it was asked not to")
    if response.status == 206:
        first, total = _range(headers.get("Content-Range", ""))
        if first != start:
            raise Again("it sent another part than it was asked for")
        return Reply(response, start, total, chunked or total is not None, tag, kind)
    if response.status != 200:
        raise NotHere(f"it answered {response.status}")
    total = response.length if not chunked else None
    return Reply(response, 0, total, chunked or total is not None, tag, kind)


def _range(value: str) -> tuple[int | None, int | None]:
    """First byte and size of the whole file, from `bytes 5-9/10`."""
    try:
        span, _, total = value.removeprefix("bytes ").partition("/")
        return int(span.split("-")[0]), int(total) if total.strip() != "*" else None
    except ValueError:
        return None, None


def _refusal(error: urllib.error.HTTPError, start: int) -> Again | NotHere:
    if error.code == 416 and start:
        return Beyond("it has no more bytes, and what came isn't the file")
    if error.code in LATER:
        return Again(f"it answered {error.code}", _retry_after(error.headers.get("Retry-After")))
    if error.code in (401, 403):
        return NotHere(
            f"it answered {error.code}: the file is private, or its licence must be accepted on its page first; "
            "then put your token into the environment variable HF_TOKEN"
        )
    return NotHere(f"it answered {error.code}")


def _retry_after(value: str | None) -> float:
    if not value:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    date = email.utils.parsedate_tz(value)
    return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else 0.0


def _at_endpoint(url: str) -> str:
    """The address at the mirror that HF_ENDPOINT names, as Hugging Face's own programs do it."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return endpoint + url.removeprefix(HUB) if endpoint and url.startswith(HUB) else url


def _site(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and takes the token along only within its site."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.startswith("https:"):
            raise NotHere(f"it leads from https to {newurl.split('?')[0]}, which isn't safe")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and _site(req.full_url) != _site(newurl):
            request.remove_header("Authorization")
        return request


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"it was silent for {SECONDS:.0f} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
