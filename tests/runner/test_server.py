"""The server that the runner starts: it comes up, says why when it can't, and never outlives us."""

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from myspinbot_runner.client import Client
from myspinbot_runner.errors import JobLost, ServerUnreachable
from myspinbot_runner.events import Started
from myspinbot_runner.locate import Installation, find_installation
from myspinbot_runner.server import LocalServer, _has_accelerator

ROOT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def fake_comfyui(folder: Path, code: str) -> Installation:
    folder.mkdir()
    (folder / "main.py").write_text(code)
    return Installation(folder, Path(sys.executable))


SERVE = """
import http.server, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("pids", "w").write(f"{__import__('os').getpid()} {child.pid}")
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), H).serve_forever()
"""


def test_a_port_that_is_taken_is_refused_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = LocalServer(fake_comfyui(tmp_path / "comfyui", SERVE), log=tmp_path / "log", cpu=True, port=port)
        with pytest.raises(ServerUnreachable, match=f"Port {port} is already in use"):
            server.start()
    assert not server.running()
    assert not (tmp_path / "comfyui" / "pids").exists()
    with server.start():
        assert server.running()


def test_real_server_answers_and_has_our_nodes(server):
    with urllib.request.urlopen(f"{server.url}/object_info") as answer:
        nodes = json.load(answer)
    assert "TestSteps" in nodes
    assert "KSampler" in nodes
    assert server.base_directory in Path(server.log).parents


def test_stop_ends_the_children_too(tmp_path):
    installation = fake_comfyui(tmp_path / "c", SERVE)
    with LocalServer(installation, log=tmp_path / "log", cpu=True) as running:
        pids = [int(pid) for pid in (tmp_path / "c/pids").read_text().split()]
        assert pids[0] == running.pid
        assert all(map(alive, pids))
    assert until(lambda: not any(map(alive, pids)))
    running.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="signals here are POSIX only")
def test_a_server_started_in_the_background_ends_at_once_too(tmp_path, monkeypatch):
    """A shell starts what runs in the background with Ctrl-C ignored, and what that starts inherits it."""
    monkeypatch.setattr(subprocess, "Popen", functools.partial(subprocess.Popen, preexec_fn=ignore_interrupts))
    with LocalServer(fake_comfyui(tmp_path / "c", SERVE), log=tmp_path / "log", cpu=True) as running:
        before = time.monotonic()
        running.stop(grace=60)
        assert time.monotonic() - before < 50


def ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.skipif(sys.platform == "win32", reason="the watch on the runner's death is POSIX only")
def test_killed_runner_leaves_no_server(tmp_path):
    fake_comfyui(tmp_path / "c", SERVE)
    code = (
        "import sys, time; from pathlib import Path; from myspinbot_runner.server import LocalServer;"
        "from myspinbot_runner.locate import Installation;"
        f"s = LocalServer(Installation(Path({str(tmp_path / 'c')!r}), Path(sys.executable)),"
        f" log={str(tmp_path / 'log')!r}, cpu=True); s.start(); print('up', flush=True); time.sleep(600)"
    )
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert runner.stdout.readline() == b"up\n"
    pids = [int(pid) for pid in (tmp_path / "c/pids").read_text().split()]
    assert all(map(alive, pids))
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    assert until(lambda: not any(map(alive, pids)))


def test_server_that_ends_at_once_shows_its_log(tmp_path):
    installation = fake_comfyui(tmp_path / "c", "raise SystemExit('no module named sausage')")
    with pytest.raises(ServerUnreachable, match="no module named sausage"):
        LocalServer(installation, log=tmp_path / "log", cpu=True).start()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX only")
def test_server_that_is_killed_while_it_starts_is_said_to_have_been_killed(tmp_path):
    installation = fake_comfyui(tmp_path / "c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ServerUnreachable, match=r"was killed \(SIGKILL\).*while it was starting"):
        LocalServer(installation, log=tmp_path / "log", cpu=True).start()


FAKE_JOBS = """
import http.server, json, sys
jobs = []
class H(http.server.BaseHTTPRequestHandler):
    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status); self.send_header("Content-Length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def do_GET(self):
        if self.path.startswith("/api/jobs/"):
            return self.answer(200, {"status": "in_progress"}) if jobs else self.answer(404, {"error": "not found"})
        self.answer(200, {})
    def do_POST(self):
        jobs.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, {})
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), H).serve_forever()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals here are POSIX only")
@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGKILL, r"was killed \(SIGKILL\); the system does that when memory runs out"),
     (signal.SIGTERM, r"was killed \(SIGTERM\)"), (signal.SIGSEGV, r"has crashed \(SIGSEGV\)")],
)  # fmt: skip
def test_server_of_our_own_that_is_killed_during_a_job_is_said_to_have_been_killed(tmp_path, number, said):
    installation = fake_comfyui(tmp_path / "c", FAKE_JOBS)
    with LocalServer(installation, log=tmp_path / "log", cpu=True) as running:
        assert running.ending() == ""
        job = Client(running.url).submit({"1": {"class_type": "Any", "inputs": {}}})
        job.local = running
        with pytest.raises(JobLost, match=said):
            for event in job.events():
                if isinstance(event, Started):
                    os.kill(running.pid, number)


def test_server_that_ends_by_itself_is_not_said_to_have_been_killed(tmp_path):
    installation = fake_comfyui(tmp_path / "c", "raise SystemExit(3)")
    with pytest.raises(ServerUnreachable, match=r"has ended by itself \(exit status 3\) while it was starting"):
        LocalServer(installation, log=tmp_path / "log", cpu=True).start()


def test_server_that_never_answers_hits_the_deadline_and_is_ended(tmp_path):
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    installation = fake_comfyui(tmp_path / "c", code)
    pid, waits = tmp_path / "c" / "pid", []

    def wait(seconds):
        waits.append(seconds)
        assert until(lambda: pid.exists() and pid.read_text(), 120)

    with pytest.raises(ServerUnreachable, match="didn't answer within 1 s"):
        LocalServer(installation, log=tmp_path / "log", cpu=True).start(deadline=1, on_wait=wait)
    assert waits
    assert not alive(int(pid.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows its devices as files")
def test_pytorch_is_not_asked_where_there_is_no_device(tmp_path, monkeypatch):
    """Its import takes seconds. Where there may be one, it has the last word."""
    monkeypatch.setattr("myspinbot_runner.server.DEVICES", ("no-such-device*",))
    assert not _has_accelerator(tmp_path / "no python")
    monkeypatch.setattr("myspinbot_runner.server.DEVICES", ("null",))
    python = tmp_path / "python"
    for answer, found in (("1", True), ("0", False)):
        python.write_text(f"#!/bin/sh\necho {answer}\n")
        python.chmod(0o755)
        assert _has_accelerator(python) is found


def test_installation_is_found_in_the_stated_order(tmp_path, monkeypatch):
    for name in ("option", "env", "file"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").touch()
    written = {"comfyui": str(tmp_path / "file"), "python": sys.executable}
    (tmp_path / "myspinbot.local.json").write_text(json.dumps(written))
    (tmp_path / "runner").mkdir()
    (tmp_path / "imports").mkdir()
    (tmp_path / "imports" / "runner").symlink_to(tmp_path / "runner")  # as a clone puts it on the path
    monkeypatch.setattr("myspinbot_runner.locate.__file__", str(tmp_path / "imports" / "runner" / "locate.py"))
    monkeypatch.delenv("MYSPINBOT_COMFYUI", raising=False)
    monkeypatch.delenv("MYSPINBOT_PYTHON", raising=False)
    assert find_installation() == Installation(tmp_path / "file", Path(sys.executable))
    monkeypatch.setenv("MYSPINBOT_COMFYUI", str(tmp_path / "env"))
    monkeypatch.setenv("MYSPINBOT_PYTHON", sys.executable)
    assert find_installation().comfyui == tmp_path / "env"
    assert find_installation(tmp_path / "option").comfyui == tmp_path / "option"
    with pytest.raises(ServerUnreachable, match="holds no ComfyUI"):
        find_installation(tmp_path / "nothing")


def test_a_file_of_the_current_folder_chooses_no_program(tmp_path, monkeypatch):
    """Of this folder or of one above: it may be a stranger's. The user's own settings are read."""
    own, stranger = fake_comfyui(tmp_path / "own", SERVE), fake_comfyui(tmp_path / "stranger", SERVE)
    for folder, installation in ((tmp_path / "settings" / "myspinbot", own), (tmp_path / "there", stranger)):
        (folder / "deeper").mkdir(parents=True)
        written = {"comfyui": str(installation.comfyui), "python": sys.executable}
        (folder / "myspinbot.local.json").write_text(json.dumps(written))
    monkeypatch.setattr("myspinbot_runner.locate.__file__", str(tmp_path / "site" / "runner" / "locate.py"))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("MYSPINBOT_COMFYUI", raising=False)
    monkeypatch.delenv("MYSPINBOT_PYTHON", raising=False)
    monkeypatch.chdir(tmp_path / "there" / "deeper")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    with pytest.raises(ServerUnreachable, match=r"No ComfyUI is known.*there/myspinbot\.local\.json isn't read"):
        find_installation()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert find_installation() == own


def test_nodes_that_could_not_be_linked_are_named_to_the_server(tmp_path, monkeypatch):
    installation = fake_comfyui(tmp_path / "c", SERVE)
    paths = tmp_path / "extra_model_paths.yaml"
    written = {"comfyui": str(installation.comfyui), "python": sys.executable, "extra_model_paths": str(paths)}
    (tmp_path / "myspinbot.local.json").write_text(json.dumps(written))
    monkeypatch.setattr("myspinbot_runner.locate.__file__", str(tmp_path / "runner" / "locate.py"))
    monkeypatch.delenv("MYSPINBOT_COMFYUI", raising=False)
    command = LocalServer(find_installation(), log=tmp_path / "log").command()
    assert command[command.index("--extra-model-paths-config") + 1] == str(paths)
    other = LocalServer(find_installation(installation.comfyui), log=tmp_path / "log").command()
    assert "--extra-model-paths-config" not in other, "another ComfyUI has its own"


def test_unreadable_local_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "myspinbot.local.json").write_text("{")
    monkeypatch.setattr("myspinbot_runner.locate.__file__", str(tmp_path / "runner" / "locate.py"))
    monkeypatch.delenv("MYSPINBOT_COMFYUI", raising=False)
    with pytest.raises(ServerUnreachable, match="can't be read"):
        find_installation()
