"""A real ComfyUI behind a real nginx: passwords, TLS, a path, outages, lost answers, limits, sign-in pages."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from myspinbot_manage.cli import call as call_here
from myspinbot_runner import Client
from myspinbot_runner.errors import CannotSave, UnusableServer
from myspinbot_runner.events import Finished, Trouble
from tests.conftest import missing
from tests.runner.helpers import call, follow, free_port, held, image, in_background, runs, steps, until, write
from tests.runner.proxy import Proxy

CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
    access_log off; client_max_body_size 0; proxy_http_version 1.1; proxy_connect_timeout 2s;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    map $http_upgrade $hop {{ default upgrade; "" close; }}
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $hop;
    limit_req_zone $server_port zone=slow:1m rate=3r/s; limit_req_status 429;
    server {{
        listen 127.0.0.1:{port};
        location /plain/ {{ proxy_pass {target}/; }}
        location /limited/ {{ limit_req zone=slow; proxy_pass {target}/; }}
        location /signed/view {{ default_type text/html; return 200 "<!doctype html><title>Sign in</title>"; }}
        location /signed/ {{ proxy_pass {target}/; }}
        location /token/ {{
            if ($http_authorization != "Bearer s3cret-token") {{ return 401; }}
            proxy_pass {target}/;
        }}
        location /moved/ {{ rewrite ^/moved/(.*)$ /plain/$1 permanent; }}
        location / {{ default_type text/html; return 200 "<!doctype html><title>Sign in</title>"; }}
    }}
    server {{
        listen 127.0.0.1:{secure} ssl;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        location /comfy/ {{
            auth_basic "Who?"; auth_basic_user_file {folder}/users;
            proxy_pass {target}/;
        }}
    }}
}}
"""


@dataclass
class Gateway:
    """nginx in front of a proxy that misbehaves in front of the server."""

    folder: Path
    url: str
    secure: str
    proxy: Proxy

    @property
    def certificate(self) -> str:
        return str(self.folder / "cert.pem")


@pytest.fixture(scope="module")
def gateway(server, tmp_path_factory) -> Iterator[Gateway]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    openssl = shutil.which("openssl")
    if not nginx or not openssl:
        missing("nginx and openssl aren't both here.")
        raise AssertionError
    folder, proxy = tmp_path_factory.mktemp("nginx"), Proxy(server.url, free_port())  # its own again after an outage
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(make, cwd=folder, check=True, capture_output=True)
    (folder / "users").write_text("bob:{PLAIN}se/cret word\n")
    process, port, secure = started(nginx, folder, proxy.url)
    found = Gateway(folder, f"http://127.0.0.1:{port}", f"https://127.0.0.1:{secure}/comfy", proxy)
    yield found
    process.terminate()
    process.wait()
    found.proxy.close()


def started(nginx: str, folder: Path, target: str) -> tuple[subprocess.Popen[bytes], int, int]:
    """nginx that listens, and at which ports, the second with TLS; at others where somebody else took those first."""
    for _ in range(5):
        port, secure = free_port(), free_port()
        config = CONFIG.format(folder=folder, port=port, secure=secure, target=target)
        (folder / "nginx.conf").write_text("user root;\n" * (Path.home() == Path("/root")) + config)
        command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with (folder / "said").open("wb") as output:
            process = subprocess.Popen(command, stderr=output)
        assert until(lambda running=process: (folder / "pid").exists() or running.poll() is not None, 60)
        if process.poll() is None:
            return process, port, secure
        said = (folder / "said").read_text()
        assert "Address already in use" in said, said
    raise AssertionError("Somebody else had nginx's ports five times.")


def test_nginx_takes_other_ports_where_its_own_are_taken(gateway, tmp_path, monkeypatch):
    given = iter([gateway.proxy.port, free_port(), free_port(), free_port()])
    first = gateway.proxy.port
    for name in ("cert.pem", "key.pem", "users"):
        shutil.copy(gateway.folder / name, tmp_path)
    monkeypatch.setitem(globals(), "free_port", lambda: next(given))
    process, *ports = started(shutil.which("nginx") or "/usr/sbin/nginx", tmp_path, gateway.proxy.url)
    process.terminate()
    process.wait()
    assert first not in ports


def test_a_password_a_certificate_and_a_path(gateway, tmp_path):
    where = ["--server", gateway.secure, "--out", str(tmp_path / "o")]
    trusted = [*where, "--ca-file", gateway.certificate]
    inside = gateway.secure.replace("//", "//bob:se%2Fcret%20word@")
    for arguments, env in (
        ([*trusted, "--user", "bob:se/cret word"], {}),
        (trusted, {"MYSPINBOT_USER": "bob:se/cret word"}),
        (["--server", inside, "--out", str(tmp_path / "o")], {"SSL_CERT_FILE": gateway.certificate}),
        (
            [
                *where,
                "--insecure",
                "--header",
                f"authorization: Basic {base64.b64encode(b'bob:se/cret word').decode()}",
            ],
            {},
        ),
    ):
        path = write(tmp_path / "w.json", steps(3))  # a new one, of which nothing is cached
        code, out, err = call("run", path, "--json", *arguments, env=env)
        assert code == 0, out + err
        kinds = [json.loads(line)["event"] for line in out.splitlines()]
        assert "node_started" in kinds, "the websocket too gets in"
        assert "cret" not in out + err
        assert ("nobody knows who answers" in err) is ("--insecure" in arguments)
    for arguments, said in (
        (trusted, "wants to know who asks"),
        ([*trusted, "--user", "bob:wrong"], "wants to know who asks"),
        ([*where, "--user", "bob:se/cret word"], "not over TLS that is accepted"),
    ):
        code, out, err = call("run", path, *arguments)
        assert (code, out) == (11, "")
        assert said in err
        assert "Starting" not in err
        assert "cret" not in err


def test_a_token_comes_from_the_environment(gateway, monkeypatch, capsys):
    for token, code in (("s3cret-token", 0), ("wrong", 11)):
        monkeypatch.setenv("MYSPINBOT_TOKEN", token)
        assert call_here(["status", "--server", f"{gateway.url}/token"]) == code
        shown = capsys.readouterr()
        assert token not in shown.out + shown.err


def test_what_is_no_way_in_is_said_without_its_secret(capsys, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    for arguments, said in (
        (["--user", "s3cret"], "take NAME:PASSWORD"),
        (["--header", "s3cret"], "takes 'NAME: VALUE'"),
        (["--header", "X-Key: s3cret\r\nOther: x"], "letters that none may have"),
        (["--ca-file", str(tmp_path / "none.pem"), "--server", "https://127.0.0.1:1"], "No such file"),
        (["--ca-file", str(tmp_path / "empty.pem"), "--server", "https://127.0.0.1:1"], "holds no certificate"),
    ):
        assert call_here(["status", *arguments]) == 4
        err = capsys.readouterr().err
        assert said in err
        assert "s3cret" not in err


def test_an_outage_behind_the_gateway_is_borne(server, gateway):
    work = steps(20)
    with held(server, work) as release:
        job = Client(f"{gateway.url}/plain").submit(work)
        assert until(lambda: runs(server, work))
        port = gateway.proxy.port
        gateway.proxy.close()

        def back() -> None:
            time.sleep(3)
            gateway.proxy = Proxy(server.url, port)
            release()

        in_background(back)
        seen = follow(job)
    assert [event for event in seen if isinstance(event, Trouble) and "502" in event.text]
    assert isinstance(seen[-1], Finished)
    assert runs(server, work) == 1


def test_a_submission_whose_answer_was_lost_behind_the_gateway_runs_once(server, gateway):
    gateway.proxy.lose_answers_to = b"POST /prompt"
    before, work = gateway.proxy.lost, steps(2)
    follow(Client(f"{gateway.url}/plain").submit(work))
    assert gateway.proxy.lost == before + 1
    assert runs(server, work) == 1


def test_a_limit_of_requests_is_waited_out(gateway, tmp_path):
    picture = tmp_path / "x.png"
    from PIL import Image

    Image.new("RGB", (16, 16), "red").save(picture)
    work = {"1": {"class_type": "LoadImage", "inputs": {"image": "x"}}}
    work["2"] = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "limited"}}
    path = write(tmp_path / "w.json", work)
    arguments = ["--set", f"1.image={picture}", "--out", str(tmp_path / "o"), "--server", f"{gateway.url}/limited"]
    code, out, err = call("run", path, *arguments)
    assert code == 0, err
    assert Path(out.strip()).is_file()


def test_a_page_that_wants_a_sign_in_is_no_server_and_no_result(gateway, tmp_path, capsys):
    for path, said in (
        ("", "is no ComfyUI: it answers .* with a web page"),
        ("/moved", f"leads on to {gateway.url}/plain"),
    ):
        for command in (["status"], ["run", "--no-start", write(tmp_path / "w.json", image())]):
            assert call_here([*command, "--server", gateway.url + path]) == 11
        with pytest.raises(UnusableServer, match=said):
            Client(gateway.url + path).jobs()
    capsys.readouterr()
    job = Client(f"{gateway.url}/signed").submit(image())
    job.result()
    with pytest.raises(CannotSave, match="it sends a web page in place of the file"):
        job.save(tmp_path / "o")
    assert not [found for found in (tmp_path / "o").rglob("*") if found.is_file()]
