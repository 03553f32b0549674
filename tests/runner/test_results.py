"""Results reach the disk whole, resumed, never over another file and never outside the folder."""

from __future__ import annotations

import http.server
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myspinbot_runner.api import Api
from myspinbot_runner.client import Client
from myspinbot_runner.errors import CannotSave, DiskFull
from myspinbot_runner.http import Http
from myspinbot_runner.results import Download, Remote, files, safe_path
from tests.runner.helpers import follow, graph, image, submit
from tests.runner.proxy import Proxy


def test_existing_files_stay_as_they_are(server, tmp_path):
    job = submit(server.url, image())
    follow(job)
    first = job.save(tmp_path)
    second = job.save(tmp_path)
    assert first[0].name != second[0].name
    assert first[0].read_bytes() == second[0].read_bytes()
    assert first[0].read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".*.part"))


def test_300_megabytes_over_a_connection_that_keeps_breaking(server, tmp_path):
    work = graph("TestBigFile", megabytes=300)
    job = submit(server.url, work)
    follow(job)
    proxy = Proxy(server.url)
    proxy.cut_downloads_after = 90_000_000
    got = Client(proxy.url).job(job.id).save(tmp_path)
    proxy.close()
    source = server.base_directory / "output" / f"big-{work['1']['inputs']['tag']}.bin"
    assert got[0].stat().st_size == 300 << 20
    assert subprocess.run(["cmp", str(source), str(got[0])], check=False).returncode == 0
    source.unlink()
    got[0].unlink()


def test_full_disk_here_is_said_beforehand_and_fetch_goes_on_later(server, tmp_path, small_disk):
    job = submit(server.url, graph("TestBigFile", megabytes=4))
    follow(job)
    with pytest.raises(DiskFull, match="MB free, and the result needs"):
        job.save(small_disk)
    assert Client(server.url).job(job.id).save(tmp_path / "later")[0].stat().st_size == 4 << 20


def test_disk_that_fills_up_meanwhile(server, small_disk, monkeypatch):
    job = submit(server.url, graph("TestBigFile", megabytes=4))
    follow(job)
    monkeypatch.setattr(Download, "_check_room", lambda *_: None)
    with pytest.raises(DiskFull, match="is full"):
        job.save(small_disk)
    assert not list(small_disk.glob("*.bin"))
    assert list(small_disk.glob(".*.part"))


def test_folder_that_can_not_be_made(server, tmp_path):
    (tmp_path / "file").write_text("x")
    job = submit(server.url, image())
    follow(job)
    with pytest.raises(CannotSave, match="can't be written"):
        job.save(tmp_path / "file" / "sub")


class Hostile(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"evil")

    def log_message(self, *_):
        pass


@pytest.fixture
def hostile():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Api(Http(f"http://127.0.0.1:{server.server_port}"))
    server.shutdown()


@pytest.mark.parametrize(
    ("subfolder", "filename"),
    [
        ("", "../../escape.txt"),
        ("../..", "escape.txt"),
        ("", "/etc/passwd"),
        ("C:\\Windows", "..\\..\\escape.txt"),
        ("", "a\0b\nc.txt"),
        ("", ".."),
        ("...", "con"),
        ("x" * 300, "y" * 300 + ".mp4"),
    ],
)
def test_names_from_a_hostile_server_stay_inside(hostile, tmp_path, subfolder, filename):
    out = tmp_path / "deep" / "out"
    before = set(tmp_path.rglob("*"))
    path = Download(hostile, out, "j").save(Remote("1", filename, subfolder, "output"))
    assert path.resolve().is_relative_to(out.resolve())
    assert path.read_bytes() == b"evil"
    assert {p for p in tmp_path.rglob("*") if p.is_file()} - before == {path}


def test_link_inside_the_folder_is_not_followed_out(hostile, tmp_path):
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.mkdir()
    (out / "sub").symlink_to(outside, target_is_directory=True)
    with pytest.raises(CannotSave, match="leads out"):
        Download(hostile, out, "j").save(Remote("1", "a.txt", "sub", "output"))
    assert not list(outside.iterdir())


@given(st.text(), st.text())
def test_any_name_gives_a_path_inside(subfolder, filename):
    path = safe_path(Remote("1", filename, subfolder, "output"))
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert path.parts
    assert all(len(part.encode("utf-8", "replace")) <= 210 for part in path.parts)


@pytest.mark.parametrize("name", ["con", "CON.png", "conin$", "com1", "lpt².txt", "nul .txt", "con." + "x" * 300])
def test_a_name_that_windows_keeps_for_a_device_gets_another(name):
    (part,) = safe_path(Remote("1", name, "", "output")).parts
    assert part[0] == "_"
    assert len(part) <= 210


keys = st.sampled_from(["filename", "type", "subfolder", "images"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=3))
def test_any_outputs_give_files_or_nothing(outputs):
    for remote in files(outputs):
        assert isinstance(remote.filename, str)
        assert Path(safe_path(remote))
