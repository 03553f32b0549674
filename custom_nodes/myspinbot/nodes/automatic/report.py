"""What the automatic stages took, and why: one list that goes from stage to stage and into the video.

As text it is JSON: [{"stage": "Speech", "used": "Speak (Draft)", "why": "...", "models": ["openf5", ...]}, ...].
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...comfyui.feedback import Notice
from .models import licence_remarks, with_needs


@dataclass(frozen=True)
class StageChoice:
    """One stage's choice.

    Attributes:
        used: The display name of the engine's node.
        why: A sentence; empty where nothing better was to be had.
        models: Their ids in `models.yaml`.
    """

    stage: str
    used: str
    why: str = ""
    models: Sequence[str] = field(default_factory=tuple)

    def notices(self) -> list[Notice]:
        """What the user is told: the choice, why nothing better was taken, and licences that aren't open."""
        told: list[Notice] = [{"level": "info", "text": f"Takes {self.used}."}]
        if self.why:
            told = [{"level": "warning", "text": f"Takes {self.used}. {self.why}"}]
        return [*told, *({"level": "warning", "text": text} for text in licence_remarks(self.models))]


def joined(before: str, taken: StageChoice) -> str:
    """`before`, as it came from the stages before, and this one's choice.

    Raises:
        ValueError: `before` isn't such a list.
    """
    entry = {key: value for key, value in asdict(taken).items() if value}
    if taken.models:
        entry["models"] = with_needs(taken.models)
    return json.dumps([*entries(before), entry], indent=1, ensure_ascii=False)


def entries(text: str) -> list[dict[str, Any]]:
    """The stages' choices; none in an empty text.

    Raises:
        ValueError: the text isn't such a list.
    """
    if not text.strip():
        return []
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(entry, dict) and "stage" in entry for entry in found):
        raise ValueError("`provenance` doesn't hold what the automatic stages say. Connect it to one of them.")
    return found


def models_of(found: Iterable[dict[str, Any]]) -> list[str]:
    """The ids of all models in `found`, each once."""
    return list(dict.fromkeys(str(key) for entry in found for key in entry.get("models", ())))
