"""The steps in their order: which are done already, which are to do, and the room they need."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import comfyui_source, environment, pytorch
from .disk import Need, check_space, pip_cache, same_disk, uv_cache
from .existing import Existing, install_requirements
from .link import Link, link_import_names, link_pack
from .packages import Installer, forget_half_installed
from .places import Places, write_local, write_whole
from .stamps import Stamps, fingerprint
from .talk import say

IN_ENVIRONMENT = ("pytorch", "requirements", "runner")


class Setup:
    """One run of the installer.

    Attributes:
        places: The clone.
        existing: The user's own ComfyUI, or None for the one that this clone gets.
        notes: For the summary: what was found out on the way.
    """

    def __init__(self, places: Places, existing: Existing | None, *, tests: bool) -> None:
        self.places = places
        self.existing = existing
        self.stamps = Stamps(places.notes)
        self.tests = tests or bool(self.stamps.read("runner").get("tests"))
        self.gpu = pytorch.find_gpu()
        self.installer = Installer(places.python, None)
        self.link = Link("")
        self._build: pytorch.Build | None = None
        self._number = 0

    @property
    def comfyui(self) -> Path:
        return self.existing.folder if self.existing else self.places.comfyui

    @property
    def python(self) -> Path:
        """The interpreter that runs ComfyUI."""
        return self.existing.python if self.existing else self.places.python

    @property
    def build(self) -> pytorch.Build:
        """The build of PyTorch to install; asked for only where it is to be installed."""
        if self._build is None:
            self._build = pytorch.choose_build(self.gpu)
        return self._build

    def run(self) -> None:
        """Does all that is to do.

        Raises:
            SetupError: A step can't be done; the next run goes on with it.
        """
        steps: list[tuple[str, str, Callable[[], str], Callable[[], str]]]
        packages = ("runner", "The command line runner", self._runner_inputs, self._install_runner)
        if self.existing:
            needs = ("existing", "What the nodes need", self._existing_inputs, self._install_into_existing)
            steps = [packages, needs]
        else:
            version = ", ".join(f"{name} {number}" for name, number in pytorch.VERSIONS.items())
            steps = [
                ("comfyui", f"ComfyUI {comfyui_source.VERSION}", self._comfyui_inputs, self._get_comfyui),
                ("pytorch", f"PyTorch ({version})", self._pytorch_inputs, self._install_pytorch),
                ("requirements", "What ComfyUI and the nodes need", self._needs_inputs, self._install_needs),
                packages,
            ]
        total = len(steps) + 2
        self._check_room(pip=False)
        self._title(total, "Python environment .venv")
        self._environment()
        for step, title, inputs, work in steps:
            if self.stamps.finished(step, inputs()):
                self._title(total, f"{title}: done already")
                continue
            self._title(total, title)
            if step in IN_ENVIRONMENT and self.stamps.interrupted(step):
                for record in forget_half_installed(self.places.venv):
                    say(f"    {record} was half installed; installing it again.")
            self.stamps.start(step)
            result = work()
            self.stamps.finish(step, inputs(), result=result, tests=self.tests)
        self._title(total, "Linking the nodes into ComfyUI")
        self.link = link_pack(self.places, self.comfyui)
        write_local(self.places, self.comfyui, self.python, self.link.extra_paths)

    def _title(self, total: int, title: str) -> None:
        self._number += 1
        say(f"[{self._number}/{total}] {title}")

    def _check_room(self, *, pip: bool) -> None:
        venv, stamps = self.places.venv, self.stamps
        needs: list[Need] = []
        if not (venv.exists() and stamps.finished("runner", self._runner_inputs())):
            size = 800_000_000 if self.tests else 150_000_000
            needs.append(Need(venv, size, "the runner and the tests" if self.tests else "the runner"))
        if self.existing:
            needs.append(Need(self.existing.python.parent, 500_000_000, "what the nodes need"))
        elif not (venv.exists() and stamps.finished("requirements", self._needs_inputs())):
            whole, packed = 1_500_000_000, 500_000_000
            if not (venv.exists() and stamps.finished("pytorch", self._pytorch_inputs())):
                whole, packed = self.build.environment_bytes, self.build.download_bytes
            needs.append(Need(venv, whole, "the packages"))
            if pip:
                needs.append(Need(pip_cache(), packed, "pip's cache"))
                needs.append(Need(Path(tempfile.gettempdir()), packed, "pip's downloads"))
            elif not same_disk(uv_cache(), venv):
                needs.append(Need(uv_cache(), whole, "uv's cache"))
            needs.append(Need(self.places.comfyui, 100_000_000, "ComfyUI"))
        check_space(needs)

    def _environment(self) -> None:
        before = self.stamps.read(environment.STEP).get("born")
        environment.make_environment(self.places, self.stamps)
        config = (self.places.venv / "pyvenv.cfg").stat()
        born = f"{config.st_ino} {config.st_mtime_ns}"
        if before != born:
            # A new environment is empty, whatever was in the one before.
            self.stamps.forget(*IN_ENVIRONMENT)
            self.stamps.finish(environment.STEP, "", born=born)
        self.installer = Installer(self.places.python, environment.find_uv(self.places.python))
        if self.installer.uv is None:
            self._check_room(pip=True)

    def _comfyui_inputs(self) -> str:
        return fingerprint(comfyui_source.VERSION, comfyui_source.read_version(self.places.comfyui))

    def _get_comfyui(self) -> str:
        source = comfyui_source.get_comfyui(self.places)
        say(f"    ComfyUI {comfyui_source.read_version(self.places.comfyui)} from: {source}")
        return source

    def _pytorch_inputs(self) -> str:
        return fingerprint(pytorch.VERSIONS, self.gpu)

    def _install_pytorch(self) -> str:
        say(f"    {self.build.title}; with all that it needs about {self.build.download_bytes / 1e9:.1f} GB")
        if self.gpu:
            pytorch.remove_cpu_build(self.python)
        self.installer.install(self.build.requirements, self.build.index)
        found = pytorch.try_out(self.python)
        say(f"    PyTorch {found}")
        return f"{found}: {self.build.title}"

    def _needs_inputs(self) -> str:
        return fingerprint(self.comfyui / "requirements.txt", self.places.root / "requirements.txt")

    def _constraints(self) -> list[str | Path]:
        held = self.places.notes / "constraints.txt"
        write_whole(held, "".join(f"{name}=={version}\n" for name, version in pytorch.VERSIONS.items()))
        return ["-c", held]

    def _install_needs(self) -> str:
        files = [self.comfyui / "requirements.txt", self.places.root / "requirements.txt"]
        self.installer.install(["-r", files[0], "-r", files[1], *self._constraints()])
        return ""

    def _runner_inputs(self) -> str:
        return fingerprint(self.places.root / "pyproject.toml", self.places.root, self.tests, *self._references())

    def _references(self) -> list[Path]:
        """Lists of what tests compare our engines with: packages whose own dependencies don't go with ComfyUI's."""
        return sorted(self.places.root.glob("tests/*/reference-requirements.txt")) if self.tests else []

    def _install_runner(self) -> str:
        project = f"{self.places.root}[test]" if self.tests else str(self.places.root)
        self.installer.install(["-e", project, *([] if self.existing else self._constraints())])
        self._install_references()
        link_import_names(self.places)
        return ""

    def _install_references(self) -> None:
        for listed in self._references():
            self.installer.install(["--no-deps", "-r", listed])

    def _existing_inputs(self) -> str:
        return fingerprint(self.places.root / "requirements.txt", self.python, sys.platform)

    def _install_into_existing(self) -> str:
        if self.existing is None:
            return ""
        added = install_requirements(self.existing, self.places)
        return ", ".join(added)
