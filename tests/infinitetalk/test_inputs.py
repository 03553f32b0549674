"""What users connect: pictures and sounds of any kind, sources, two speakers, prompts; and what can't work."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from myspinbot.media.lossless import LosslessWriter
from myspinbot_runner import Client
from myspinbot_runner.errors import RunnerError
from tests.conftest import missing
from tests.miniatures import wan
from tests.runner.helpers import held_after, tag

from .graphs import FRESH, LENGTH, SIZE, jobs, kept_frames, node, sampled, talk, write_sound

FACES = Path(__file__).resolve().parents[1] / "media" / "three_faces.jpg"
FEW = {"steps": 1}


@pytest.fixture(scope="module")
def base(talker) -> Path:
    return Path(talker.base_directory)


def run(talker, work: dict, out: Path | None = None) -> np.ndarray | None:
    """The frames of the video."""
    job = Client(talker.url).submit(work)
    job.result()
    if out is None:
        return None
    (path,) = [path for path in job.save(out) if path.suffix == ".mp4"]
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def failure(talker, work: dict) -> str:
    with pytest.raises(RunnerError) as caught:
        Client(talker.url).submit(work).result()
    return str(caught.value)


@pytest.mark.parametrize(("seconds", "rate", "channels", "frames"), [(0.3, 16000, 1, 8), (1.5, 44100, 2, 38)])
def test_speech_of_any_kind_gives_its_length(talker, base, tmp_path, seconds, rate, channels, frames):
    name = f"speech-{rate}.wav"
    write_sound(base / "input" / name, seconds, rate=rate, channels=channels)
    made = run(talker, talk(name, normalize_loudness=True, color_match="mkl", **FEW), tmp_path)
    assert made.shape == (frames, SIZE, SIZE, 3)


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_portraits_of_any_shape_and_with_alpha(talker, base, tmp_path, fit):
    picture = np.zeros((50, 200, 4), np.uint8)
    picture[:, 75:125, 0] = 255
    picture[:, 75:125, 3] = 255
    Image.fromarray(picture).save(base / "input" / "wide.png")
    write_sound(base / "input" / "short.wav", 0.4)
    work = talk("short.wav", fit=fit, height=32, **FEW)
    work["7"] = node("LoadImage", image="wide.png")
    work["31"] = node("JoinImageWithAlpha", image=["7", 0], alpha=["7", 1])
    work["20"]["inputs"]["portrait"] = ["31", 0]
    assert run(talker, work, tmp_path).shape == (10, 32, SIZE, 3)


def test_a_portrait_of_several_people_is_said_and_one_that_is_cut_short_refused(talker, base):
    write_sound(base / "input" / "short.wav", 0.4)
    shutil.copy(FACES, base / "input" / "several.jpg")
    work = talk("short.wav", **FEW)
    work["7"] = node("LoadImage", image="several.jpg")
    (notice,) = Client(talker.url).submit(work).result().notices
    assert "The portrait shows 3 faces" in notice.text
    cut = base / "input" / "cut.jpg"
    Image.open(FACES).save(cut)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    work["7"] = node("LoadImage", image="cut.jpg")
    assert "The portrait looks cut short" in failure(talker, work)


def test_a_source_clip_instead_of_a_portrait(talker, base, tmp_path):
    write_sound(base / "input" / "clip.wav", 1.2)
    mark = tag()
    one = run(talker, talk("clip.wav", tag=mark, **FEW), tmp_path / "portrait")
    (clip,) = sorted((tmp_path / "portrait").rglob("*.mp4"))
    shutil.copy(clip, base / "input" / f"{mark}.mp4")
    work = talk("clip.wav", tag=mark, portrait=None, source_video=["32", 0], **FEW)
    work["32"] = node("LoadVideo", file=f"{mark}.mp4")
    two = run(talker, work, tmp_path / "source")
    assert one.shape == two.shape
    assert not np.array_equal(one, two)
    work["20"]["inputs"]["portrait"] = ["7", 0]
    assert "either a portrait or a source video" in failure(talker, work)


def test_each_window_starts_from_the_source_clips_frame_at_its_time(talker, base):
    write_sound(base / "input" / "twowindows.wav", 1.0)
    mark, grey = tag(), np.full((SIZE, SIZE, 3), 128, np.uint8)
    talks = []
    for name, later in (("still", grey), ("brighter", grey + 100)):
        with LosslessWriter(base / "input" / f"{name}-{mark}.mkv", width=SIZE, height=SIZE, fps=Fraction(25)) as clip:
            for index in range(25):
                clip.write(later if index >= FRESH else grey)
        work = talk("twowindows.wav", tag=mark, portrait=None, source_video=["32", 0], **FEW)
        work["32"] = node("LoadVideo", file=f"{name}-{mark}.mkv")
        before = jobs(base)
        run(talker, work)
        talks.append(np.stack(kept_frames(base)[(jobs(base) - before).pop()]))
    still, brighter = talks
    assert still.shape == brighter.shape == (25, SIZE, SIZE, 3)
    assert np.array_equal(still[:LENGTH], brighter[:LENGTH]), "both show the same when the first window starts"
    assert not np.array_equal(still[LENGTH:], brighter[LENGTH:])


def test_two_speakers_in_turn_and_at_once(talker, base, tmp_path):
    write_sound(base / "input" / "first.wav", 0.8)
    write_sound(base / "input" / "second.wav", 0.6, rate=24000)
    left, right = np.zeros((2, 40, 40, 3), np.uint8)
    left[:, :20], right[:, 20:] = 255, 255
    for name, mask in (("left", left), ("right", right)):
        Image.fromarray(mask).save(base / "input" / f"{name}.png")
    masks = {"mask_1": ["33", 0], "mask_2": ["34", 0]}
    work = talk("first.wav", audio_2=["35", 0], **masks, **FEW)
    work["33"] = node("LoadImageMask", image="left.png", channel="red")
    work["34"] = node("LoadImageMask", image="right.png", channel="red")
    work["35"] = node("LoadAudio", audio="second.wav")
    assert len(run(talker, work, tmp_path / "turn")) == 35
    work["20"]["inputs"]["audio_2_start"] = 0.0
    assert len(run(talker, work, tmp_path / "once")) == 20
    del work["20"]["inputs"]["mask_2"]
    assert "two sounds and two masks" in failure(talker, work)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 72}, "width must be a multiple of 16, not 72"),
        ({"frame_window_size": 20}, "frame_window_size must be 1 more than a multiple of 4, not 20. Use 17 or 21"),
        ({"motion_frame": 13}, "at most half of frame_window_size"),
        ({"portrait": None}, "either a portrait or a source video"),
        ({"prompts": "She smiles."}, "connect `clip` too"),
        ({"sound": "none.wav"}, "audio"),
        ({"sound": "blink.wav"}, "too short"),
        ({"patch": "wide"}, "InfiniteTalk patch is for another model"),
        ({"patch": "vae"}, "VAE"),
    ],
    ids=str,
)
def test_what_can_not_work_is_refused_before_any_work(talker, base, changes, said):
    before, mark = jobs(base), tag()
    write_sound(base / "input" / "none.wav", 0)
    write_sound(base / "input" / "blink.wav", 0.04)
    patch, sound = changes.pop("patch", ""), changes.pop("sound", "speech.wav")
    work = talk(sound, tag=mark, **changes)
    if patch == "wide":
        name = "model_patches/mini_wide.safetensors"
        wan.write(base / "models", name, wan.numbers(wan.infinitetalk(dim=120), 2))
        work["2"]["inputs"]["name"] = Path(name).name
    elif patch == "vae":
        work["3"]["inputs"]["vae_name"] = "pixel_space"
    assert said in failure(talker, work)
    assert jobs(base) == before
    assert sampled(base, mark) == 0


@pytest.fixture
def small_disk(base) -> Iterator[Path]:
    """The store of work on a disk of its own, of 32 MB."""
    folder = base / "user" / "myspinbot" / "work"
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        missing("A small tmpfs can't be mounted here.")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_an_error_that_keeps_what_is_done(talker, base, small_disk):
    mark, ballast = tag(), small_disk / "ballast"
    with held_after(2, "infinitetalk-*/*.mkv", base) as stopped:
        job = Client(talker.url).submit(talk(tag=mark))
        stopped()
        with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    with pytest.raises(RunnerError) as caught:
        job.result()
    assert "disk is full" in str(caught.value)
    assert "myspinbot work clear" in str(caught.value)
    done, begun = len(list(small_disk.rglob("*.mkv"))), sampled(base, mark)
    assert 2 <= done < 4
    assert not list(small_disk.rglob("*.part*"))
    ballast.unlink()
    run(talker, talk(tag=mark))
    assert sampled(base, mark) - begun == 4 - done


def test_out_of_memory_can_give_no_video(talker, base):
    work = talk(on_oom="skip", **FEW)
    work["36"] = node("TestNoMemory", model=["1", 0])
    work["20"]["inputs"]["model"] = ["36", 0]
    work["21"] = node("PreviewAny", source=["20", 0])
    result = Client(talker.url).submit(work).result()
    assert "None" in result.texts["21"]
    work["20"]["inputs"]["on_oom"] = "stop"
    assert "memory" in failure(talker, work)
