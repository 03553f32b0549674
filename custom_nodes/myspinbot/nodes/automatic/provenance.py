"""What made a video: each automatic stage's choice and why, and the node that writes them into the video's file.

As text it is JSON: [{"stage": "Speech", "used": "Speak (Draft)", "why": "...", "models": ["openf5", ...]}, ...]. A
stage tells of itself alone, so that one can be run again without those beside it; the lists meet at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui.feedback import Notice
from ...comfyui.model_files import manifest
from ...comfyui.video_files import clip_path, new_clip
from ...shared.provenance import record
from .choices import licence_remarks, state, with_needs

PROVENANCE = io.String.Output("provenance", tooltip="What this stage took, and why, as JSON.")


class Choosing(io.ComfyNode):
    """An automatic stage: a node that chooses by the models that are there."""

    @classmethod
    @override
    def fingerprint_inputs(cls, **_: Any) -> str:
        """Which models are there, so that one that was fetched meanwhile is taken."""
        return state()


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

    def notices(self, *, expected: bool = False) -> list[Notice]:
        """What the user is told: the choice, why nothing better was taken, and licences that aren't open.

        A choice that was `expected`, as by a preset that promises no better one, is no warning.
        """
        level = "warning" if self.why and not expected else "info"
        choice: Notice = {"level": level, "text": f"Takes {self.used}. {self.why}".rstrip()}
        return [choice, *({"level": "warning", "text": text} for text in licence_remarks(self.models))]

    def append(self, *before: str) -> str:
        """The lists `before`, one after the other, and this choice; an entry that is in several of them once.

        Raises:
            ValueError: One of `before` isn't such a list.
        """
        entry = {key: value for key, value in asdict(self).items() if value}
        if self.models:
            entry["models"] = with_needs(self.models)
        return as_text([*entries(*before), entry])


def entries(*texts: str) -> list[dict[str, Any]]:
    """The stages' choices in lists, one after the other, each once; none in an empty text.

    Raises:
        ValueError: A text isn't such a list.
    """
    found: list[dict[str, Any]] = []
    for text in texts:
        found += [entry for entry in _read(text) if entry not in found]
    return found


def _read(text: str) -> list[dict[str, Any]]:
    if not text.strip():
        return []
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(entry, dict) and "stage" in entry for entry in found):
        raise ValueError("`provenance` doesn't hold what the automatic stages say. Connect it to one of them.")
    return found


def as_text(found: list[dict[str, Any]]) -> str:
    """The list as it travels along a wire."""
    return json.dumps(found, indent=1, ensure_ascii=False)


def models_of(found: Iterable[dict[str, Any]]) -> list[str]:
    """The ids of all models in `found`, each once."""
    return list(dict.fromkeys(str(key) for entry in found for key in entry.get("models", ())))


def in_file(path: Path) -> str:
    """What a video's file says made it; empty where it says nothing."""
    from ...media.remux import read_tags

    text = read_tags(path).get("provenance", "")
    try:
        return as_text(entries(text))
    except ValueError:
        return ""  # another program's


class WriteProvenance(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotWriteProvenance",
            display_name="Write Provenance",
            category="MySpinBot/Automatic",
            description="Writes into a video's file what made it: the engines, why they were taken, the models and "
            "their licences, after what the file says already. Save Video keeps it.",
            search_aliases=["metadata", "licence", "provenance", "credits"],
            inputs=[
                io.Video.Input("video", tooltip="The video; its pictures and sound stay as they are, bit for bit."),
                io.String.Input(
                    "provenance",
                    force_input=True,
                    tooltip="What an automatic stage took; for several stages, put one node behind the other.",
                ),
                io.String.Input(
                    "timings",
                    optional=True,
                    force_input=True,
                    tooltip="When each word is heard, from Speak; in the file, Subtitles finds it there.",
                ),
            ],
            outputs=[io.Video.Output("video", tooltip="The same video, with what made it in its metadata.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, video: Any, provenance: str, timings: str = ""
    ) -> io.NodeOutput:
        from ...media.remux import write_tags

        source = clip_path(video)
        given = entries(provenance)
        found = [*(entry for entry in entries(in_file(source)) if entry not in given), *given]
        models = [record(model) for model in manifest().named(models_of(found))]
        path = new_clip("provenance")
        tags = {"provenance": json.dumps(found), "models": json.dumps(models)}
        write_tags(source, path, tags | ({"timings": timings} if timings.strip() else {}))
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), ui={"provenance": found, "models": models})
