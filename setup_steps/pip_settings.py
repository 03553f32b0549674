"""The user's pip configuration (a company mirror, a certificate, a proxy), put into uv's words.

uv reads none of pip's settings; without this it would look elsewhere than the user told pip to look.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

from .talk import CommandError, call

OWN_UV_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")


def read_settings(python: Path) -> dict[str, str]:
    """pip's settings by option name (`index-url`); the environment ranks before the files, as in pip."""
    try:
        listing = call([python, "-m", "pip", "config", "list"], quiet=True, seconds=60)
    except CommandError:
        return {}
    return parse_settings(listing)


def parse_settings(listing: str) -> dict[str, str]:
    """Reads the lines of `pip config list`, such as `global.index-url='https://...'`."""
    ranked: dict[str, tuple[int, str]] = {}
    ranks = {"global": 0, "install": 1, ":env:": 2}
    for line in listing.splitlines():
        name, equals, quoted = line.partition("=")
        section, _, option = name.strip().partition(".")
        if not equals or section not in ranks:
            continue
        try:
            value = str(ast.literal_eval(quoted))
        except (ValueError, SyntaxError):
            value = quoted
        if ranks[section] >= ranked.get(option, (-1, ""))[0]:
            ranked[option] = (ranks[section], value)
    return {option: value for option, (_, value) in ranked.items()}


def offline(settings: dict[str, str]) -> bool:
    """Whether the user told pip to look in no index, only in find-links."""
    return settings.get("no-index", "").lower() in ("1", "true", "yes", "on")


def uv_arguments(settings: dict[str, str]) -> list[str]:
    """Options for `uv pip install` that say the same as pip's settings.

    Where the user has configured uv's own indexes, those are left alone.
    """
    arguments: list[str] = []
    for place in settings.get("find-links", "").split():
        arguments += ["--find-links", place]
    if offline(settings):
        arguments.append("--no-index")
    elif not any(os.environ.get(name) for name in OWN_UV_INDEX):
        if settings.get("index-url"):
            arguments += ["--default-index", settings["index-url"]]
        for index in settings.get("extra-index-url", "").split():
            arguments += ["--index", index]
    for host in settings.get("trusted-host", "").split():
        arguments += ["--allow-insecure-host", host]
    # pip takes the best version that any index has; uv would stop at the first index that knows the name.
    return [*arguments, "--index-strategy", "unsafe-best-match"]


def uv_environment(settings: dict[str, str]) -> dict[str, str]:
    """Variables for uv: certificates and proxy from pip's settings, unless the user has set them for uv."""
    variables: dict[str, str] = {}
    if settings.get("cert") and "SSL_CERT_FILE" not in os.environ:
        variables["SSL_CERT_FILE"] = settings["cert"]
    if settings.get("proxy"):
        proxy = settings["proxy"]
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        for name in ("HTTPS_PROXY", "HTTP_PROXY"):
            if name not in os.environ and name.lower() not in os.environ:
                variables[name] = proxy
    timeout = settings.get("timeout") or settings.get("default-timeout", "")
    if timeout.isdecimal() and "UV_HTTP_TIMEOUT" not in os.environ:
        variables["UV_HTTP_TIMEOUT"] = timeout
    return variables
