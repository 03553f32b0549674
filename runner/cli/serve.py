"""`myspinbot serve`."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType

import click

from ..errors import Cancelled, ServerUnreachable
from ..locate import find_installation, new_log
from ..server import LocalServer


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--port", type=click.IntRange(1, 65535), default=8188, show_default=True, help="Port to listen on.")
@click.option("--listen", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--comfyui", help="ComfyUI's folder.")
@click.option("--python", help="The Python that runs it.")
@click.argument("args", nargs=-1, type=click.UNPROCESSED, metavar="[COMFYUI ARGUMENTS]")
def serve(port: int, listen: str, comfyui: str | None, python: str | None, args: tuple[str, ...]) -> None:
    """Run a headless ComfyUI in the foreground until Ctrl-C. Further arguments go to ComfyUI."""
    if listen not in ("127.0.0.1", "localhost", "::1"):
        click.secho(
            f"Warning: everybody who reaches {listen}:{port} can run any code on this machine. ComfyUI's API has "
            "no authentication. Put a proxy with a password in front, or keep it in a private network.",
            fg="yellow",
            err=True,
        )
    log = new_log()
    local = LocalServer(find_installation(comfyui, python), log=log, args=args, port=port, listen=listen)
    ended = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if ended.is_set():
            raise Cancelled("Left at once.")
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    threading.Thread(target=_copy, args=(local, ended), daemon=True).start()
    try:
        local.start(on_wait=lambda _: _give_up(ended))
        click.secho(f"ComfyUI answers at {local.url}. Its log is {log}. Ctrl-C ends it.", fg="green", err=True)
        while local.running() and not ended.wait(0.5):
            pass
        if not ended.is_set():
            raise ServerUnreachable(f"ComfyUI {local.ending()}. Its log is {log}; it ends with:\n{local.log_tail()}")
    finally:
        ended.set()
        local.stop()


def _give_up(ended: threading.Event) -> None:
    if ended.is_set():
        raise Cancelled("Stopped while ComfyUI was starting.")


def _copy(local: LocalServer, ended: threading.Event) -> None:
    """Show the log as it grows."""
    while not local.log.exists() and not ended.wait(0.1):
        pass
    with local.log.open(encoding="utf-8", errors="replace") as log:
        while not ended.is_set():
            text = log.read()
            sys.stderr.write(text)
            sys.stderr.flush()
            if not text:
                time.sleep(0.1)
