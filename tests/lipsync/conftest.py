"""The engines without ComfyUI, as in tests/head."""

from __future__ import annotations

from tests.engines import one_thread  # noqa: F401
