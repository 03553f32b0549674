"""`myspinbot models` from the command line, against a real server of files."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from myspinbot_manage.cli import call
from myspinbot_manage.models.table import markdown
from myspinbot_shared.manifest import Model, load
from tests.manage.conftest import make_model
from tests.manage.host import Host, answer, drop, safetensors

ROOT = Path(__file__).parents[2]
GOOD = safetensors(300_000)
OTHER = safetensors(40_000, seed=1)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on a models folder of the test's own; gives status, output and errors."""

    def run(*args: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = call(["models", *args, *(["--models-dir", str(tmp_path / "models")])])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def offer(write_manifest: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes models the manifest's."""

    def offer(*models: Model) -> None:
        monkeypatch.setenv("MYSPINBOT_MODELS", str(write_manifest(*models)))

    return offer


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def two(host: Host, **changes: Any) -> tuple[Model, Model]:
    first = make_model(GOOD, host.put("/m", GOOD), sets=("small",), needs=("n",), **changes)
    second = make_model(OTHER, host.put("/n", OTHER), id="n", file="sub/n.safetensors", folder="TTS")
    return first, second


def test_a_set_with_all_that_it_needs(tmp_path: Path, host: Host, run: Run, offer: Callable[..., None]) -> None:
    offer(*two(host))
    status, out, err = run("get", "small")
    assert status == 0
    assert f"2 to fetch: {(len(GOOD) + len(OTHER)) / 1000:.1f} kB; " in err
    assert "free at" in err
    assert sorted(out.split()) == sorted(
        [str(tmp_path / "models/vae/m.safetensors"), str(tmp_path / "models/TTS/sub/n.safetensors")]
    )
    assert (tmp_path / "models/vae/m.safetensors").read_bytes() == GOOD
    assert (tmp_path / "models/TTS/sub/n.safetensors").read_bytes() == OTHER
    status, out, err = run("get", "small")
    assert (status, out) == (0, "")
    assert "All of them are here already" in err
    assert len(host.seen) == 2


def test_a_dry_run_asks_nobody(tmp_path: Path, host: Host, run: Run, offer: Callable[..., None]) -> None:
    offer(*two(host))
    status, out, _ = run("get", "small", "--dry-run")
    assert status == 0
    assert "2 to fetch" in out
    assert "All of these are under open licences." in out
    assert not host.seen
    assert not (tmp_path / "models").exists()


def test_the_shipped_open_set_is_open(tmp_path: Path, run: Run) -> None:
    status, out, _ = run("get", "open", "--dry-run")
    assert status == 0
    assert "All of these are under open licences." in out
    assert "not open" not in out
    status, out, _ = run("get", "open", "--dry-run", "--json")
    found = [event for event in events(out) if event["event"] == "model"]
    assert len(found) > 10
    assert all(event["open"] for event in found)


def test_a_licence_that_is_not_open_must_be_accepted(
    tmp_path: Path, host: Host, run: Run, offer: Callable[..., None]
) -> None:
    offer(*two(host, licence="CC-BY-NC-4.0", open=False, reason="Not for sale."))
    status, _, err = run("get", "m")
    assert status == 16
    assert "m: CC-BY-NC-4.0. Not for sale." in err
    assert "--accept-licence CC-BY-NC-4.0" in err
    assert not host.seen
    assert run("get", "m", "--accept-licence", "MIT")[0] == 16
    assert run("get", "m", "--accept-licence", "cc-by-nc-4.0")[0] == 0
    # What is here already needs no acceptance.
    assert run("get", "m")[0] == 0


def test_an_unknown_hash_is_shown_kept_and_used(
    tmp_path: Path, host: Host, run: Run, offer: Callable[..., None]
) -> None:
    offer(make_model(None, host.put("/m", GOOD)))
    digest = hashlib.sha256(GOOD).hexdigest()
    assert run("verify") == (0, "", "There is nothing to verify: no model is here.\n")
    status, _, err = run("get", "m")
    assert status == 0
    assert "1 file of unknown size" in err
    assert digest in err
    record = json.loads((tmp_path / "models/myspinbot.lock.json").read_text())["files"]["m"]
    assert (record["sha256"], record["bytes"], record["url"]) == (digest, len(GOOD), f"{host.url}/m")
    assert run("verify")[:2] == (0, "m: whole\n")
    path = tmp_path / "models/vae/m.safetensors"
    path.write_bytes(GOOD[:-1] + b"!")
    status, _, err = run("verify", "m")
    assert status == 17
    assert "should be " + digest in err
    # The record also holds for the next download: a host that has changed its file is noticed.
    path.unlink()
    host.put("/m", safetensors(300_000, seed=5))
    status, _, err = run("get", "m")
    assert status == 15
    assert "models rm m" in err
    assert not path.exists()
    assert run("rm", "m", "--yes")[0] == 0
    assert run("get", "m")[0] == 0


def test_one_that_fails_does_not_stop_the_others(
    tmp_path: Path, host: Host, run: Run, offer: Callable[..., None]
) -> None:
    first, second = two(host)
    host.put("/m", GOOD, *[answer(404)] * 9)
    offer(first, second)
    status, out, err = run("get", "m", "--json")
    assert status == 15
    said = events(out)
    assert {event["model"] for event in said if event["event"] == "fetched"} == {"n"}
    assert {event["model"] for event in said if event["event"] == "failed"} == {"m"}
    assert said[-1]["event"] == "error"
    assert "404" in said[-1]["message"]
    assert err == ""


def test_events_for_scripts(host: Host, run: Run, offer: Callable[..., None]) -> None:
    offer(*two(host))
    host.scripts["/m"] = [drop(100_000)]
    status, out, _ = run("get", "m", "--json")
    assert status == 0
    said = events(out)
    plan = next(event for event in said if event["event"] == "plan")
    assert plan["bytes"] == len(GOOD) + len(OTHER)
    assert set(plan["wanted"]) == {"m", "n"}
    growing = [event["done"] for event in said if event["event"] == "growing" and event["model"] == "m"]
    assert growing == sorted(growing)
    assert growing[-1] == len(GOOD)


def test_broken_files_are_replaced_only_when_told(
    tmp_path: Path, host: Host, run: Run, offer: Callable[..., None]
) -> None:
    offer(make_model(GOOD, host.put("/m", GOOD)))
    path = tmp_path / "models/vae/m.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    status, out, _ = run("list")
    assert status == 0
    assert "broken" in out
    assert run("get", "m")[0] == 17
    assert path.read_bytes() == b"mine"
    assert run("get", "m", "--replace")[0] == 0
    assert path.read_bytes() == GOOD
    assert "1 of 1 models are here." in run("list")[1]


def test_a_file_without_an_address_is_named(run: Run) -> None:
    status, _, err = run("get", "wav2lip", "--accept-licence", "Wav2Lip-research")
    assert status == 4
    assert "get it from https://github.com/Rudrabha/Wav2Lip" in err


def test_where_and_rm(tmp_path: Path, host: Host, run: Run, offer: Callable[..., None]) -> None:
    offer(*two(host))
    assert run("where")[1] == f"vae:\n  {tmp_path}/models/vae\nTTS:\n  {tmp_path}/models/TTS\n"
    assert "(missing)" in run("where", "m")[1]
    run("get", "m")
    assert run("where", "n")[1] == f"n: {tmp_path}/models/TTS/sub/n.safetensors\n"
    keep = tmp_path / "models/vae/mine.safetensors"
    keep.write_bytes(b"mine")
    status, out, _ = run("rm", "m", "--yes")
    assert status == 0
    assert "m.safetensors (300.1 kB)" in out
    assert [path.name for path in keep.parent.iterdir()] == ["mine.safetensors"]
    assert (tmp_path / "models/TTS/sub/n.safetensors").exists(), "what m needs may be needed by others too"
    assert run("rm", "m", "--yes")[1] == "There is nothing to remove.\n"


@pytest.mark.parametrize("said", ["n\n", ""])
def test_rm_asks_first(
    tmp_path: Path, host: Host, run: Run, offer: Callable[..., None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(make_model(GOOD, host.put("/m", GOOD)))
    run("get", "m")
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    assert run("rm", "m")[0] == 130
    assert (tmp_path / "models/vae/m.safetensors").exists()


def test_rm_takes_the_link_and_leaves_the_file(
    tmp_path: Path, host: Host, run: Run, offer: Callable[..., None]
) -> None:
    offer(make_model(GOOD, host.put("/m", GOOD)))
    (tmp_path / "models/vae").mkdir(parents=True)
    (tmp_path / "real").write_bytes(GOOD)
    (tmp_path / "models/vae/m.safetensors").symlink_to(tmp_path / "real")
    assert run("rm", "m", "--yes")[0] == 0
    assert (tmp_path / "real").read_bytes() == GOOD
    assert list((tmp_path / "models/vae").iterdir()) == []


def test_list_as_json(run: Run) -> None:
    status, out, _ = run("list", "--set", "speed", "--json")
    assert status == 0
    found = events(out)
    assert {event["state"] for event in found} == {"missing"}
    assert all("speed" in event["sets"] for event in found)


def test_the_draft_set_needs_nothing(run: Run) -> None:
    assert "No model at all" in run("list", "--set", "draft")[1]
    status, _, err = run("get", "draft")
    assert (status, err) == (0, "draft: there is nothing to fetch.\n")


@pytest.mark.parametrize("args", [("get", "xxxxxxx"), ("list", "--set", "xxxxxxx"), ("rm", "xxxxxxx"), ("where", "x")])
def test_unknown_names(run: Run, args: tuple[str, ...]) -> None:
    status, _, err = run(*args)
    assert status == 4
    assert "The sets are" in err


def test_the_table_in_the_documents_is_the_manifests() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    table = markdown(load())
    assert table.strip() in text, "put the output of `myspinbot models list --markdown` into docs/models.md"


def test_help_comes_without_heavy_imports() -> None:
    code = (
        "import sys, myspinbot_manage.cli as c; c.call(['--help']); c.call(['models', 'get', '--help']);"
        "print([name for name in ('yaml', 'rich', 'huggingface_hub', 'filelock') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['yaml']"
