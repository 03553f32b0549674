"""Speak (Kokoro) on a real server, with the model in miniature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from myspinbot_runner import Client
from myspinbot_runner.errors import MissingModel, NodeFailed
from tests.miniatures import kokoro as miniature


@pytest.fixture(scope="module")
def folder(server: Any) -> Iterator[Path]:
    """Kokoro's folder with the model and one voice; other tests' servers have none."""
    folder = Path(server.base_directory) / "models" / "TTS" / "Kokoro"
    files = [
        miniature.write_model(folder / "kokoro-v1.0.int8.onnx"),
        miniature.write_voice(folder / "voices" / "af_heart.bin"),
        miniature.write_voice(folder / "voices" / "my own.bin"),
    ]
    yield folder
    for file in files:
        file.unlink()


def graph(**changes: Any) -> dict[str, Any]:
    given = {"text": "Hello there.", "voice": "auto", "language": "auto", "speed": 1.0, "loudness": -16.0}
    given |= {"model": "Kokoro/kokoro-v1.0.int8.onnx"}
    return {
        "1": {"class_type": "MySpinBotSpeakKokoro", "inputs": given | changes},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 1]}},
        "3": {"class_type": "PreviewAudio", "inputs": {"audio": ["1", 0]}},
    }


def run(server: Any, **changes: Any) -> Any:
    return Client(server.url).submit(graph(**changes)).result()


@pytest.mark.parametrize("voice", ["auto", "my own"])
def test_text_becomes_speech_with_its_words(server: Any, folder: Path, voice: str) -> None:
    result = run(server, voice=voice)
    timings = json.loads(result.texts["2"][0])
    assert [word["text"] for word in timings["words"]] == ["Hello", "there"]
    assert timings["text"] == "Hello there."
    said = ["The voice is af_heart."] if voice == "auto" else []
    assert [notice.text for notice in result.notices] == said


def test_a_voice_with_an_accent_is_said(server: Any, folder: Path) -> None:
    (notice,) = run(server, voice="af_heart", language="it", text="Ciao, amico.").notices
    assert notice.text.startswith("The voice af_heart is at home in English and reads Italian")


def test_a_voice_that_is_missing_is_named_with_what_fetches_it(server: Any, folder: Path) -> None:
    with pytest.raises(MissingModel, match=r"Kokoro's voice ef_dora is missing.*`myspinbot models get kokoro-ef-dora`"):
        run(server, language="es", text="Hola")


def test_a_language_that_kokoro_lacks_is_refused(server: Any, folder: Path) -> None:
    with pytest.raises(NodeFailed, match=r"Kokoro speaks English, .* and not Russian\. Speak \(Draft\) speaks it"):
        run(server, language="auto", text="Привет")
