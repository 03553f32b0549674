"""Which build of PyTorch suits this machine."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .network import reachable
from .packages import installed_versions
from .talk import CommandError, SetupError, call

VERSIONS = {"torch": "2.11.0", "torchvision": "0.26.0", "torchaudio": "2.11.0"}
"""Known to work together; a newer torch breaks torchaudio 2.11."""

NEWEST_PYTHON = (3, 14)
INDEX = "https://download.pytorch.org/whl"


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU: its name, driver (major version) and compute capability, such as (8, 6)."""

    name: str
    driver: int
    capability: tuple[int, int]


@dataclass(frozen=True)
class Build:
    """One build of PyTorch.

    Attributes:
        title: In words.
        tag: Local version suffix and folder of the index, such as `cu130`; empty for what PyPI gives.
        environment_bytes: Room for the whole environment with this build in it.
        download_bytes: What is downloaded, all packages together.
    """

    title: str
    tag: str
    environment_bytes: int
    download_bytes: int

    @property
    def index(self) -> str | None:
        return f"{INDEX}/{self.tag}" if self.tag else None

    @property
    def requirements(self) -> list[str]:
        suffix = f"+{self.tag}" if self.tag else ""
        return [f"{name}=={version}{suffix}" for name, version in VERSIONS.items()]


def find_gpu() -> Gpu | None:
    """The first NVIDIA GPU that its driver's own tool reports; None where there is none."""
    for tool in ("nvidia-smi", r"C:\Windows\System32\nvidia-smi.exe", "/usr/lib/wsl/lib/nvidia-smi"):
        program = shutil.which(tool)
        if program is None:
            continue
        question = ["--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
        try:
            gpu = parse_gpu(call([program, *question], quiet=True, seconds=30))
        except CommandError:
            continue
        if gpu:
            return gpu
    return None


def parse_gpu(listing: str) -> Gpu | None:
    """Reads a line such as `NVIDIA GeForce RTX 3090, 580.65.06, 8.6`."""
    for line in listing.splitlines():
        fields = [field.strip() for field in line.rsplit(",", 2)]
        if len(fields) != 3:
            continue
        try:
            driver = int(fields[1].split(".")[0])
            major, minor = (int(part) for part in fields[2].split("."))
        except ValueError:
            continue
        return Gpu(fields[0], driver, (major, minor))
    return None


def choose_build(gpu: Gpu | None) -> Build:
    """The build for this machine; without a GPU on Linux this asks whether the CPU index answers.

    Raises:
        SetupError: PyTorch has no build for this system or this Python.
    """
    if sys.version_info[:2] > NEWEST_PYTHON:
        raise SetupError(
            f"PyTorch {VERSIONS['torch']} has no build for Python {platform.python_version()}. "
            "Run this with Python 3.11 to 3.14."
        )
    if sys.platform == "darwin":
        if platform.machine() == "x86_64":
            raise SetupError(f"PyTorch {VERSIONS['torch']} has no build for Macs with an Intel processor.")
        return Build("the build for Apple's GPUs", "", 2_500_000_000, 1_000_000_000)
    if gpu:
        # CUDA 13 needs driver 580 and knows GPUs from Turing (7.5) on; CUDA 12.6 serves the older ones.
        tag = "cu130" if gpu.driver >= 580 and gpu.capability >= (7, 5) else "cu126"
        if tag == "cu130" and sys.platform == "linux" and platform.machine() == "x86_64":
            tag = ""  # PyPI's own build for Linux is this one.
        return Build(f"the CUDA build, for {gpu.name}", tag, 6_800_000_000, 3_000_000_000)
    if sys.platform != "linux":
        return Build("the CPU build", "", 2_500_000_000, 1_000_000_000)
    if reachable(f"{INDEX}/cpu/torch/"):
        return Build("the CPU build", "cpu", 2_500_000_000, 1_000_000_000)
    title = "PyPI's build (the CPU build's index can't be reached; this one works on a CPU too)"
    return Build(title, "", 6_800_000_000, 3_000_000_000)


def remove_cpu_build(python: Path) -> None:
    """Uninstalls a CPU build; its version satisfies what PyPI's CUDA build is asked for by."""
    if installed_versions(python).get("torch", "").endswith("+cpu"):
        call([python, "-m", "pip", "uninstall", "--yes", "--quiet", *VERSIONS], quiet=True)


def try_out(python: Path) -> str:
    """Imports the three packages and says which they are.

    Raises:
        SetupError: They can't be imported together.
    """
    question = (
        "import torch, torchvision, torchaudio; "
        "print(torch.__version__, 'with a GPU' if torch.cuda.is_available() else 'on the CPU')"
    )
    try:
        return call([python, "-c", question], quiet=True, seconds=300).splitlines()[-1]
    except CommandError as error:
        raise SetupError(
            "PyTorch was installed but can't be imported:\n" + "\n".join(error.output.splitlines()[-5:])
        ) from error
