"""The programs around: whether ComfyUI has our nodes, and what Ollama serves."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from myspinbot_runner.errors import RunnerError
from myspinbot_runner.http import Http
from myspinbot_shared.provenance import NODE_PREFIX
from myspinbot_shared.selection import OLLAMA


@dataclass(frozen=True)
class Ollama:
    """Ollama's address, and the models that it has; `models` is None when it doesn't answer."""

    url: str
    models: tuple[str, ...] | None


def ask_ollama(url: str | None = None) -> Ollama:
    """Ask the server at `url`, or at OLLAMA_HOST, or at the usual address."""
    address = url or os.environ.get("OLLAMA_HOST") or OLLAMA
    if "://" not in address:
        address = f"http://{address}" if ":" in address else f"http://{address}:11434"
    address = address.replace("://0.0.0.0", "://127.0.0.1")
    try:
        raw = Http(address).ask("GET", "/api/tags", timeout=5).json()
    except RunnerError:
        return Ollama(address, None)
    listed = raw.get("models") if isinstance(raw, Mapping) else None
    if not isinstance(listed, list):
        return Ollama(address, None)
    return Ollama(address, tuple(str(item.get("name")) for item in listed if isinstance(item, Mapping)))


def serves(ollama: Ollama, name: str) -> bool:
    """Whether Ollama has a model; one without a tag is its `latest`."""
    wanted = name if ":" in name else f"{name}:latest"
    return wanted in (ollama.models or ())


def why_not_loaded(object_info: Mapping[str, Any], log: str) -> str | None:
    """Why the server doesn't have our nodes, from its log; None when it has them."""
    if any(name.startswith(NODE_PREFIX) for name in object_info):
        return None
    lines = log.splitlines()
    for index, line in enumerate(lines):
        if re.search(r"cannot import .*myspinbot.* module for custom nodes", line, re.IGNORECASE):
            return f"it couldn't be imported: {line.rsplit('custom nodes:', 1)[-1].strip()}"
        if re.search(r"error while calling comfy_entrypoint in .*myspinbot", line, re.IGNORECASE):
            return f"it failed when it was loaded: {line.rsplit(':', 1)[-1].strip()}"
        if "IMPORT FAILED" in line and "myspinbot" in line.lower():
            causes = [text for text in lines[:index] if re.match(r"\w*(Error|Exception)\b", text)]
            return f"it couldn't be imported: {causes[-1] if causes else 'see the log of ComfyUI'}"
    return "it isn't in ComfyUI's custom_nodes folder. Run `python3 install.py` in the MySpinBot folder"
