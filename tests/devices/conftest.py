"""One thread of PyTorch for the tests of this folder."""

from __future__ import annotations

from tests.engines import one_thread  # noqa: F401
