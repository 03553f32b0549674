"""Plain HTTP to one server: separate limits for connecting and reading, streams in both directions."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.parse
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .errors import BadInput, ServerStalled, ServerUnreachable

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0


class ConnectionLost(ServerUnreachable):
    """The connection was refused or cut: nobody is there at the moment."""


class ReadTimeout(ServerStalled):
    """The server took the connection but didn't answer in time."""


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None when it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """The beginning of the body as text."""
        return self.body[:2000].decode("utf-8", "replace")


class Http:
    """Requests to the server at `url`, such as `http://127.0.0.1:8188` or `https://host/prefix`."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        text = url if "://" in url else f"http://{url}"
        try:
            parts = urllib.parse.urlsplit(text)
            self.port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise BadInput(f"{url!r} is not a server address.") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{url!r} is not a server address; write it like http://127.0.0.1:8188.")
        self.host = parts.hostname
        self.secure = parts.scheme == "https"
        self.prefix = parts.path.rstrip("/")
        self.headers = dict(headers or {})
        self.url = f"{parts.scheme}://{parts.netloc}{self.prefix}"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = READ_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer. A dictionary as `body` is sent as JSON.

        Raises ConnectionLost when the server can't be reached or hangs up, and ReadTimeout when it doesn't answer.
        """
        with self.open(method, path, body, timeout=timeout, headers=headers) as response:
            try:
                return Answer(response.status, response.read())
            except TimeoutError:
                raise ReadTimeout(f"{self.url} stopped answering.") from None
            except (OSError, http.client.HTTPException) as error:
                raise ConnectionLost(f"{self.url} hung up ({_why(error)}).") from None

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = READ_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Generator[http.client.HTTPResponse]:
        """Send a request and hand out the response before its body is read."""
        sent = {**self.headers, **(headers or {})}
        data: bytes | Iterable[bytes] | None = body
        if isinstance(body, dict):
            # Not ASCII only: half the size for other alphabets, and the limit counts bytes.
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
            sent["Content-Type"] = "application/json"
        connection = self._connect()
        try:
            try:
                if connection.sock:
                    connection.sock.settimeout(timeout)
                connection.request(method, self.prefix + path, body=data, headers=sent)
                response = connection.getresponse()
            except TimeoutError:
                raise ReadTimeout(f"{self.url} doesn't answer; it took longer than {timeout:.0f} s.") from None
            except (OSError, http.client.HTTPException) as error:
                raise ConnectionLost(f"{self.url} hung up ({_why(error)}).") from None
            yield response
        finally:
            connection.close()

    def knock(self) -> None:
        """Find out whether anybody takes connections there. Raises ConnectionLost or ReadTimeout."""
        self._connect().close()

    def _connect(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if self.secure:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=CONNECT_SECONDS, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except TimeoutError:
            raise ReadTimeout(f"{self.url} doesn't take connections.") from None
        except (OSError, ssl.SSLError) as error:
            raise ConnectionLost(
                f"No server answers at {self.url} ({_why(error)}). Start one with `myspinbot serve`."
            ) from None
        if connection.sock:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
