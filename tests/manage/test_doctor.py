"""The doctor against a real ComfyUI, with our nodes and without, and against machines of all sizes."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from myspinbot_manage.cli import call
from myspinbot_manage.doctor.machine import from_stats
from myspinbot_manage.doctor.pipelines import pipelines
from myspinbot_manage.doctor.report import machine_lines, pipeline_line
from myspinbot_manage.doctor.services import ask_ollama, serves, why_not_loaded
from myspinbot_manage.models.places import Places
from myspinbot_manage.models.store import Store
from myspinbot_runner.server import LocalServer
from myspinbot_shared.manifest import Manifest
from myspinbot_shared.selection import suited_preset
from tests.model_properties import property_of
from tests.runner.helpers import call as run_command
from tests.runner.helpers import nobody

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "workflows" / "draft.app.json"
SLOW = """
import http.server, sys, time
time.sleep(1)
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), H).serve_forever()
"""
GB = 10**9


@pytest.fixture
def ollama() -> Iterator[Callable[[Any], str]]:
    """Serves Ollama's list of models."""
    answers: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers[-1]).encode() if self.path == "/api/tags" else b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(answer: Any) -> str:
        answers.append(answer)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    server.shutdown()
    server.server_close()


def findings(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, dict[str, Any]]]:
    capsys.readouterr()
    status = call(["doctor", "--json", *args])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return status, {line["name"]: line for line in lines}


def test_a_server_with_our_nodes(
    server: LocalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], ollama: Callable[[Any], str]
) -> None:
    url = ollama({"models": [{"name": "mistral:7b-instruct"}]})
    args = ("--server", server.url, "--ollama", url, "--models-dir", str(tmp_path))
    status, found = findings(capsys, *args)
    assert status == 0
    assert found["Nodes"]["loaded"] is True
    assert found["Pipeline draft"]["ready"] is True
    assert found["Ollama"]["rating"] == "good"
    assert found["ComfyUI"]["comfyui"].count(".") == 2
    assert found["Memory"]["ram"] > GB
    assert found["PyTorch"]["torch"]
    assert found["Suggested preset"]["preset"] in ("draft", "low-vram", "speed", "quality")
    assert found["Disk"]["free"] > 0
    assert call(["doctor", *args]) == 0
    out = capsys.readouterr().out
    assert "Pipeline draft: ready" in out
    assert "Nodes: ComfyUI has loaded MySpinBot." in out


ILL = {
    "myspinbot": ("raise RuntimeError('the pack is ill')", "couldn't be imported: the pack is ill"),
    "MySpinBot-library": ("import no_such_library", "couldn't be imported: No module named 'no_such_library'"),
    "myspinbot_door": ("def comfy_entrypoint():\n    raise ValueError('ill at the door')", "ill at the door"),
}


@pytest.mark.slow
def test_a_server_that_could_not_load_our_nodes(
    tmp_path: Path, private_server: Callable[..., LocalServer], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (code, _) in ILL.items():
        pack = tmp_path / "server0" / "custom_nodes" / name
        pack.mkdir(parents=True)
        (pack / "__init__.py").write_text(code)
    running = private_server()
    status, found = findings(capsys, "--server", running.url, "--models-dir", str(tmp_path))
    assert status == 1
    assert found["Nodes"]["rating"] == "bad"
    assert any(said in found["Nodes"]["text"] for _, said in ILL.values())
    assert "the node MySpinBotScript" in found["Pipeline draft"]["text"]
    lines = running.log.read_text().splitlines()
    for name, (_, said) in ILL.items():
        # As if this pack were the only one.
        others = [other for other in ILL if other != name]
        foreign = re.compile("|".join(rf"custom_nodes/{other}\b" for other in others))
        log = "\n".join(line for line in lines if not foreign.search(line))
        assert said in str(why_not_loaded({}, log)), name


@pytest.mark.usefixtures("starts_processes")
def test_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys, "--server", "http://127.0.0.1:9", "--no-start", "--models-dir", str(tmp_path))
    assert status == 0
    assert found["Nodes"]["loaded"] is None
    assert found["Pipeline draft"]["nodes"] is None
    assert found["PyTorch"]["torch"]
    assert found["Memory"]["ram"] > GB


@pytest.mark.usefixtures("starts_processes")
def test_what_a_wait_is_for_is_said_at_once_and_once(tmp_path: Path) -> None:
    """With a ComfyUI that takes a second to come up, and is asked meanwhile ten times."""
    (tmp_path / "main.py").write_text(SLOW, encoding="utf-8")
    with nobody() as port:
        where = ["--server", f"127.0.0.1:{port}", "--comfyui", str(tmp_path), "--python", sys.executable]
        _, _, told = run_command("doctor", *where, env={"XDG_STATE_HOME": str(tmp_path)})
        _, _, told_of_inputs = run_command("inputs", str(WORKFLOW), *where, env={"XDG_STATE_HOME": str(tmp_path)})
    for text, why in ((told, "to see whether it loads the nodes"), (told_of_inputs, "to ask it for the types")):
        first, *rest = text.splitlines()
        assert f"No server answers at http://127.0.0.1:{port}, so ComfyUI is started {why}" in first
        assert not [line for line in rest if "started" in line.lower() or "Starting" in line]


def test_without_comfyui(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["doctor", "--comfyui", str(tmp_path), "--no-start"]) == 11
    assert "holds no ComfyUI" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("vram", "ram", "preset", "why"),
    [
        (0, 8, "draft", "low-vram asks for a GPU with 8 GB"),
        (8, 16, "draft", "low-vram asks for 32 GB of memory"),
        (8, 32, "low-vram", "speed asks for a GPU with 16 GB"),
        (16.9, 34, "speed", "quality asks for a GPU with 24 GB"),
        (16, 64, "speed", "quality asks for a GPU with 24 GB"),
        (25.3, 33, "speed", "quality asks for 64 GB of memory"),
        (24, 64, "quality", ""),
        (141, 1000, "quality", ""),
    ],
)
def test_the_preset_for_a_machine(shipped: Manifest, vram: float, ram: float, preset: str, why: str) -> None:
    found, said = suited_preset(shipped, int(vram * GB), int(ram * GB))
    assert (found.name, said) == (preset, why)


def test_what_a_server_with_a_gpu_says() -> None:
    stats = {
        "system": {"ram_total": 64 * GB, "ram_free": 5, "pytorch_version": "2.11.0", "python_version": "3.12.1 (main)"},
        "devices": [
            {"name": "cuda:0 NVIDIA GeForce RTX 3090 : cudaMallocAsync", "type": "cuda", "vram_total": 24 * GB}
        ],
    }
    machine = from_stats(stats, "580.65")
    assert (machine.gpu, machine.vram, machine.python) == ("NVIDIA GeForce RTX 3090", 24 * GB, "3.12.1")
    assert "24.0 GB, driver 580.65" in next(machine_lines(machine)).text
    only_cpu = from_stats({"system": {}, "devices": [{"name": "cpu", "type": "cpu", "vram_total": 64 * GB}]}, "580.65")
    assert only_cpu.vram == 0
    assert "PyTorch doesn't see the GPU" in next(machine_lines(only_cpu)).text
    for odd in (None, [], "x", {"system": 5, "devices": [5]}, {"devices": [{"type": "cuda", "vram_total": "x"}]}):
        assert from_stats(odd).ram == 0


def test_what_has_no_address_is_got_from_its_page(tmp_path: Path, shipped: Manifest) -> None:
    lip, vae = shipped.models["wav2lip"], shipped.models["wan-vae"]
    assert not lip.urls
    node = {"id": 1, "type": "VAELoader", "widgets_values": [vae.name, lip.name]}
    (tmp_path / "lips.app.json").write_text(json.dumps({"nodes": [node], "links": [], "version": 0.4}))
    (one,) = pipelines(shipped, Store(Places(tmp_path / "models")), {"VAELoader"}, tmp_path)
    assert pipeline_line(one).text.endswith(
        "`myspinbot models get wan-vae` fetches those with an address. "
        f"wav2lip.pth has no direct address: get it from {lip.page} and put it into ComfyUI's models/wav2lip."
    )


def test_what_a_pipeline_lacks(tmp_path: Path, shipped: Manifest) -> None:
    lip, vae = shipped.models["wav2lip-gan"], shipped.models["wan-vae"]
    node = {
        "id": 1, "type": "VAELoader", "widgets_values": [vae.name, lip.name, "mine.safetensors"],
        "properties": {"models": [property_of(vae)]},
    }  # fmt: skip
    content = {"nodes": [node, {"id": 2, "type": "MarkdownNote", "widgets_values": ["x"]}], "links": [], "version": 0.4}
    (tmp_path / "lips.app.json").write_text(json.dumps(content))
    store = Store(Places(tmp_path / "models"))
    (one,) = pipelines(shipped, store, {"Other"}, tmp_path)
    line = pipeline_line(one)
    assert line.text == (
        "lacks the node VAELoader; wan_2.1_vae.safetensors (253.8 MB, Apache-2.0); "
        "wav2lip_gan.pth (size unknown, Wav2Lip-research). "
        "`myspinbot models get wan-vae wav2lip-gan --accept-licence Wav2Lip-research` fetches them."
    )
    assert line.data["unknown"] == ["mine.safetensors"]
    assert pipeline_line(one, gpu=False).text == f"{line.text} They need a graphics card, and there is none."
    path = tmp_path / "models" / "vae" / vae.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut")
    (one,) = pipelines(shipped, store, {"VAELoader"}, tmp_path)
    assert "wan_2.1_vae.safetensors (253.8 MB, Apache-2.0, broken)" in pipeline_line(one).text


def furnish(store: Store, manifest: Manifest, *ids: str) -> None:
    """Files of these models' sizes that look whole, with nothing in them."""
    for model in manifest.choose(ids):
        size = model.bytes or 1000
        beginning = b" " * size if model.format == "text" else {"onnx": b"\x08"}.get(model.format, b"\x80")
        if model.format == "safetensors":
            numbers = {"dtype": "U8", "shape": [size - 108], "data_offsets": [0, size - 108]}
            beginning = (100).to_bytes(8, "little") + json.dumps({"x": numbers}).encode().ljust(100)
        path = store.places.models / model.folder / model.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(beginning)
        os.truncate(path, size)


def test_what_automatic_nodes_lack(tmp_path: Path, shipped: Manifest) -> None:
    store = Store(Places(tmp_path / "models"))

    def lines(preset: str) -> dict[str, Any]:
        return {one.name: pipeline_line(one) for one in pipelines(shipped, store, None, preset=preset)}

    bare = lines("draft")
    assert bare["train_bot"].rating == "note"
    assert "lacks z_image_turbo_bf16.safetensors (12.3 GB, Apache-2.0); " in bare["train_bot"].text
    assert "`myspinbot models get z-image-turbo qwen3-4b flux-vae` fetches them." in bare["train_bot"].text
    for name in ("guided", "draft"):
        assert bare[name].data["better"] == ["kokoro-af-heart", "kokoro"]
        assert bare[name].text.endswith("`myspinbot models get kokoro-af-heart kokoro` fetches them.")
    small = lines("low-vram")["guided"]
    assert small.data["ready"] is True
    assert "stages are simpler for want of " in small.text
    wanted = set(small.data["better"])
    assert {"z-image-turbo-int8", "qwen3-4b-fp8", "wan-i2v-480p-fp8", "umt5-fp8", "openf5", "vocos"} <= wanted
    assert not wanted & {"z-image-turbo", "qwen3-4b", "wan-i2v-480p-fp16", "wav2lip-gan"}
    assert "wan-i2v-480p-fp16" in lines("quality")["guided"].data["better"]
    furnish(store, shipped, "sd15", *small.data["better"])
    assert lines("low-vram")["guided"].text == "ready, as far as its models go"
    assert lines("low-vram")["train_bot"].data["models"] == []


def test_ollama_in_all_its_moods(ollama: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask_ollama(ollama({"models": [{"name": "a:latest"}, {"name": "b:7b"}]}))
    assert serves(found, "a")
    assert serves(found, "b:7b")
    assert not serves(found, "b")
    for odd in ([], {}, {"models": 5}, "x", None):
        assert ask_ollama(ollama(odd)).models is None
    assert ask_ollama("http://127.0.0.1:9").models is None
    monkeypatch.setenv("OLLAMA_HOST", "0.0.0.0:9")
    assert ask_ollama().url == "http://127.0.0.1:9"


def test_a_log_that_says_nothing() -> None:
    assert why_not_loaded({"MySpinBotScript": {}}, "") is None
    assert "custom_nodes" in str(why_not_loaded({}, "all is well"))
