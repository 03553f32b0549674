"""A headless ComfyUI of our own: started on a free loopback port, ended with its whole process tree."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from .errors import ServerUnreachable
from .locate import Installation, find_installation

BOOT = Path(__file__).with_name("_boot.py")
# ComfyUI's own default of 100 MB refuses many videos.
MAX_UPLOAD_MB = 4096
# Signals that a program gets for a fault of its own; the others come from outside.
FAULTS = {
    getattr(signal, name) for name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT") if hasattr(signal, name)
}
# What Linux has where there may be an accelerator: NVIDIA's, also on Jetson and under WSL, AMD's and Intel's.
DEVICES = ("nvidia*", "nvhost*", "nvgpu*", "dxg", "kfd", "dri/render*", "accel*")
PROBE = (
    "import torch; print(int(torch.cuda.is_available() or torch.backends.mps.is_available() "
    "or getattr(torch, 'xpu', torch.cuda).is_available()))"
)


class LocalServer:
    """A ComfyUI server process. Use it as a context manager, or call `start()` and `stop()`.

    Args:
        installation: The ComfyUI to start; None for the one that `find_installation` finds.
        log: The file that takes all that the server prints.
        base_directory: Where models, inputs, outputs, custom nodes and user data are, in place of the
            installation's own.
        args: Further ComfyUI arguments.
        cpu: Whether to run without an accelerator; None finds out whether PyTorch sees one.
        port: None for a free one.
        listen: The address to listen on.
        env: Environment variables besides those of this process.
    """

    def __init__(
        self,
        installation: Installation | None = None,
        *,
        log: str | Path,
        base_directory: str | Path | None = None,
        args: Sequence[str] = (),
        cpu: bool | None = None,
        port: int | None = None,
        listen: str = "127.0.0.1",
        env: dict[str, str] | None = None,
    ) -> None:
        self.installation = installation or find_installation()
        self.log = Path(log)
        self.base_directory = Path(base_directory).absolute() if base_directory else None
        self.args = tuple(args)
        self.cpu = cpu
        self.listen = listen
        self._wanted_port = port
        self._env = env or {}
        self._temp = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._status: int | None = None
        self.port = port or 0

    @property
    def url(self) -> str:
        """Address of the server, such as `http://127.0.0.1:40123`."""
        host = "127.0.0.1" if self.listen in ("0.0.0.0", "::", "0.0.0.0,::") else self.listen  # noqa: S104
        return f"http://{host}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server. Raises ServerUnreachable when it isn't running."""
        if self._process is None:
            raise ServerUnreachable("The server was not started.")
        return self._process.pid

    def running(self) -> bool:
        """Whether the process is there; it may not answer yet."""
        return self._process is not None and self._process.poll() is None

    def ending(self) -> str:
        """How the process ended, as the end of a sentence that begins with its name; empty while it runs."""
        status = self._process.poll() if self._process else self._status
        if status is None:
            return ""
        if status >= 0:
            return f"has ended by itself (exit status {status})"
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        if -status in FAULTS:
            return f"has crashed ({name})"
        return f"was killed ({name})" + (
            "; the system does that when memory runs out: lower the sizes, or close other programs"
            if name == "SIGKILL"
            else ""
        )

    def start(self, *, deadline: float = 300.0, on_wait: Callable[[float], None] | None = None) -> LocalServer:
        """Start the server and wait until it answers.

        Args:
            deadline: Seconds to wait at most.
            on_wait: Called several times a second meanwhile, with the seconds gone.

        Raises:
            ServerUnreachable: Another program has the port, or the server ends or doesn't answer in time; then
                the message has the end of its log.
        """
        if self._wanted_port and _taken(self.listen, self._wanted_port):
            raise ServerUnreachable(
                f"Port {self._wanted_port} is already in use, perhaps by another ComfyUI. Choose another port, "
                "or end the program that has it."
            )
        for _ in range(3):
            self._launch()
            try:
                self._wait(deadline, on_wait)
            except BaseException:
                self.stop()
                # Between our choice of a free port and the server's bind, somebody else may take it.
                if self._wanted_port is None and "address already in use" in self.log_tail().lower():
                    continue
                raise
            return self
        raise ServerUnreachable(f"No free port could be kept for the server. Its log is {self.log}.")

    def stop(self, *, grace: float = 5.0) -> None:
        """End the server and everything it started. Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        if process.poll() is None and os.name != "nt":
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace)
        _end_tree(process)
        self._status = process.wait()
        if process.stdin:
            process.stdin.close()
        temp, self._temp = self._temp, ""
        if temp:
            shutil.rmtree(temp, ignore_errors=True)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log."""
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def __enter__(self) -> LocalServer:
        return self if self.running() else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def command(self) -> list[str]:
        """The command line that starts the server."""
        python, main = str(self.installation.python), str(self.installation.comfyui / "main.py")
        boot = [] if os.name == "nt" else [str(BOOT)]
        command = [python, "-u", *boot, main, "--listen", self.listen, "--port", str(self.port)]
        command += ["--disable-auto-launch", "--max-upload-size", str(MAX_UPLOAD_MB)]
        # The asset database is of no use here, and two servers of one installation would fight over it.
        command += ["--database-url", "sqlite:///:memory:"]
        if self.base_directory:
            command += ["--base-directory", str(self.base_directory)]
        elif self.installation.extra_model_paths:
            command += ["--extra-model-paths-config", str(self.installation.extra_model_paths)]
        if self._temp:
            command += ["--temp-directory", self._temp]
        if self.cpu and "--cpu" not in self.args:
            command += ["--cpu"]
        return [*command, *self.args]

    def _launch(self) -> None:
        if self.cpu is None:
            self.cpu = "--cpu" in self.args or not _has_accelerator(self.installation.python)
        self.port = self._wanted_port or _free_port()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if not self._temp and not self.base_directory:
            # A server empties its temporary folder when it starts, and another one may be using the usual one.
            self._temp = tempfile.mkdtemp(prefix="myspinbot-")
        env = {**os.environ, **_thread_settings(), **self._env, "PYTHONUNBUFFERED": "1"}
        env.pop("PYTHONPATH", None)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.installation.comfyui,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                # A group of its own: the terminal's Ctrl-C is for the runner, which then ends the server.
                start_new_session=os.name != "nt",
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0,
            )
        atexit.register(self.stop)

    def _wait(self, deadline: float, on_wait: Callable[[float], None] | None) -> None:
        began = time.monotonic()
        # No proxy from the environment may stand between us and our own machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while (waited := time.monotonic() - began) < deadline:
            if not self.running():
                raise ServerUnreachable(
                    f"ComfyUI {self.ending()} while it was starting. "
                    f"Its log is {self.log}; it ends with:\n{self.log_tail()}"
                )
            try:
                with opener.open(f"{self.url}/queue", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            if on_wait:
                on_wait(waited)
        raise ServerUnreachable(
            f"ComfyUI didn't answer within {deadline:.0f} s. Its log is {self.log}; it ends with:\n{self.log_tail()}"
        )


def _has_accelerator(python: Path) -> bool:
    """Whether PyTorch sees a GPU: ComfyUI refuses to start without one unless told so."""
    if sys.platform == "linux" and not any(found for name in DEVICES for found in Path("/dev").glob(name)):
        return False  # without asking PyTorch, whose import takes seconds
    found = subprocess.run([str(python), "-c", PROBE], capture_output=True, text=True, check=False)
    return found.stdout.strip() != "0"  # when the probe itself fails, ComfyUI's own message is the better one


def _thread_settings() -> dict[str, str]:
    """Fewer PyTorch threads on small machines, unless the user chose.

    OpenMP threads wait for each other by spinning. On two cores, with the server's own threads beside
    them, that made small models five times slower than one thread.
    """
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return {"OMP_NUM_THREADS": str(max(1, cores // 2))} if cores <= 4 else {}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _taken(listen: str, port: int) -> bool:
    """Whether another program listens there; its answers would be taken for our server's."""
    host = "" if "," in listen else listen
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name != "nt":  # there it would mean that the port may be shared
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _end_tree(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        # /T finds the children through their living parent, so on Windows nobody is asked politely first.
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
