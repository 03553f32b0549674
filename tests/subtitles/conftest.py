"""The pack without ComfyUI, as in tests/head."""

from __future__ import annotations

import tests.engines  # noqa: F401
