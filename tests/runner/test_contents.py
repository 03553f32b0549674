"""What a file holds by its first bytes, and which inputs take it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from myspinbot_runner.contents import ENOUGH, look, look_into
from myspinbot_runner.errors import BadInput
from myspinbot_runner.uploads import check
from myspinbot_runner.workflow.schema import Spec

FLAGS = {"image": "image_upload", "video": "video_upload", "audio": "audio_upload"}


def sound(path: Path, codec: str) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, 48000)
        samples = np.zeros((1, 9600), np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 48000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    return path


def clip(path: Path, codec: str) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, 25)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    return path


def taken_by(path: Path) -> str:
    """The kinds of input that take a file."""
    found = []
    for kind, flag in FLAGS.items():
        try:
            check(str(path), Spec("file", "COMBO", {"options": [], flag: True}), "--file")
            found.append(kind)
        except BadInput as error:
            assert f"takes a{'' if kind == 'video' else 'n'} {kind} file, and {path} holds" in error.message
    return " ".join(found)


@pytest.mark.parametrize("name", ["png", "jpg", "webp", "gif", "bmp", "tiff", "ppm", "ico"])
def test_pictures_are_known_under_any_name(tmp_path, name):
    path = tmp_path / f"x.{name}"
    Image.new("RGB", (16, 16), "red").save(path)
    path = path.rename(tmp_path / "notes.txt")
    assert look_into(path) == "an image"
    assert taken_by(path) == "image video"


@pytest.mark.parametrize(
    ("name", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("mp3", "libmp3lame"), ("aac", "aac"), ("m4a", "aac")]
)
def test_sounds_are_known(tmp_path, name, codec):
    path = sound(tmp_path / f"x.{name}", codec)
    assert look_into(path) == "a sound"
    assert taken_by(path) == "audio"


@pytest.mark.parametrize(
    ("name", "codec"),
    [("mp4", "mpeg4"), ("mov", "mpeg4"), ("mkv", "mpeg4"), ("webm", "libvpx"), ("avi", "mpeg4"), ("ts", "mpeg2video"),
     ("mpg", "mpeg1video"), ("flv", "flv"), ("wmv", "wmv2")],
)  # fmt: skip
def test_videos_are_known_and_may_be_sounds(tmp_path, name, codec):
    path = clip(tmp_path / f"x.{name}", codec)
    assert look_into(path) == "a video"
    assert taken_by(path) == "image video audio"


def test_opus_is_taken_for_sound(tmp_path):
    assert "audio" in taken_by(sound(tmp_path / "x.opus", "libopus"))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"Dear diary,\n", "text"),
        ("J\u00fcrgen ".encode() * 1000, "text"),
        ("\u65e5\u672c".encode() * 1000, "text"),
        ("Hello".encode("utf-16"), "text"),
        (b'{"1": {"class_type": "SaveImage"}}', "text"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "a web page"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\x1f\x8b\x08\0", "a packed archive"),
        (b"\x7fELF\2\1", "a program"),
    ],
)
def test_what_no_input_takes_is_named(tmp_path, content, found):
    path = tmp_path / "me.jpg"
    path.write_bytes(content)
    assert look(content[:ENOUGH]) == found
    assert taken_by(path) == ""


def test_a_document_of_an_office_is_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "me.png", "w") as packed:
        packed.writestr("word/document.xml", "<w/>")
    assert taken_by(tmp_path / "me.png") == ""


def test_of_what_nobody_knows_the_server_judges(tmp_path):
    path = tmp_path / "me.jpg"
    path.write_bytes(bytes(range(1, 200)))
    assert look_into(path) == ""
    assert taken_by(path) == "image video audio"
