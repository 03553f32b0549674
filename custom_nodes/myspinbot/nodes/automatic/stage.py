"""What the automatic stages have in common: the sockets between them, and when they choose anew."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from .models import state

PRESET = io.String.Input("preset", optional=True, force_input=True, tooltip="From Preset; auto without it.")
PROVENANCE = io.String.Input("provenance", optional=True, force_input=True, tooltip="What the stages before took.")
TOLD = io.String.Output("provenance", tooltip="What this stage and those before took, and why, as JSON.")


class Choosing(io.ComfyNode):
    """A node that chooses by the models that are there."""

    @classmethod
    @override
    def fingerprint_inputs(cls, **_: Any) -> str:
        """Which models are there, so that one that was fetched meanwhile is taken."""
        return state()
