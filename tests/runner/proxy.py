"""A TCP proxy that misbehaves on demand: cuts, freezes and loses answers."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from urllib.parse import urlsplit


def _listening(port: int, seconds: float = 60) -> socket.socket:
    """A listener at a port; where somebody has it just now, as soon as it is free."""
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise
        time.sleep(0.1)


class Proxy:
    """Forwards to a server. Every switch may be changed while connections are open."""

    def __init__(self, target: str, port: int = 0) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener = _listening(port)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.frozen = False
        """Nothing is forwarded, and nothing is closed: what a lost network looks like."""
        self.lose_answers_to = b""
        """The answer to the next request that begins so is thrown away, and the connection is cut."""
        self.cut_downloads_after = 0
        """Connections are cut after so many bytes from the server; 0 for never."""
        self.lost = 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection that is open now."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._pairs.clear()

    def close(self) -> None:
        self._open = False
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while self._open:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                continue
            server.settimeout(None)
            self._pairs.append((client, server))
            state = {"lose": False}
            threading.Thread(target=self._pump, args=(client, server, True, state), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False, state), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, upwards: bool, state: dict[str, bool]) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                while self.frozen:
                    time.sleep(0.02)
                if upwards and self.lose_answers_to and data.startswith(self.lose_answers_to):
                    self.lose_answers_to, state["lose"] = b"", True
                if not upwards and state["lose"]:
                    self.lost += 1
                    break
                passed += len(data)
                sink.sendall(data)
                if not upwards and self.cut_downloads_after and passed > self.cut_downloads_after:
                    break
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
