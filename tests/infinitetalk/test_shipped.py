"""The workflows as they are shipped, from the command line, with a miniature under the name of each model's file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from myspinbot_runner.locate import find_installation
from myspinbot_runner.server import LocalServer
from tests.automatic.conftest import write_video_models
from tests.conftest import StartServer

from .graphs import write_sound

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT / "workflows" / "media"
SEES_A_FACE = """
import sys
sys.path[:0] = sys.argv[1:3]
target, sys.argv = sys.argv[3], ["landmarker", "--cpu"]
import comfy.options
comfy.options.enable_args_parsing()
import landmarker
from pathlib import Path
landmarker.write(Path(target))
"""


@pytest.fixture(scope="module")
def furnished(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    base = tmp_path_factory.mktemp("shipped")
    models = base / "models"
    write_video_models(models)
    # No face is to be seen in what a random model draws, so what looks for one sees it in any picture.
    folders = [str(find_installation().comfyui), str(ROOT / "tests" / "miniatures")]
    target = str(models / "detection" / "mediapipe_face_fp32.safetensors")
    subprocess.run([sys.executable, "-c", SEES_A_FACE, *folders, target], check=True, timeout=120, cwd=ROOT)
    with start_server(base) as running:
        yield running


def run(server: Any, name: str, out: Path, *arguments: str) -> tuple[Path, str]:
    """The video that a shipped workflow makes, in small, and what was said."""
    workflow = ROOT / "workflows" / f"{name}.app.json"
    call = [sys.executable, "-m", "myspinbot_manage", "run", str(workflow), "--server", server.url, "--out", str(out)]
    small = ["--width", "128", "--height", "128"]
    done = subprocess.run(
        [*call, *small, *arguments], capture_output=True, text=True, timeout=500, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (video,) = out.rglob("*.mp4")
    return video, done.stdout + done.stderr


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def seconds_heard(path: Path) -> float:
    with av.open(str(path)) as container:
        sound = container.streams.audio[0]
        return float(sound.duration * sound.time_base)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_portrait_speaks_as_shipped(furnished: Any, tmp_path: Path) -> None:
    write_sound(tmp_path / "words.wav", 4.0, rate=44100, channels=2)
    speech = ["--speech", str(tmp_path / "words.wav")]
    video, _ = run(furnished, "infinitetalk", tmp_path / "out", "--portrait", str(MEDIA / "portrait.jpg"), *speech)
    made = frames(video)
    assert made.shape == (100, 128, 128, 3), "two windows, cut to the speech"
    assert made.std() > 5
    assert seconds_heard(video) == pytest.approx(4, abs=0.05)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_clip_says_something_else_as_shipped(furnished: Any, tmp_path: Path) -> None:
    write_sound(tmp_path / "words.wav", 2.0)
    clip = MEDIA / "clip.mp4"
    speech = ["--speech", str(tmp_path / "words.wav")]
    video, said = run(furnished, "transfer_lips", tmp_path / "out", "--clip", str(clip), *speech)
    made, before = frames(video), frames(clip)
    assert made.shape == (50, *before.shape[1:]), "as long as the speech, as large as the clip"
    assert "show no face" not in said, "each frame has a face in both clips"
    changed = np.abs(made.astype(int) - before[:50]).mean(axis=(0, 3)) > 20
    assert 0.01 < changed.mean() < 0.6, "a part of the picture is the take's, the rest is the clip's"
    assert seconds_heard(video) == pytest.approx(2, abs=0.05)
