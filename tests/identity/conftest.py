"""Training sets for the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runner.helpers import tag

from . import portraits


@pytest.fixture
def pictures(server) -> Callable[..., str]:
    """Call it with a number of pictures for the name of a new folder with them in the server's input folder."""

    def write(count: int = 5, **options) -> str:
        name = f"person-{tag()}"
        portraits.write(Path(server.base_directory) / "input" / name, count, **options)
        return name

    return write
