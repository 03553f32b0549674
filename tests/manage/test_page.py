"""The editor's own dialog for missing models, with what the manifest gives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from myspinbot_runner.server import LocalServer
from myspinbot_shared.manifest import Manifest
from tests.conftest import PATIENCE
from tests.model_properties import disagreements, property_of
from tests.runner.editor import Editor


@pytest.fixture
def editor(browser: Any, server: LocalServer) -> Iterator[Editor]:
    """The page. It asks the address of a missing model for its size; here that goes nowhere."""
    context = browser.new_context(viewport={"width": 1600, "height": 900})
    here = ("http://127.0.0.1:", "data:", "blob:")
    context.route("**/*", lambda route: route.continue_() if route.request.url.startswith(here) else route.abort())
    context.set_default_timeout(PATIENCE)
    yield Editor(context.new_page(), server.url).open()
    context.close()


@pytest.mark.slow
def test_the_page_offers_the_file_of_the_manifest(editor: Editor, shipped: Manifest, tmp_path: Path) -> None:
    model = shipped.models["wan-vae"]
    node: dict[str, Any] = {
        "id": 1,
        "type": "VAELoader",
        "pos": [0, 0],
        "size": [300, 60],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [{"name": "vae_name", "type": "COMBO", "widget": {"name": "vae_name"}, "link": None}],
        "outputs": [{"name": "VAE", "type": "VAE", "links": None}],
        "properties": {"Node name for S&R": "VAELoader", "models": [property_of(model)]},
        "widgets_values": [model.name],
    }
    workflow = {"last_node_id": 1, "last_link_id": 0, "nodes": [node], "links": [], "version": 0.4}
    assert disagreements(workflow, shipped) == []
    path = tmp_path / "vae.json"
    path.write_text(json.dumps(workflow), encoding="utf-8")
    asked: list[str] = []
    editor.page.on("request", lambda request: asked.append(request.url))
    editor.drop(path)
    editor.page.get_by_text(f"{model.name} is missing").wait_for()
    editor.page.get_by_text("View details").first.click()
    editor.page.get_by_role("button", name="Download").first.wait_for()
    assert model.urls[0] in asked
