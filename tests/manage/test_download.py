"""One file from a server that does everything a server can do wrong: whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from myspinbot_manage.models.download import Download, Got
from myspinbot_runner.errors import DownloadFailed
from myspinbot_runner.transfer import ATTEMPTS
from myspinbot_shared.manifest import Model
from tests.manage.conftest import make_model
from tests.manage.host import Host, answer, body, chunked, drop, endless, safetensors, serve

GOOD = safetensors(300_000)
WRONG = safetensors(300_000, seed=1)


def fetch(folder: Path, model: Model, **options: Any) -> Got:
    known = {"sha256": model.sha256, "bytes": model.bytes}
    return Download(model, folder / model.file, **{**known, **options}).fetch()


def assert_whole(folder: Path) -> None:
    assert (folder / "m.safetensors").read_bytes() == GOOD
    assert [path.name for path in folder.iterdir()] == ["m.safetensors"]


def assert_nothing_taken_for_whole(folder: Path) -> None:
    assert not (folder / "m.safetensors").exists()


def test_a_good_server(tmp_path: Path, host: Host) -> None:
    progress: list[tuple[int, int | None]] = []
    url = host.put("/m", GOOD)
    got = fetch(tmp_path, make_model(GOOD, url), on_bytes=lambda done, total: progress.append((done, total)))
    assert got == Got(tmp_path / "m.safetensors", hashlib.sha256(GOOD).hexdigest(), len(GOOD), url)
    assert progress[-1] == (len(GOOD), len(GOOD))
    assert_whole(tmp_path)


def test_a_dropped_line_is_taken_up_again(tmp_path: Path, host: Host) -> None:
    fetch(tmp_path, make_model(GOOD, host.put("/m", GOOD, drop(100_000), drop(50_000))))
    assert_whole(tmp_path)
    assert host.asked("Range") == [None, "bytes=100000-", "bytes=150000-"]


def test_a_dropped_line_without_range_starts_over(tmp_path: Path, host: Host) -> None:
    host.ranges = False
    fetch(tmp_path, make_model(GOOD, host.put("/m", GOOD, drop(100_000))))
    assert_whole(tmp_path)


def test_a_line_that_always_drops_at_the_same_place_is_given_up(tmp_path: Path, host: Host) -> None:
    host.ranges = False
    url = host.put("/m", GOOD, *[drop(100_000)] * 50)
    with pytest.raises(DownloadFailed, match="dropped after 100000 of"):
        fetch(tmp_path, make_model(GOOD, url))
    assert_nothing_taken_for_whole(tmp_path)
    assert len(host.seen) == ATTEMPTS


def test_a_line_that_brings_a_little_each_time_is_not_given_up(tmp_path: Path, host: Host) -> None:
    fetch(tmp_path, make_model(GOOD, host.put("/m", GOOD, *[drop(10_000)] * (3 * ATTEMPTS))))
    assert_whole(tmp_path)


def test_a_later_run_goes_on(tmp_path: Path, host: Host) -> None:
    url = host.put("/m", GOOD, drop(120_000), *[answer(503)] * ATTEMPTS)
    with pytest.raises(DownloadFailed, match="503"):
        fetch(tmp_path, make_model(GOOD, url))
    assert_nothing_taken_for_whole(tmp_path)
    fetch(tmp_path, make_model(GOOD, url))
    assert host.asked("Range")[-1] == "bytes=120000-"
    assert_whole(tmp_path)


@pytest.mark.parametrize("known", [True, False])
def test_a_part_of_another_version_is_not_continued(tmp_path: Path, host: Host, known: bool) -> None:
    url = host.put("/m", WRONG, drop(120_000), *[answer(503)] * ATTEMPTS)
    model = make_model(GOOD if known else None, url)
    options = {"bytes": len(GOOD)}
    with pytest.raises(DownloadFailed):
        fetch(tmp_path, model, **options)
    host.put("/m", GOOD)
    fetch(tmp_path, model, **options)
    assert_whole(tmp_path)


@pytest.mark.parametrize("tags", [True, False])
def test_without_a_hash_only_a_part_that_the_server_vouches_for_is_continued(
    tmp_path: Path, host: Host, tags: bool
) -> None:
    host.tags = tags
    fetch(tmp_path, make_model(None, host.put("/m", GOOD, drop(120_000))))
    assert host.asked("Range") == [None, "bytes=120000-" if tags else None]
    assert_whole(tmp_path)


def test_a_server_that_looks_at_no_tag_does_no_harm(tmp_path: Path, host: Host) -> None:
    host.checks_tags = False
    url = host.put("/m", WRONG, drop(120_000), *[answer(503)] * ATTEMPTS)
    with pytest.raises(DownloadFailed):
        fetch(tmp_path, make_model(None, url))
    host.put("/m", GOOD)
    fetch(tmp_path, make_model(None, url))
    assert host.asked("Range")[-2:] == ["bytes=120000-", None]
    assert_whole(tmp_path)


@pytest.mark.parametrize("changed", [False, True])
def test_a_whole_part_of_an_unknown_file_is_used_while_the_server_still_has_that_file(
    tmp_path: Path, host: Host, changed: bool
) -> None:
    content = WRONG if changed else GOOD
    url = host.put("/m", content)
    tag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'
    (tmp_path / ".m.safetensors.part").write_bytes(content)
    (tmp_path / ".m.safetensors.part.json").write_text(json.dumps({"url": url, "tag": tag, "total": len(content)}))
    host.put("/m", GOOD)
    fetch(tmp_path, make_model(None, url))
    assert host.asked("Range") == [None] * (2 if changed else 1)
    assert_whole(tmp_path)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(body(GOOD[:-1]), id="one byte less"),
        pytest.param(body(GOOD + b"x"), id="one byte more"),
        pytest.param(body(GOOD[:1000], length=len(GOOD)), id="promises more than it sends"),
        pytest.param(body(GOOD, length=1000), id="promises less than it sends"),
        pytest.param(body(b"", length=0), id="nothing"),
        pytest.param(body(b"<html>log in</html>", Content_Type="text/html"), id="a web page"),
        pytest.param(endless(GOOD[:1000]), id="hangs up in the middle without a length"),
        pytest.param(chunked(GOOD[:1000], cut=True), id="chunks that end in the middle"),
        pytest.param(body(GOOD, Content_Encoding="gzip"), id="says that it is compressed"),
        pytest.param(answer(404), id="404"),
        pytest.param(answer(403), id="403"),
        pytest.param(answer(429), id="429"),
        pytest.param(answer(503), id="503"),
        pytest.param(answer(204), id="204"),
        pytest.param(answer(302, Location="/m"), id="a redirect to itself"),
        pytest.param(answer(302, Location="ftp://example.org/m"), id="a redirect out of the web"),
        pytest.param(body(GOOD[5:], 206, Content_Range=f"bytes 5-{len(GOOD) - 1}/{len(GOOD)}"), id="another part"),
        pytest.param(body(GOOD, 206, Content_Range="nonsense"), id="a part without a place"),
        pytest.param(lambda handler: handler.connection.close(), id="hangs up at once"),
        pytest.param(lambda handler: handler.wfile.write(b"\0\1\2\3\n\n"), id="no HTTP"),
    ],
)
@pytest.mark.parametrize("known", ["hash and size", "hash", "size", "nothing"])
def test_whatever_a_server_sends_only_the_whole_file_gets_its_name(
    tmp_path: Path, host: Host, script: Any, known: str
) -> None:
    model = make_model(GOOD, host.put("/m", GOOD, *[script] * 40))
    options: dict[str, Any] = {"sha256": model.sha256 if "hash" in known else None}
    options["bytes"] = model.bytes if "size" in known else None
    try:
        fetch(tmp_path, model, **options)
    except DownloadFailed as error:
        assert host.url in error.message
        assert_nothing_taken_for_whole(tmp_path)
    else:
        # Some lies, such as a wrong length of the right bytes, are seen through.
        assert_whole(tmp_path)


@pytest.mark.parametrize("size", [len(GOOD), None])
def test_other_bytes_of_the_same_number_are_noticed(tmp_path: Path, host: Host, size: int | None) -> None:
    with pytest.raises(DownloadFailed, match="sha256"):
        fetch(tmp_path, make_model(GOOD, host.put("/m", WRONG)), bytes=size)
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_takes_over(tmp_path: Path, host: Host, mirror: Host) -> None:
    notes: list[str] = []
    model = make_model(GOOD, host.put("/m", GOOD, answer(404)), mirror.put("/m", GOOD))
    got = fetch(tmp_path, model, on_note=notes.append)
    assert got.url.startswith(mirror.url)
    assert "404" in notes[0]
    assert_whole(tmp_path)


def test_a_mirror_continues_what_the_first_began(tmp_path: Path, host: Host, mirror: Host) -> None:
    first = host.put("/m", GOOD, drop(200_000), *[answer(503)] * ATTEMPTS)
    fetch(tmp_path, make_model(GOOD, first, mirror.put("/m", GOOD)))
    assert mirror.asked("Range") == ["bytes=200000-"]
    assert_whole(tmp_path)


def test_a_mirror_never_continues_an_unknown_file(tmp_path: Path, host: Host, mirror: Host) -> None:
    first = host.put("/m", WRONG, drop(200_000), *[answer(503)] * ATTEMPTS)
    fetch(tmp_path, make_model(None, first, mirror.put("/m", GOOD)))
    assert mirror.asked("Range") == [None]
    assert_whole(tmp_path)


def test_a_redirect_is_followed_and_takes_no_token_abroad(
    tmp_path: Path, host: Host, mirror: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    target = mirror.put("/there", GOOD, drop(9_000))
    host.put("/a/b/resolve/main/m", b"", *[answer(302, Location="/again")] * 2)
    host.put("/again", b"", *[answer(302, Location=target)] * 2)
    fetch(tmp_path, make_model(GOOD, "https://huggingface.co/a/b/resolve/main/m"))
    assert_whole(tmp_path)
    assert host.asked("Authorization") == ["Bearer secret"] * 4
    assert mirror.asked("Authorization") == [None, None]
    assert mirror.asked("Range") == [None, "bytes=9000-"]


def test_a_token_is_sent_to_nobody_else(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    fetch(tmp_path, make_model(GOOD, host.put("/m", GOOD)))
    assert host.asked("Authorization") == [None]


def test_the_login_of_hugging_faces_programs_is_used(
    tmp_path: Path, host: Host, mirror: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    (tmp_path / "token").write_text("hf_mine\n")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    host.put("/a/b/resolve/main/m", b"", answer(403))
    model = make_model(GOOD, "https://huggingface.co/a/b/resolve/main/m", mirror.put("/m", GOOD))
    notes: list[str] = []
    fetch(tmp_path / "models", model, on_note=notes.append)
    assert host.asked("Authorization") == ["Bearer hf_mine"]
    assert mirror.asked("Authorization") == [None]
    assert "hf auth login" in notes[0]
    assert "HF_TOKEN" in notes[0]


def test_a_busy_server_is_waited_for(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return False

    url = host.put("/m", GOOD, answer(429, Retry_After="7"), answer(503, Retry_After="999999"), answer(503))
    fetch(tmp_path, make_model(GOOD, url), stop=Stop())
    assert waits[:2] == [7, 60]
    assert_whole(tmp_path)


def test_a_file_without_length_and_hash_is_refused(tmp_path: Path, host: Host) -> None:
    model = make_model(None, host.put("/m", GOOD, endless(GOOD)))
    with pytest.raises(DownloadFailed, match="how long the file is"):
        fetch(tmp_path, model)
    assert_nothing_taken_for_whole(tmp_path)


def test_chunks_that_end_well_are_enough(tmp_path: Path, host: Host) -> None:
    fetch(tmp_path, make_model(None, host.put("/m", GOOD, chunked(GOOD))))
    assert_whole(tmp_path)


def test_no_server_at_all(tmp_path: Path) -> None:
    host, server = serve()
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadFailed, match="refused"):
        fetch(tmp_path, make_model(GOOD, f"{host.url}/m"))
