"""A real ComfyUI server and a real browser for all tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

import tests.engines  # noqa: F401  (the pack without ComfyUI, before anything imports it)
from myspinbot_manage import hooks
from myspinbot_runner.errors import ServerUnreachable
from myspinbot_runner.locate import find_installation
from myspinbot_runner.server import LocalServer
from tests.weights import weights  # noqa: F401  (for all rooms)

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 240_000
"""How long a page may take to show what is waited for, in milliseconds."""
StartServer = Callable[..., LocalServer]
CHROMIUM_ARGS = [
    "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


# The same examples in every run, and no clock: a busy machine is no failure.
settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


class _RootIsNoPackage:
    """The root `__init__.py` is ComfyUI's way in; pytest would import it, where there is no ComfyUI."""

    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        return pytest.Dir.from_parent(parent, path=path) if path == ROOT else None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_RootIsNoPackage())
    hooks.register()  # as the command does


_BROWSER = {"browser"}
_SERVER = {"server", "private_server", "start_server"}
_ENVIRONMENT = {"builds_environments"}
_PROCESS = {"starts_processes"}
_WEIGHTS = {"weights"}
_SECONDS = {"slow": 60, "gpu": 60, "browser": 5, "server": 5, "real": 5, "process": 4, "environment": 2, "unit": 0.1}
"""About how long a test takes, by its first mark of these."""


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it needs, and put the files that take longest first.

    With several workers a file goes to one of them as a whole, in the order of collection; a long file that began
    last would keep one worker busy while the others have nothing left to do.
    """
    cost: dict[Path, float] = {}
    for item in items:
        needs = set(getattr(item, "fixturenames", ()))
        if needs & _WEIGHTS:
            item.add_marker("real")
        if needs & _BROWSER:
            item.add_marker("browser")
        elif needs & _SERVER:
            item.add_marker("server")
        elif needs & _ENVIRONMENT:
            item.add_marker("environment")
        elif needs & _PROCESS:
            item.add_marker("process")
        elif not _marked(item, "slow", "gpu", "real"):
            item.add_marker("unit")
        cost[item.path] = cost.get(item.path, 0) + next(n for mark, n in _SECONDS.items() if _marked(item, mark))
    items.sort(key=lambda item: -cost[item.path])


def _marked(item: pytest.Item, *names: str) -> bool:
    return any(item.get_closest_marker(name) for name in names)


def missing(what: str) -> None:
    """Skip the test for want of a tool; in CI that is a failure, because CI must run everything."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"{what} CI must run this test.", pytrace=False)
    pytest.skip(what)


def make_server(base: Path, *args: str, **options: Any) -> LocalServer:
    """A CPU server, not yet started, whose every folder is inside `base` and which has our nodes.

    It also has the test-only nodes of `tests/*/nodes`.
    """
    for name in ("custom_nodes", "input", "models", "output"):
        (base / name).mkdir(parents=True, exist_ok=True)
    packs = {"myspinbot": ROOT}
    packs |= {f"tests_{init.parents[1].name}": init.parent for init in ROOT.glob("tests/*/nodes/__init__.py")}
    for name, target in packs.items():
        link = base / "custom_nodes" / name
        if not link.exists():
            link.symlink_to(target, target_is_directory=True)
    try:
        installation = find_installation()
    except ServerUnreachable as error:
        missing(str(error))
        raise
    env = {"OMP_NUM_THREADS": "1", **options.pop("env", {})}
    return LocalServer(
        installation, log=base / "server.log", base_directory=base, args=args, cpu=True, env=env, **options
    )


@pytest.fixture(scope="session")
def start_server() -> StartServer:
    """`make_server`, for fixtures and tests with servers of their own: who asks for it is marked `server`."""
    return make_server


@pytest.fixture(scope="session")
def builds_environments() -> None:
    """For fixtures and tests that build Python environments or wheels: who asks for it is marked `environment`."""


@pytest.fixture(scope="session")
def starts_processes() -> None:
    """For tests whose own Python processes load PyTorch, ComfyUI or pytest, seconds each: they are marked `process`."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A running ComfyUI: `.url`, `.base_directory`, `.pid`, `.log`. Do not stop or kill it."""
    with make_server(tmp_path_factory.mktemp("comfyui")) as running:
        yield running


@pytest.fixture(scope="session")
def sd15(server: LocalServer) -> str:
    """The name of a miniature Stable Diffusion 1.5 among the server's checkpoints."""
    from tests.miniatures import sd15 as miniature

    return miniature.write(Path(server.base_directory) / "models" / "checkpoints" / "miniature_sd15.safetensors").name


@pytest.fixture
def private_server(tmp_path: Path) -> Iterator[Callable[..., LocalServer]]:
    """Call it with ComfyUI arguments for a running server of the test's own, which it may kill."""
    servers: list[LocalServer] = []

    def start(*args: str, **options: Any) -> LocalServer:
        servers.append(make_server(tmp_path / f"server{len(servers)}", *args, **options))
        return servers[-1].start()

    yield start
    for running in servers:
        running.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with two megabytes of room."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = sys.platform == "linux" and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        missing("A small tmpfs can't be mounted here.")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium (`MYSPINBOT_CHROMIUM` names another)."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = os.environ.get("MYSPINBOT_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not path:
        missing("There is no Chromium; install one or set MYSPINBOT_CHROMIUM.")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright isn't installed; install the test extras.")
        raise
    root = sys.platform == "linux" and os.getuid() == 0
    with sync_playwright() as playwright:
        args = CHROMIUM_ARGS + (["--no-sandbox"] if root else [])
        chromium = playwright.chromium.launch(executable_path=path, args=args)
        yield chromium
        chromium.close()


@contextlib.contextmanager
def gated(browser: Any) -> Iterator[Any]:
    """A fresh page. A request that leaves this machine is refused, and fails the test at its end.

    ComfyUI's page asks its maker for news at each start, and the addresses of models that a workflow lacks for
    their sizes; those are refused too, but aren't ours to fail for.
    """
    outside: list[str] = []

    def gate(route: Any) -> None:
        url = route.request.url
        if url.startswith(("http://127.0.0.1:", "http://localhost:", "data:", "blob:")):
            route.continue_()
        else:
            weights = urlsplit(url).path.endswith((".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".gguf"))
            if not weights and not url.startswith("https://api.comfy.org/"):
                outside.append(url)
            route.abort()

    context = browser.new_context(viewport={"width": 1600, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.route("**/*", gate)
    yield context.new_page()
    context.close()
    assert not outside, f"the page asked for {outside}"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh page of the test's own."""
    with gated(browser) as page:
        yield page


@pytest.fixture
def editor(page: Any, server: LocalServer) -> Any:
    """The editor of the session's server: `.drop(path)`, `.prompt()`, `.convert(dict)`, `.run()`, `.page`."""
    from tests.runner.editor import Editor

    return Editor(page, server.url).open()


@pytest.fixture(scope="session")
def shared_editor(browser: Any, server: LocalServer) -> Iterator[Any]:
    """One editor for many tests that only look: opening it takes much longer than a look."""
    from tests.runner.editor import Editor

    with gated(browser) as page:
        yield Editor(page, server.url).open()
