"""The server's websocket as a source of hints: it may drop, go deaf or never open, and nothing depends on it."""

from __future__ import annotations

import contextlib
import json
import struct
import time
from typing import Any

import websocket

from .http import CONNECT_SECONDS, Http

PREVIEW, PREVIEW_WITH_DATA = 1, 4
PING_SECONDS = 10.0
# After this long without any sign of life, pongs included, the connection counts as dead.
DEAD_SECONDS = 25.0
# The first wait after a drop, doubled each time.
FIRST_RETRY, LAST_RETRY = 0.25, 10.0
# A connection that follows another may be deaf: the server forgets it when the old one finally closes.
DEAF_SECONDS = 10.0

Message = dict[str, Any] | bytes


class Stream:
    """Events for one client id. `receive` never raises; when the socket is down it waits and reconnects."""

    def __init__(self, http: Http, client_id: str, *, previews: bool = False) -> None:
        self._url = f"{'wss' if http.secure else 'ws'}{http.url[http.url.index('://') :]}/ws?clientId={client_id}"
        self._headers = http.headers
        self._tls = {"context": http.tls} if http.tls else {}
        self._previews = previews
        self._socket: websocket.WebSocket | None = None
        self._retry_at = 0.0
        self._retry = FIRST_RETRY
        self._last_sign = self._last_event = self._last_ping = 0.0
        self._patience = DEAF_SECONDS
        self.drops = 0

    @property
    def open(self) -> bool:
        """Whether the socket is up."""
        return self._socket is not None

    def connect(self) -> bool:
        """Open the socket; False when it can't be opened now."""
        try:
            self._socket = websocket.create_connection(
                self._url,
                timeout=CONNECT_SECONDS,
                header=self._headers,
                sslopt=self._tls,
                # It is for browsers: ComfyUI refuses one that isn't its own host, as a gateway may change it.
                suppress_origin=True,
                enable_multithread=False,
                # Not from the environment: a proxy has no business between us and a named server.
                http_no_proxy=["*"],
            )
            if self._previews:
                # Only as the very first message does it count.
                flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
                self._socket.send(json.dumps(flags))
        except (OSError, websocket.WebSocketException):
            self._socket = None
            self._retry_at = time.monotonic() + self._retry
            self._retry = min(self._retry * 2, LAST_RETRY)
            return False
        now = time.monotonic()
        self._last_sign = self._last_event = self._last_ping = now
        self._retry = FIRST_RETRY
        return True

    def receive(self, seconds: float) -> Message | None:
        """The next message, or None after about `seconds` without one."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            if self._socket is None:
                if now < self._retry_at or not self.connect():
                    time.sleep(max(0.0, min(end, self._retry_at) - time.monotonic()))
            else:
                self._check(now)
            if self._socket is not None:
                message = self._read(max(0.001, min(end - time.monotonic(), PING_SECONDS)))
                if message is not None:
                    return message
            if time.monotonic() >= end:
                return None

    def expect_events(self) -> None:
        """Called while the job runs: a silent connection that replaced another is replaced once more."""
        silent = time.monotonic() - self._last_event
        if self._socket is not None and self.drops and silent > self._patience:
            self._patience *= 2
            self.close()
            self._retry_at = 0.0

    def close(self) -> None:
        """Say goodbye and wait for the answer, so that a new connection of this client id isn't deaf."""
        if self._socket is not None:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self._socket.close(timeout=2)
            self._socket = None

    def end(self) -> None:
        """Hang up without ceremony, when no other connection of this client id will follow."""
        socket, self._socket = self._socket, None
        if socket is not None:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                socket.shutdown()

    def _check(self, now: float) -> None:
        if now - self._last_sign > DEAD_SECONDS:
            self._drop()
        elif now - self._last_ping > PING_SECONDS and self._socket is not None:
            self._last_ping = now
            try:
                self._socket.ping()
            except (OSError, websocket.WebSocketException):
                self._drop()

    def _read(self, seconds: float) -> Message | None:
        if self._socket is None:
            return None
        try:
            self._socket.settimeout(seconds)
            code, data = self._socket.recv_data(control_frame=True)
        except websocket.WebSocketTimeoutException:
            return None
        except (OSError, websocket.WebSocketException, ValueError):
            self._drop()
            return None
        self._last_sign = time.monotonic()
        if code == websocket.ABNF.OPCODE_CLOSE:
            self._drop()
            return None
        if code == websocket.ABNF.OPCODE_BINARY:
            return bytes(data)
        if code != websocket.ABNF.OPCODE_TEXT:
            return None
        try:
            message = json.loads(data)
        except ValueError:
            return None
        if not isinstance(message, dict):
            return None
        if message.get("type") != "status":
            self._last_event = self._last_sign
        return message

    def _drop(self) -> None:
        self.end()
        self.drops += 1
        self._retry_at = time.monotonic() + self._retry


def read_preview(data: bytes) -> tuple[dict[str, Any], bytes] | None:
    """The metadata and the picture of a binary message; None when it is something else."""
    if len(data) < 8:
        return None
    kind, second = struct.unpack(">II", data[:8])
    if kind == PREVIEW:
        return {}, data[8:]
    if kind != PREVIEW_WITH_DATA:
        return None
    try:
        meta = json.loads(data[8 : 8 + second])
    except ValueError:
        return None
    return (meta if isinstance(meta, dict) else {}), data[8 + second :]
