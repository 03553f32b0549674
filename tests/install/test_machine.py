"""What the machine has: GPU, network, room on the disk."""

from __future__ import annotations

import platform
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from setup_steps import disk, pytorch
from setup_steps.disk import Need, check_space, size_of
from setup_steps.network import reachable
from setup_steps.pytorch import Gpu, choose_build, find_gpu, parse_gpu
from setup_steps.talk import SetupError

AMPERE = Gpu("NVIDIA GeForce RTX 3090", 580, (8, 6))


class _Answer(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("status", "expected"), [(200, True), (404, True), (403, False), (407, False), (503, False)])
def test_a_host_that_answers_is_reachable(site: str, status: int, expected: bool) -> None:
    assert reachable(f"{site}/{status}") is expected


def test_a_host_that_is_silent_or_unknown_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not reachable(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.3)
    assert not reachable("https://host.invalid/")


def test_the_drivers_own_tool_is_asked_for_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H200, 575.57.08, 9.0'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert find_gpu() == Gpu("NVIDIA H200", 575, (9, 0))
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed because it could not talk to the driver'\nexit 9\n")
    assert find_gpu() is None


@pytest.mark.parametrize("text", ["", "No devices were found", "a, b, c", "name, 580.1", "name, [N/A], 8.6"])
def test_nonsense_is_no_gpu(text: str) -> None:
    assert parse_gpu(text) is None


@pytest.mark.parametrize(
    ("system", "machine", "gpu", "reached", "torch", "index"),
    [
        ("linux", "x86_64", AMPERE, True, "torch==2.11.0", None),
        ("linux", "aarch64", AMPERE, True, "torch==2.11.0+cu130", "cu130"),
        ("win32", "AMD64", AMPERE, True, "torch==2.11.0+cu130", "cu130"),
        ("linux", "x86_64", Gpu("old driver", 550, (8, 6)), True, "torch==2.11.0+cu126", "cu126"),
        ("linux", "x86_64", Gpu("Pascal", 580, (6, 1)), True, "torch==2.11.0+cu126", "cu126"),
        ("linux", "x86_64", None, True, "torch==2.11.0+cpu", "cpu"),
        ("linux", "x86_64", None, False, "torch==2.11.0", None),
        ("win32", "AMD64", None, True, "torch==2.11.0", None),
        ("darwin", "arm64", None, True, "torch==2.11.0", None),
    ],
)
def test_the_build_suits_the_machine(
    system: str,
    machine: str,
    gpu: Gpu | None,
    reached: bool,
    torch: str,
    index: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(pytorch, "reachable", lambda url: reached)
    build = choose_build(gpu)
    assert build.requirements[0] == torch
    assert [line.split("==")[0] for line in build.requirements] == ["torch", "torchvision", "torchaudio"]
    assert build.index == (f"https://download.pytorch.org/whl/{index}" if index else None)


def test_machines_without_a_build_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytorch, "NEWEST_PYTHON", (3, 10))
    with pytest.raises(SetupError, match=r"Run this with Python 3\.11 to 3\.14"):
        choose_build(None)
    monkeypatch.undo()
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(SetupError, match="Intel"):
        choose_build(None)


def test_needs_on_one_disk_add_up(tmp_path: Path) -> None:
    free = disk.free_space(tmp_path)
    parts = [Need(tmp_path / "not" / "yet", free * 2 // 3, "one"), Need(tmp_path, free * 2 // 3, "other")]
    check_space(parts[:1])
    with pytest.raises(SetupError, match=r"too full. Needed .*: [\d.]+ GB \(.* for one, .* for other\); free: "):
        check_space(parts)


def test_the_size_of_a_folder_counts_a_file_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"x" * 1000)
    (tmp_path / "b").hardlink_to(tmp_path / "in" / "a")
    (tmp_path / "up").symlink_to("..", target_is_directory=True)
    assert 1000 <= size_of(tmp_path) < 1100
