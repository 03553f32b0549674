"""The machine: its GPU, memory, PyTorch and ComfyUI, from a running server or from ComfyUI's Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myspinbot_runner.locate import Installation

PROBE = Path(__file__).with_name("_probe.py")
TOOLS = ("nvidia-smi", r"C:\Windows\System32\nvidia-smi.exe", "/usr/lib/wsl/lib/nvidia-smi")


@dataclass(frozen=True)
class Machine:
    """What was found; empty or 0 is what couldn't be found out. Sizes are in bytes.

    Attributes:
        gpu: The first GPU's name; empty when PyTorch sees none.
        driver: NVIDIA's driver, if there is one, though PyTorch may not use it.
        torch_error: Why PyTorch can't be imported.
    """

    gpu: str = ""
    vram: int = 0
    vram_free: int = 0
    driver: str = ""
    ram: int = 0
    ram_free: int = 0
    torch: str = ""
    torch_error: str = ""
    python: str = ""
    comfyui: str = ""


def from_stats(stats: Any, driver: str = "") -> Machine:
    """The machine in a server's `/system_stats`, or in what the probe printed."""
    system = stats.get("system") if isinstance(stats, Mapping) else None
    system = system if isinstance(system, Mapping) else {}
    devices = stats.get("devices") if isinstance(stats, Mapping) else None
    devices = devices if isinstance(devices, list) else []
    found = [item for item in devices if isinstance(item, Mapping) and item.get("type") not in (None, "cpu")]
    gpu = found[0] if found else {}
    return Machine(
        gpu=_plain(str(gpu.get("name") or "")),
        vram=_number(gpu.get("vram_total")),
        vram_free=_number(gpu.get("vram_free")),
        driver=driver,
        ram=_number(system.get("ram_total")),
        ram_free=_number(system.get("ram_free")),
        torch=str(system.get("pytorch_version") or ""),
        torch_error=str(system.get("pytorch_error") or ""),
        python=str(system.get("python_version") or "").split(" ")[0],
        comfyui=str(system.get("comfyui_version") or ""),
    )


def probe(installation: Installation) -> Machine:
    """Ask ComfyUI's Python; takes seconds, because it imports PyTorch."""
    done = subprocess.run(
        [str(installation.python), str(PROBE)], capture_output=True, text=True, check=False, timeout=300
    )
    try:
        stats: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        stats = {"system": {"pytorch_error": lines[-1]}}
    stats["system"]["comfyui_version"] = version_of(installation.comfyui)
    return from_stats(stats, nvidia_driver())


def version_of(comfyui: Path) -> str:
    """The version that a ComfyUI folder says it is; empty when it doesn't."""
    try:
        text = (comfyui / "comfyui_version.py").read_text(encoding="utf-8")
    except OSError:
        return ""
    match = re.search(r'__version__ = "([^"]+)"', text)
    return match[1] if match else ""


def nvidia_driver() -> str:
    """The version of NVIDIA's driver; empty where its tool isn't there or fails."""
    for tool in TOOLS:
        program = shutil.which(tool)
        if program is None:
            continue
        command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        except (OSError, subprocess.SubprocessError):
            continue
        if lines := done.stdout.split():
            return lines[0]
    return ""


def _plain(name: str) -> str:
    """`cuda:0 NVIDIA GeForce RTX 3090 : cudaMallocAsync` without what only the server cares for."""
    return re.sub(r"^\w+:\d+ ", "", name).split(" : ")[0].strip()


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
