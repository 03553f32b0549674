"""Plain HTTP to one server: separate limits for connecting and reading, streams in both directions."""

from __future__ import annotations

import base64
import email.utils
import http.client
import json
import re
import socket
import ssl
import time
import urllib.parse
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BadInput, ServerStalled, ServerUnreachable, UnusableServer

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
# What a proxy answers while the server behind it is away, overloaded or slow.
GATEWAY_AWAY, GATEWAY_TIMEOUT = (429, 502, 503), 504
LONGEST_WAIT = 60.0
"""Seconds that a proxy's `Retry-After` may ask for."""
# ComfyUI's own routes that refuse single files with 403; everywhere else somebody in front of it does.
FILE_ROUTES = ("/view", "/upload")


class ConnectionLost(ServerUnreachable):
    """The connection was refused or cut, or a proxy has no server behind it: nobody is there at the moment.

    Attributes:
        status: What a proxy answered in the server's place; 0 where nobody answered.
        wait: Seconds after which the proxy wants to be asked again; 0 where it doesn't say.
    """

    def __init__(self, message: str, *, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.wait = min(wait, LONGEST_WAIT)


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
    """Requests to one server.

    Args:
        url: Its address, such as `http://127.0.0.1:8188` or `https://host/prefix`. A user and a password in it
            (`https://name:word@host`) are sent as basic authentication, and are left out of `url` and of messages.
        headers: Sent with every request.
        ca_file: Certificates that are trusted besides the system's, as PEM.
        insecure: Whether to accept any certificate, so that nobody knows who answers.

    Raises:
        BadInput: The text is not an address, a header can't be sent, or the file holds no certificates.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        ca_file: str | Path | None = None,
        insecure: bool = False,
    ) -> None:
        parts, host, self.port = _parse(url)
        self.host = host
        self.secure = parts.scheme == "https"
        self.prefix = urllib.parse.quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        self.headers = dict(headers or {})
        for name, value in self.headers.items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+", name, re.ASCII) or not re.fullmatch(
                r"[\t -~\xa0-\xff]*", value
            ):
                raise BadInput(
                    f"The header {name!r} can't be sent: its name or its value has letters that none may have."
                )
        self.tls = _tls(ca_file, insecure=insecure) if self.secure else None
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self.prefix}"
        if parts.username is not None:
            name, password = urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or "")
            if "authorization" not in map(str.lower, self.headers):
                self.headers["Authorization"] = basic_authorization(name, password)

    def __str__(self) -> str:
        return self.url

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = READ_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer.

        Args:
            method: `GET` or `POST`.
            path: What follows the server's address, with the query.
            body: A dictionary is sent as JSON; bytes, or pieces of bytes, as they are.
            timeout: Seconds to wait for each piece of the answer.
            headers: Besides those of all requests.

        Raises:
            ConnectionLost: The server can't be reached or hangs up, or a proxy says that it is away.
            ReadTimeout: It doesn't answer in time.
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
        """Send a request and hand out the response before its body is read. As `ask` otherwise."""
        sent = {**self.headers, **(headers or {})}
        data: bytes | Iterable[bytes] | None = body
        if isinstance(body, dict):
            # Not ASCII only: half the size for other alphabets, and the limit counts bytes.
            # Half an emoji, which JSON allows and UTF-8 doesn't, stays the escape that it was in the file.
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
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
            self._check(response, path)
            yield response
        finally:
            connection.close()

    def _check(self, response: http.client.HTTPResponse, path: str) -> None:
        """Raises for what somebody in front of the server says in its place."""
        status, said = response.status, f"{self.url} answers {response.status} ({response.reason})."
        if status in GATEWAY_AWAY:
            raise ConnectionLost(said, status=status, wait=retry_after(response.headers.get("Retry-After")))
        if status == GATEWAY_TIMEOUT:
            raise ReadTimeout(said)
        if status in (401, 407) or (status == 403 and not path.startswith(FILE_ROUTES)):
            raise UnusableServer(
                f"{said} It wants to know who asks, or doesn't let you in: see --user and --header, and the "
                "environment variables MYSPINBOT_USER and MYSPINBOT_TOKEN."
            )
        if 300 <= status < 400 and status != 304:
            to = urllib.parse.urljoin(self.url + path, response.headers.get("Location", ""))
            shown = re.sub(r"//[^/@]*@", "//", to).split("?")[0].removesuffix(path.split("?")[0])
            raise UnusableServer(f"{self.url} leads on to {shown}. Name that address, if a ComfyUI is there.")

    def knock(self) -> None:
        """Find out whether anybody takes connections there.

        Raises:
            ConnectionLost: Nobody does.
            ReadTimeout: It takes too long to find out.
            UnusableServer: Somebody does, with a certificate that isn't accepted, or without TLS.
        """
        self._connect().close()

    def _connect(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if self.tls:
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=CONNECT_SECONDS, context=self.tls)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except TimeoutError:
            raise ReadTimeout(f"{self.url} doesn't take connections.") from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError) as error:
            raise ConnectionLost(f"{self.url} hung up ({_why(error)}).") from None
        except ssl.SSLError as error:
            raise UnusableServer(
                f"{self.url} answers, but not over TLS that is accepted ({_why(error)}). Name the file of "
                "its certificate with --ca-file or in the environment variable SSL_CERT_FILE, or write http:// for a "
                "plain server."
            ) from None
        except (OSError, UnicodeError) as error:
            raise ConnectionLost(
                f"No server answers at {self.url} ({_why(error)}). Start one with `myspinbot serve`."
            ) from None
        if connection.sock:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def basic_authorization(name: str, password: str) -> str:
    """The value of the header `Authorization` for a name and a password."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _tls(ca_file: str | Path | None, *, insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # of which TLS's own errors are a kind
            why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise BadInput(f"The certificates in {ca_file} can't be read ({why}).") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _parse(url: str) -> tuple[urllib.parse.SplitResult, str, int]:
    """An address with its host and port. Raises BadInput when it is none."""
    try:
        parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").encode("idna").decode()
        if host and parts.scheme in ("http", "https") and not re.search(r"[\s\x00-\x1f\x7f]", parts.netloc):
            return parts, host, port
    except ValueError:
        pass
    shown = re.sub(r"//[^/@]*@", "//", url)
    raise BadInput(f"{shown!r} is not a server address; write it like http://127.0.0.1:8188.")


def retry_after(value: str | None) -> float:
    """The seconds that a header `Retry-After` asks to wait; 0 where it doesn't say."""
    if not value:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    date = email.utils.parsedate_tz(value)
    return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else 0.0


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
