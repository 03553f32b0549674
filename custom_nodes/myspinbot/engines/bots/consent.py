"""The statement of consent that a weight file carries."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...shared.bots import BotError


def consent_in(path: Path) -> str:
    """The statement of consent in the header of a safetensors file; empty where there is none.

    Raises:
        BotError: It is no whole safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            notes: Mapping[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise BotError(f"{path.name} is no whole safetensors file.") from error
    for note in notes.values():
        try:
            facts: Any = json.loads(note)
        except ValueError:
            continue
        if isinstance(facts, dict) and isinstance(facts.get("consent"), str) and facts["consent"]:
            return facts["consent"][:1000]
    return ""
