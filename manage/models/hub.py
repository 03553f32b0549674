"""Files that Hugging Face's own programs have fetched before."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

from .source import HUB

_ADDRESS = re.compile(rf"{re.escape(HUB)}/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


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
