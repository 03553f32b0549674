"""Hosts of files, and manifests that point to them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from myspinbot_runner import transfer
from myspinbot_shared.manifest import Manifest, Model, load
from tests.manage.host import Host, serve

HEAD = """\
version: 1
stages: {voice: Voice}
sets:
  small: {about: Small., vram_gb: 0, ram_gb: 4}
  open: {about: Open., vram_gb: 0, ram_gb: 4}
language_models: {}
"""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, token or mirror of the machine's own, and no waiting between attempts."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "MYSPINBOT_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(transfer, "PAUSE", 0.001)
    monkeypatch.setenv("HF_TOKEN_PATH", os.devnull)


@pytest.fixture
def host() -> Iterator[Host]:
    host, server = serve()
    yield host
    host.gate.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def mirror() -> Iterator[Host]:
    host, server = serve()
    yield host
    host.gate.set()
    server.shutdown()
    server.server_close()


def make_model(content: bytes | None, *urls: str, **changes: Any) -> Model:
    """A model whose hash and size are those of `content`; None where nobody knows them."""
    values: dict[str, Any] = {
        "id": "m",
        "role": "The model",
        "stage": "voice",
        "folder": "vae",
        "file": "m.safetensors",
        "format": "safetensors",
        "urls": urls,
        "bytes": None if content is None else len(content),
        "sha256": None if content is None else hashlib.sha256(content).hexdigest(),
        "licence": "MIT",
        "open": True,
        "sets": (),
    }
    return Model(**{**values, **changes})


@pytest.fixture
def write_manifest(tmp_path: Path) -> Callable[..., Path]:
    """Writes models to a manifest file and returns its path."""

    def write(*models: Model) -> Path:
        lines = [HEAD, "models:"]
        for model in models:
            lines += [
                f"  {model.id}:",
                f"    role: {model.role}",
                f"    stage: {model.stage}",
                f"    folder: {model.folder}",
                f"    file: {model.file}",
                f"    format: {model.format}",
                f"    urls: [{', '.join(model.urls)}]",
                f"    bytes: {'null' if model.bytes is None else model.bytes}",
                f"    sha256: {model.sha256 or 'null'}",
                f"    licence: {model.licence}",
                f"    open: {str(model.open).lower()}",
                f"    sets: [{', '.join(model.sets)}]",
                f"    needs: [{', '.join(model.needs)}]",
                *([f"    reason: {model.reason}"] if model.reason else []),
                *([f"    page: {model.page}"] if model.page else []),
            ]
        path = tmp_path / "models.yaml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def shipped() -> Manifest:
    """The manifest of the repository."""
    return load()
