"""Addresses at Hugging Face: its mirrors, tokens, and what its own programs have fetched before.

`huggingface_hub` is asked for what it knows of this machine, where it is installed. It doesn't fetch: it throws a part
away when a download ends early (its version 2.4 does), and models are large.
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from myspinbot_runner.transfer import Reply, SourceError, open_url, site

HUB = "https://huggingface.co"
_ADDRESS = re.compile(rf"{re.escape(HUB)}/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


@contextmanager
def ask(url: str, start: int = 0, tag: str = "") -> Generator[Reply]:
    """Ask for a model file from byte `start` on. Raises SourceError or TransientError, as `open_url` does."""
    url = _at_endpoint(url)
    at_hub = site(url) == site(_at_endpoint(HUB))
    key = token() if at_hub else ""
    try:
        with open_url(url, start, tag, {"Authorization": f"Bearer {key}"} if key else {}) as reply:
            if reply.kind == "text/html":
                raise SourceError("it answers with a web page")
            yield reply
    except SourceError as error:
        if error.status not in (401, 403) or not at_hub:
            raise
        raise SourceError(
            f"{error.why}: the file is private, or its licence must be accepted on its page first; "
            "then run `hf auth login`, or put your token into the environment variable HF_TOKEN"
        ) from None


def token() -> str:
    """The user's token: the environment's, or that of `hf auth login`; empty when there is none."""
    given = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN")
    if given:
        return given
    try:
        from huggingface_hub.utils import build_hf_headers
    except ImportError:
        return ""
    # This one looks at the user's settings too, which may say that the token isn't to be sent.
    return build_hf_headers().get("authorization", "").removeprefix("Bearer ")


def cached(url: str) -> Path | None:
    """Where the file of an address lies in the cache of `huggingface_hub`; None without it or the file."""
    match = _ADDRESS.fullmatch(url)
    if not match:
        return None
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    file = urllib.parse.unquote(match["file"])
    found = try_to_load_from_cache(match["repo"], file, revision=match["revision"])
    return Path(found) if isinstance(found, str) and Path(found).is_file() else None


def _at_endpoint(url: str) -> str:
    """The address at the mirror that HF_ENDPOINT names, as Hugging Face's own programs do it."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return endpoint + url.removeprefix(HUB) if endpoint and url.startswith(HUB) else url
