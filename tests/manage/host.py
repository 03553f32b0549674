"""A real HTTP server of files that misbehaves as it is told."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Script = Callable[["Handler"], None]


def safetensors(size: int, seed: int = 0) -> bytes:
    """A whole safetensors file with about `size` bytes of numbers."""
    count = size // 4
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, count * 4]}}).encode()
    block = hashlib.sha256(str(seed).encode()).digest()
    data = (block * (count * 4 // len(block) + 1))[: count * 4]
    return struct.pack("<Q", len(header)) + header + data


@dataclass
class Host:
    """Serves `files` by path. `scripts` holds, per path, what to do instead for the first requests."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    scripts: dict[str, list[Script]] = field(default_factory=dict[str, list[Script]])
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    ranges: bool = True
    tags: bool = True
    checks_tags: bool = True
    gate: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, content: bytes, *scripts: Script) -> str:
        """Offer a file and return its address."""
        self.files[path], self.scripts[path] = content, list(scripts)
        return f"{self.url}{path}"

    def asked(self, name: str) -> list[str | None]:
        """A header of each request so far."""
        return [headers.get(name) for _, headers in self.seen]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: Host

    def do_GET(self) -> None:
        host, path = self.host, self.path.split("?")[0]
        host.seen.append((path, dict(self.headers.items())))
        scripts = host.scripts.get(path) or []
        try:
            (scripts.pop(0) if scripts else whole)(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    @property
    def content(self) -> bytes:
        return self.host.files.get(self.path.split("?")[0], b"")

    def head(self, status: int, length: int | None, **headers: str) -> None:
        """Status and headers; names with `_` for `-`."""
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def start(self) -> int:
        """The first byte that was asked for, if this server goes in for that."""
        value, host = self.headers.get("Range"), self.host
        if not value or not host.ranges:
            return 0
        tag = self.headers.get("If-Range")
        if tag and tag != self.tag and host.checks_tags:
            return 0
        return int(value.removeprefix("bytes=").rstrip("-"))

    @property
    def tag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:8]}"' if self.host.tags else ""

    def opening(self) -> bytes:
        """Send the head of a good answer and return the bytes that belong after it."""
        start, total = self.start(), len(self.content)
        extra = {"ETag": self.tag} if self.host.tags else {}
        if start >= total > 0:
            self.head(416, 0, Content_Range=f"bytes */{total}")
            return b""
        if start:
            extra["Content_Range"] = f"bytes {start}-{total - 1}/{total}"
        self.head(206 if start else 200, total - start, Content_Type="application/octet-stream", **extra)
        return self.content[start:]

    def log_message(self, format: str, *args: object) -> None:
        pass


def whole(handler: Handler) -> None:
    """The file, as it should be."""
    if handler.path.split("?")[0] not in handler.host.files:
        handler.head(404, 0)
        return
    handler.wfile.write(handler.opening())


def drop(count: int) -> Script:
    """Sends `count` bytes of what was asked for and hangs up."""

    def script(handler: Handler) -> None:
        handler.wfile.write(handler.opening()[:count])
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.close()

    return script


def answer(status: int, **headers: str) -> Script:
    """An answer without a body."""
    return lambda handler: handler.head(status, 0, **headers)


def body(content: bytes, status: int = 200, length: int | None = None, **headers: str) -> Script:
    """Other bytes; `length` is what is said of their number."""

    def script(handler: Handler) -> None:
        handler.head(status, len(content) if length is None else length, **headers)
        handler.wfile.write(content)
        handler.close_connection = True

    return script


def endless(content: bytes) -> Script:
    """Bytes without a word about their number, ended by hanging up."""

    def script(handler: Handler) -> None:
        handler.head(200, None)
        handler.wfile.write(content)

    return script


def chunked(content: bytes, *, cut: bool = False) -> Script:
    """The file in chunks; cut, the last one never comes."""

    def script(handler: Handler) -> None:
        handler.head(200, None, Transfer_Encoding="chunked")
        handler.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n" + (b"" if cut else b"0\r\n\r\n"))

    return script


def slow(handler: Handler) -> None:
    """Sends the first half, then waits until the host's gate opens."""
    rest = handler.opening()
    handler.wfile.write(rest[: len(rest) // 2])
    handler.wfile.flush()
    handler.host.gate.wait(600)
    handler.wfile.write(rest[len(rest) // 2 :])


def serve() -> tuple[Host, ThreadingHTTPServer]:
    """Start a server on a free port."""
    handler = type("OneHost", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    host = Host(f"http://127.0.0.1:{server.server_address[1]}")
    handler.host = host
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return host, server
