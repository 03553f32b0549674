"""The lip-sync nodes on a real server, through the runner, with random weights."""

from __future__ import annotations

import json
import os
import signal
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from myspinbot.engines.lipsync.dub import CHUNK
from myspinbot.media.clip import read
from myspinbot_runner import Client
from myspinbot_runner.errors import RunnerError
from tests.miniatures import wav2lip as miniature
from tests.runner.helpers import forget, held_after, tag

from .scenes import MEDIA, Actor, backdrop, play, record

MODEL = "mini.pth"


def furnish(base: Path) -> None:
    """A model, a clip of three seconds and a sound of two in a server's folders."""
    miniature.write(base / "models" / "wav2lip" / MODEL)
    folder = base / "input"
    folder.mkdir(exist_ok=True)
    man = Actor("bearded_man", 300, lambda i: (150 + i / 2, 80))
    record(folder / "man.mp4", play([man], 60))
    record(folder / "room.mp4", [backdrop(320, 240)] * 10)
    record(folder / "leaves.mp4", [*play([man], 20), *([backdrop(640, 480, 3)] * 10)])
    (folder / "man.jpg").write_bytes((MEDIA / "bearded_man.jpg").read_bytes())
    (folder / "broken.mp4").write_bytes((folder / "man.mp4").read_bytes()[:3000])
    sound(folder / "two.wav", 2.0)
    sound(folder / "surround.wav", 1.2, layout="5.1")


def sound(path: Path, seconds: float, *, rate: int = 24000, layout: str = "mono") -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        channels = stream.codec_context.layout.nb_channels
        noise = np.random.default_rng(0).normal(0, 3000, (1, round(seconds * rate) * channels)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(noise, format="s16", layout=layout)
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])


@pytest.fixture(scope="module")
def base(server) -> Path:
    folder = Path(server.base_directory)
    furnish(folder)
    return folder


def node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


def graph(*, video: str = "man.mp4", audio: str = "two.wav", model: str = MODEL, **changes) -> dict:
    source = node("LoadImage", image=video) if video.endswith(".jpg") else node("LoadVideo", file=video)
    settings = {
        "loop_mode": "ping-pong", "fps": 0.0, "face": "largest", "face_index": 0, "no_face": "keep the frame",
        "detector": "built-in", "region": "mouth", "feather": 0.4, "color_match": 1.0, "sharpness": 0.5,
        "smoothing": 0.6, "detect_every": 5, "pad_top": 0, "pad_bottom": 10, "pad_left": 0, "pad_right": 0,
    }  # fmt: skip
    return {
        "1": node("MySpinBotLoadWav2Lip", model=model, device="cpu", precision="auto"),
        "2": source,
        "3": node("LoadAudio", audio=audio),
        "4": node("MySpinBotWav2Lip", wav2lip=["1", 0], video=["2", 0], audio=["3", 0], **(settings | changes)),
        "5": node("SaveVideo", video=["4", 0], filename_prefix=f"lips-{tag()}", format="auto", codec="auto"),
    }


def dubbed(server, work: dict, out: Path) -> tuple[Path, list[str]]:
    job = Client(server.url).submit(work)
    result = job.result()
    (path,) = [path for path in job.save(out) if path.suffix == ".mp4"]
    return path, [notice.text for notice in result.notices]


def failure(server, work: dict) -> str:
    with pytest.raises(RunnerError) as caught:
        Client(server.url).submit(work).result()
    return str(caught.value)


def facts(path: Path) -> tuple[int, Fraction, tuple[int, int], float]:
    """Frames, rate, size, and seconds of sound."""
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        count = sum(1 for _ in container.decode(video=0))
        return count, video.average_rate, (video.width, video.height), float(audio.duration * audio.time_base)


def test_a_clip_speaks_for_as_long_as_the_sound(server, base, tmp_path):
    path, notices = dubbed(server, graph(), tmp_path)
    count, rate, size, seconds = facts(path)
    assert (count, rate, size) == (50, 25, (640, 480))
    assert seconds == pytest.approx(2.0, abs=0.06)
    assert notices == []
    with av.open(str(path)) as container:
        assert "workflow" in container.metadata or "prompt" in container.metadata


def test_a_photo_speaks_at_the_rate_that_is_asked_for(server, base, tmp_path):
    path, _ = dubbed(server, graph(video="man.jpg", fps=29.97), tmp_path)
    count, rate, size, _ = facts(path)
    assert (count, rate, size) == (60, Fraction(30000, 1001), (512, 512))


def test_surround_sound_is_taken(server, base, tmp_path):
    path, _ = dubbed(server, graph(audio="surround.wav"), tmp_path)
    assert facts(path)[0] == 30


def test_frames_without_a_face_are_told_and_may_stop_the_work(server, base, tmp_path):
    _, notices = dubbed(server, graph(video="leaves.mp4", loop_mode="hold"), tmp_path)
    assert any("frames show no face" in text for text in notices)
    said = failure(server, graph(video="leaves.mp4", no_face="stop"))
    assert "10 of the clip's 30 frames show no face, first frame 20" in said


def test_boxes_from_another_detector_are_used(server, base, tmp_path):
    """A box that is drawn on the empty room, where no detector would find a face."""
    work = graph(video="room.mp4")
    box = json.dumps([{"x": 100, "y": 60, "width": 80, "height": 110}])
    work["7"] = node("PrimitiveString", value=box)
    work["6"] = node("CreateBoundingBoxes", width=320, height=240, editor_state={"__value__": []}, bboxes=["7", 0])
    work["4"]["inputs"]["bboxes"] = ["6", 1]
    path, notices = dubbed(server, work, tmp_path)
    assert notices == []
    before, after = (next(iter(read(file))).pixels.astype(int) for file in (base / "input" / "room.mp4", path))
    changed = np.abs(after - before).max(axis=2) > 25
    rows, columns = np.nonzero(changed)
    assert 100 <= columns.min() < columns.max() < 180
    assert 110 <= rows.min() < rows.max() < 180


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"video": "room.mp4"}, "No face was found in the clip"),
        ({"video": "broken.mp4"}, "broken.mp4"),
        ({"face": "from the left", "face_index": 2}, "None of the 1 people"),
        ({"face": "like the reference"}, "connect a reference picture"),
        ({"model": "wav2lip.pth"}, "Wav2Lip-research"),
        ({"fps": 0.5}, "between 1 and 240"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(server, base, changes, why):
    assert why in failure(server, graph(**changes))


def test_the_licence_is_said_where_it_matters(server, base):
    info = Client(server.url).api.object_info()
    for name in ("MySpinBotLoadWav2Lip", "MySpinBotWav2Lip"):
        assert "any commercial use" in info[name]["description"]


def test_cancel_at_once_and_go_on_from_there(server, base, tmp_path):
    sound(base / "input" / "long.wav", 60.0)
    job = Client(server.url).submit(graph(audio="long.wav", video="man.jpg"))
    seen = 0
    for event in job.events():
        seen += "Progress" in type(event).__name__
        if seen > 5:
            break
    assert job.cancel()
    with pytest.raises(RunnerError):
        job.result()
    assert facts(dubbed(server, graph(), tmp_path)[0])[0] == 50


def kept(base: Path) -> list[Path]:
    return sorted((base / "user" / "myspinbot" / "work").glob("wav2lip-*/lips-*.mkv"))


@pytest.mark.slow
def test_after_a_kill_the_work_goes_on_and_the_result_is_the_same(start_server, tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    furnish(base)
    sound(base / "input" / "long.wav", (CHUNK + 20) / 25)
    work = graph(audio="long.wav")
    with start_server(base) as first, held_after(1, "wav2lip-*/lips-*.mkv", base) as stopped:
        Client(first.url).submit(work)
        stopped()
        os.kill(first.pid, signal.SIGKILL)
        first.stop()
    before = {path: path.stat().st_mtime_ns for path in kept(base)}
    assert len(before) == 1
    with start_server(base) as second:
        path, _ = dubbed(second, work, tmp_path / "resumed")
        assert {path: path.stat().st_mtime_ns for path in before} == before
        resumed = path.read_bytes()
        for folder in (base / "user" / "myspinbot" / "work").iterdir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
        forget(second)
        again, _ = dubbed(second, graph(audio="long.wav"), tmp_path / "fresh")
        assert kept(base), "it was made again"
    assert facts(path)[0] == facts(again)[0] == CHUNK + 20
    assert frames(path) == frames(again)
    assert resumed


def frames(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray")[::8, ::8].tobytes() for frame in container.decode(video=0)]


def test_the_saved_file_tells_the_model_and_its_licence(server, base, tmp_path):
    """With the published file's name, as people have it."""
    published = miniature.write(base / "models" / "wav2lip" / "wav2lip_gan.pth", seed=2)
    path, _ = dubbed(server, graph(model="wav2lip_gan.pth", video="man.jpg"), tmp_path)
    published.unlink()  # other tests want to see it missing
    with av.open(str(path)) as container:
        (told,) = json.loads(container.metadata["models"])
    assert told["id"] == "wav2lip-gan"
    assert told["licence"] == "Wav2Lip-research"
    assert told["open"] is False
