"""Models in miniature for all of the speech tests, and the reference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engines import one_thread  # noqa: F401
from tests.miniatures import f5 as miniature

from .reference import reference  # noqa: F401


@dataclass(frozen=True)
class Files:
    model: Path
    vocoder: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("f5")
    return Files(miniature.write_model(folder / "F5TTS_v1_Base"), miniature.write_vocoder(folder / "vocos"))


@pytest.fixture(scope="session")
def vocabulary(files: Files) -> Any:
    from myspinbot.engines.speech.f5.checkpoint import load_vocabulary

    return load_vocabulary(files.model.with_name("vocab.txt"))


@pytest.fixture(scope="session")
def model(files: Files, vocabulary: Any) -> Any:
    from myspinbot.engines.speech.f5.checkpoint import load_model

    return load_model(files.model, vocabulary)


@pytest.fixture(scope="session")
def spoken() -> tuple[np.ndarray, str]:
    """A reference: four seconds of speech (T,) at 24 kHz, and its words."""
    from myspinbot.engines.speech import espeak
    from myspinbot.engines.speech.f5.mel import resample

    words = "The quick brown fox jumps over the lazy dog, and goes home."
    speech = espeak.speak(words)
    return resample(torch.from_numpy(speech.samples), speech.sample_rate).numpy(), words
