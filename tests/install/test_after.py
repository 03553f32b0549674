"""The demo, the tests' exit status and last line, and CI's rule about skipped tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from myspinbot_shared.manifest import load
from myspinbot_shared.selection import READY_VOICE
from setup_steps.after import (
    LANDMARKER,
    SCRIPT_MODEL,
    VOICE,
    WORKERS,
    fetch_landmarker,
    fetch_script_model,
    fetch_voice,
    make_demo,
)
from setup_steps.places import Places
from setup_steps.talk import SetupError
from tests.conftest import missing
from tests.install.conftest import ROOT

SUITE = """\
import pytest

@pytest.mark.slow
def test_slow(): assert {slow}

@pytest.mark.gpu
def test_gpu(): assert False

def test_quick(): assert {quick}
"""
MARKERS = "[pytest]\nmarkers =\n    slow: x\n    gpu: x\n"


def run_suite(folder: Path, suite: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the installer's own way to call pytest on a suite in a clone of its own, with this environment."""
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text(MARKERS)
    (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    code = (
        "import sys; from pathlib import Path; from setup_steps.after import run_tests; "
        "from setup_steps.places import Places; print('before'); "
        f"sys.exit(run_tests(Places(Path({str(folder)!r})), sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.usefixtures("starts_processes")
def test_quick_tests_run_and_the_summary_is_last(tmp_path: Path) -> None:
    done = run_suite(tmp_path, SUITE.format(slow=False, quick=True), "-p", "no:cacheprovider")
    assert done.returncode == 0
    assert re.match(r"=+ 1 passed in ", done.stdout.strip().splitlines()[-1]), "neither the slow one, which fails"
    assert done.stdout.startswith("before")


@pytest.mark.usefixtures("starts_processes")
def test_pytests_failure_is_the_exit_status(tmp_path: Path) -> None:
    done = run_suite(tmp_path, SUITE.format(slow=False, quick=True), "-m", "not gpu")
    assert done.returncode == 1
    assert re.match(r"=+ 1 failed, 1 passed in ", done.stdout.strip().splitlines()[-1])


FAILING = {
    "in_the_test": "def test_it(): pytest.skip('no browser')",
    "by_mark": "@pytest.mark.skip(reason='later')\ndef test_it(): pass",
    "at_import": "pytest.importorskip('no_such_module')\ndef test_it(): pass",
}
PASSING = {
    "no_gpu": "@pytest.mark.gpu\ndef test_it(): pytest.skip('no GPU')",
    "expected": "@pytest.mark.xfail\ndef test_it(): assert False",
    "plain": "def test_it(): pass",
}


@pytest.mark.usefixtures("starts_processes")
@pytest.mark.parametrize("tests", [FAILING, PASSING], ids=["fail", "pass"])
@pytest.mark.parametrize("workers", [(), WORKERS], ids=["alone", "workers"])
def test_in_ci_a_skipped_test_fails(workers: tuple[str, ...], tests: dict[str, str], tmp_path: Path) -> None:
    for name, test in tests.items():
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n\n{test}\n")
    (tmp_path / "pytest.ini").write_text(MARKERS)
    options = ["-p", "fail_on_skip", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *workers, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / ".ci")},
    )
    failed = set(re.findall(r"^(?:FAILED|ERROR) test_(\w+)\.py", done.stdout, re.MULTILINE))
    assert failed == (set(tests) if tests is FAILING else set()), done.stdout
    assert (done.returncode != 0) == bool(failed)
    assert done.stdout.count("CI must run this, and it was skipped") >= len(failed)


@pytest.mark.slow
def test_the_demo_makes_a_video_and_says_where(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    places = Places(tmp_path / "clone")
    if not (Path(sys.prefix) / "bin" / "myspinbot").is_file():
        missing("The runner isn't installed in this environment.")
    shutil.copytree(ROOT / "workflows", places.root / "workflows")
    places.venv.symlink_to(sys.prefix, target_is_directory=True)
    older = places.root / "output" / "older.mp4"
    older.parent.mkdir()
    older.write_bytes(b"from before the clock was set back")
    os.utime(older, (2_000_000_000, 2_000_000_000))
    make_demo(places, "the command that opens the editor")
    (video,) = set((places.root / "output").rglob("*.mp4")) - {older}
    written = capfd.readouterr().out.splitlines()
    assert written[-2:] == [
        f"Your video:       {video}",
        "Open the editor:  the command that opens the editor",
    ]
    with av.open(video) as film:
        assert {stream.type for stream in film.streams} == {"video", "audio"}
        assert sum(1 for _ in film.decode(video=0)) > 25

    # A demo that fails says so, and an older video is not taken for its own.
    (places.root / "workflows" / "media" / "portrait.jpg").write_bytes(b"not a picture")
    with pytest.raises(SetupError, match="The demo failed"):
        make_demo(places, "")
    assert video.is_file()


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize(
    ("fetch", "model", "instead"),
    [(fetch_voice, VOICE, "sounds like a robot"), (fetch_landmarker, LANDMARKER, "the built-in finder")],
)
def test_what_the_demo_is_better_with_is_fetched_and_its_lack_is_no_failure(
    fetch: Callable[[Places], None],
    model: str,
    instead: str,
    status: int,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    places = Places(tmp_path)
    places.runner.parent.mkdir(parents=True)
    places.runner.write_text(f'#!/bin/sh\necho "$@"\nexit {status}\n')
    places.runner.chmod(0o755)
    fetch(places)
    said = capfd.readouterr().out
    assert f"models get {model}\n" in said
    assert (instead in said) == bool(status)
    assert model in load().models


def test_the_demos_voice_is_the_packs_own() -> None:
    assert VOICE == READY_VOICE


@pytest.mark.parametrize("status", [0, 3])
def test_the_script_model_is_fetched_by_the_runner_and_the_demo_goes_on_without(
    status: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    places = Places(tmp_path)
    places.runner.parent.mkdir(parents=True)
    places.runner.write_text(f'#!/bin/sh\necho "asked for: $*"\nexit {status}\n')
    places.runner.chmod(0o755)
    fetch_script_model(places)
    written = capfd.readouterr().out
    assert f"asked for: models get {SCRIPT_MODEL}" in written
    assert ("couldn't be fetched" in written) == bool(status)
    assert SCRIPT_MODEL in load().models


def test_a_clone_without_the_pipeline_says_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"draft\.app\.json is not in this clone"):
        make_demo(Places(tmp_path), "")
