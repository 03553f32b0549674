"""Upscale Video on a real server, through the runner, with models in miniature."""

from __future__ import annotations

import os
import shutil
import signal
import urllib.request
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from myspinbot.media.audio import Sound
from myspinbot.media.clip import probe
from myspinbot_runner import Client
from myspinbot_runner.errors import RunnerError
from tests.miniatures import restore
from tests.miniatures import upscale as miniature
from tests.runner.helpers import held_after, tag, until

from .scenes import decoded, moving, packets, talking, write


@pytest.fixture(scope="module")
def base(server) -> Path:
    return furnish(Path(server.base_directory))


def furnish(base: Path) -> Path:
    """Models and clips in a server's folders."""
    models = base / "models" / "upscale_models"
    miniature.write(models / "mini_x2.pth", miniature.compact())
    miniature.write(models / "mini_rrdb_x2.safetensors", miniature.rrdb(features=16, blocks=1))
    torch.manual_seed(0)
    miniature.write(base / "models" / "facerestore_models" / "mini.pth", restore.restoreformer())
    picture = Image.open(Path(__file__).parents[1] / "media" / "smiling_woman.jpg").convert("RGB").resize((256, 256))
    (base / "input").mkdir(exist_ok=True)
    write(base / "input" / "face.mp4", [np.asarray(picture)] * 2)
    write(base / "input" / "grainy.mp4", grainy(np.asarray(picture), 8))
    wave = 0.3 * np.sin(np.arange(22050) / 10)
    write(base / "input" / "talk.mp4", talking(20), sound=Sound(wave[None].astype(np.float32), 22050))
    write(base / "input" / "move.mp4", moving(18, 96, 128))
    return base


def grainy(picture: np.ndarray, count: int) -> list[np.ndarray]:
    """A still picture with a camera's noise, which is another one in each frame."""
    random = np.random.default_rng(0)
    return [np.clip(picture + random.normal(0, 3, picture.shape), 0, 255).astype(np.uint8) for _ in range(count)]


def node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


def graph(clip: str = "talk.mp4", model: str = "mini_x2.pth", **changes) -> dict:
    upscale = {
        "video": ["1", 0], "upscale_model": ["2", 0], "target": "model", "factor": 2.0, "batch_size": 50,
        "frame_load_cap": 0, "skip_first_frames": 0, "select_every_nth": 1, "quality": 16, "change_threshold": 2,
        "overlap": 0, "tile_size": 0, "precision": "auto",
    }  # fmt: skip
    return {
        "1": node("LoadVideo", file=clip),
        "2": node("UpscaleModelLoader", model_name=model),
        "3": node("MySpinBotUpscale", **(upscale | changes)),
        "4": node("SaveVideo", video=["3", 0], filename_prefix=f"up-{tag()}", format="auto", codec="auto"),
    }


def run(server, work: dict, out: Path) -> tuple[Path, list[str]]:
    job = Client(server.url).submit(work)
    result = job.result()
    (saved,) = job.save(out)
    return saved, [notice.text for notice in result.notices]


def failure(server, work: dict) -> str:
    with pytest.raises(RunnerError) as caught:
        Client(server.url).submit(work).result()
    return str(caught.value)


@pytest.mark.parametrize("model", ["mini_x2.pth", "mini_rrdb_x2.safetensors"])
def test_a_clip_becomes_larger_and_keeps_its_sound(server, base, tmp_path, model):
    path, notices = run(server, graph(model=model), tmp_path)
    info = probe(path)
    assert (info.width, info.height, info.frames, info.fps) == (256, 192, 20, 25)
    assert list(packets(path, "audio")) == list(packets(base / "input" / "talk.mp4", "audio"))
    assert notices == []


def test_more_than_the_model_enlarges_is_said(server, base, tmp_path):
    path, notices = run(server, graph(target="576p", frame_load_cap=3), tmp_path)
    assert (probe(path).height, probe(path).frames) == (576, 3)
    assert any("plain enlargement" in notice for notice in notices)


def test_the_model_stays_as_it_was_for_other_nodes(server, base, tmp_path):
    """The same loaded model in the core's own node, before and after."""
    work = graph() | {
        "5": node("EmptyImage", width=32, height=32, batch_size=1, color=7654321),
        "6": node("ImageUpscaleWithModel", upscale_model=["2", 0], image=["5", 0]),
        "7": node("SaveImage", images=["6", 0], filename_prefix=f"core-{tag()}"),
    }
    pictures = []
    for number in range(2):
        work["5"]["inputs"]["color"] = 100 + number  # another picture first, so that nothing comes from the cache
        work["6"]["inputs"]["image"] = ["5", 0]
        Client(server.url).submit({key: work[key] for key in ("2", "5", "6", "7")}).result()
        work["5"]["inputs"]["color"] = 7654321
        job = Client(server.url).submit({key: work[key] for key in ("2", "5", "6", "7")})
        job.result()
        (path,) = job.save(tmp_path / str(number))
        pictures.append(np.asarray(Image.open(path)))
        Client(server.url).submit(graph(change_threshold=1)).result()
    assert np.array_equal(*pictures)


def test_nothing_selected_and_a_wrong_model_are_sentences(server, base):
    assert "skip_first_frames" in failure(server, graph(skip_first_frames=500))
    miniature.write(base / "models" / "upscale_models" / "alpha.pth", miniature.compact(channels=4))
    offered = f"{server.url}/object_info/UpscaleModelLoader"
    assert until(lambda: b"alpha.pth" in urllib.request.urlopen(offered).read())
    assert "takes 4 channels" in failure(server, graph(model="alpha.pth"))


def restored(clip: str = "face.mp4", **changes) -> dict:
    restore = {
        "video": ["1", 0], "face_restorer": ["2", 0], "codeformer_fidelity": 1.0, "strength": 1.0,
        "temporal_smoothing": 0.8, "where": "everywhere", "detector": "built-in", "batch_size": 50, "quality": 16,
    }  # fmt: skip
    return {
        "1": node("LoadVideo", file=clip),
        "2": node("MySpinBotLoadFaceRestorer", model="mini.pth", precision="fp32"),
        "3": node("MySpinBotRestoreFaces", **(restore | changes)),
        "4": node("SaveVideo", video=["3", 0], filename_prefix=f"face-{tag()}", format="auto", codec="auto"),
    }


def test_faces_are_restored_alone_and_within_an_upscale(server, base, tmp_path):
    path, notices = run(server, restored(), tmp_path / "a")
    assert (probe(path).width, probe(path).frames, notices) == (256, 2, [])
    work = graph("face.mp4", face_restorer=["5", 0], detector="built-in") | {"5": restored()["2"]}
    path, notices = run(server, work, tmp_path / "b")
    assert (probe(path).width, notices) == (512, [])
    work["1"]["inputs"]["file"] = "talk.mp4"
    _, notices = run(server, work, tmp_path / "c")
    assert any("No face was found" in notice for notice in notices)


@pytest.mark.slow
def test_steadying_lowers_the_flicker_of_a_clip(server, base, tmp_path):
    def flicker(temporal_smoothing: float) -> float:
        path, _ = run(
            server, restored("grainy.mp4", temporal_smoothing=temporal_smoothing), tmp_path / str(temporal_smoothing)
        )
        faces = [frame[70:190, 70:190].astype(int) for frame in decoded(path)]
        assert len(faces) == 8
        return float(np.mean([np.abs(one - other).mean() for one, other in pairwise(faces)]))

    plain, steady = flicker(0.0), flicker(0.8)
    assert plain > 1, "there is something to steady"
    assert steady < 0.6 * plain


def pieces(base: Path) -> list[Path]:
    """The finished ones of all work; one that is being written begins with a dot."""
    return sorted((base / "user" / "myspinbot" / "work").glob("upscale-*/[0-9]*.mp4"))


@pytest.mark.slow
def test_after_a_kill_it_goes_on_and_gives_the_same_bits(start_server, server, base, tmp_path):
    """Also what steadies a face from frame to frame: the work is stopped between pieces and within one."""
    work = graph(
        "grainy.mp4", "mini_rrdb_x2.safetensors", face_restorer=["5", 0], detector="built-in",
        batch_size=2, change_threshold=0, precision="fp32",
    ) | {"5": restored()["2"]}  # fmt: skip
    own = tmp_path / "server"
    with start_server(own) as first:
        furnish(own)
        with held_after(2, "upscale-*/[0-9]*.mp4", own) as stopped:
            Client(first.url).submit(work)
            stopped()
            os.kill(first.pid, signal.SIGKILL)
            first.stop()
    kept = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in pieces(own)}
    assert len(kept) == 2
    with start_server(own) as second:
        resumed, _ = run(second, work, tmp_path / "resumed")
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in kept} == kept, "none was made again"
    assert len(pieces(own)) == 4
    assert len({path.parent for path in pieces(own)}) == 1
    whole, _ = run(server, work, tmp_path / "whole")
    assert list(packets(resumed, "video")) == list(packets(whole, "video"))
    assert len(decoded(resumed)) == 8


def test_a_restorer_that_is_not_there_is_named_with_its_licence(server, base):
    work = restored()
    work["2"]["inputs"]["model"] = "codeformer.pth"
    said = failure(server, work)
    assert "S-Lab-1.0" in said
    assert "myspinbot models get codeformer --accept-licence S-Lab-1.0" in said


def test_cancel_and_again_goes_on_where_it_was(server, base, tmp_path):
    work = graph("move.mp4", "mini_rrdb_x2.safetensors", batch_size=4, precision="fp32")
    store = base / "user" / "myspinbot" / "work"
    with held_after(2, "upscale-*/[0-9]*.mp4", base) as stopped:
        job = Client(server.url).submit(work)
        stopped()
        assert job.cancel()
    with pytest.raises(RunnerError):
        job.result()
    kept = sorted(store.glob("upscale-*/[0-9]*.mp4"), key=lambda path: path.stat().st_mtime)
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert len(before) >= 2
    path, _ = run(server, work, tmp_path / "a")
    assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "finished pieces are not made again"
    shutil.rmtree(store)
    work["3"]["inputs"]["tile_size"] = 4096  # the same, as another node, so that nothing is taken from the cache
    again, _ = run(server, work, tmp_path / "b")
    assert len(decoded(path)) == 18
    assert all(np.array_equal(a, b) for a, b in zip(decoded(path), decoded(again), strict=True))
