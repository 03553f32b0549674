"""Trained weights for the tests marked `real`, fetched once into this user's cache as a user would fetch them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from myspinbot_manage.models.get import Fetcher, plan
from myspinbot_manage.models.manifest import load
from myspinbot_manage.models.places import places
from myspinbot_manage.models.store import Store
from myspinbot_runner.errors import RunnerError

ATTEMPTS = 3
Weights = Callable[..., Path]


def cache() -> Path:
    """The models folder that they are kept in, the same for all clones."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "myspinbot" / "models"


def fetch(*names: str) -> Path:
    """Have the files that ids of `models.yaml` stand for, with what they need; returns the models folder.

    Raises:
        RunnerError: They can't be fetched.
    """
    manifest, store = load(), Store(places(None, models=cache()))
    models = manifest.choose(names)
    for attempt in range(ATTEMPTS):
        fetcher = Fetcher(store, plan(store, models).wanted, replace=True, packages=manifest.packages)
        for _ in fetcher.events():
            pass
        try:
            fetcher.raise_failures()
            return cache()
        except RunnerError:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(5 * 2**attempt)
            store.refresh()
    return cache()


@pytest.fixture(scope="session")
def weights() -> Weights:
    """Call it with ids of `models.yaml` for a models folder that has them: who asks for it is marked `real`."""
    from tests.conftest import missing

    def have(*names: str) -> Path:
        try:
            return fetch(*names)
        except RunnerError as error:
            missing(f"The weights {', '.join(names)} can't be fetched: {error}")
            raise

    return have
