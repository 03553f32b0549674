"""Workflow files as people have them: JSON, pictures and clips with a workflow inside, and what is neither."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from myspinbot_manage.cli import call as call_here
from myspinbot_runner import Client, Workflow
from myspinbot_runner.client import Job
from myspinbot_runner.errors import BadWorkflow

API = {"1": {"class_type": "Any", "inputs": {"text": "Ünï {a|b} 日本"}}}
UI = {"nodes": [{"id": 1, "type": "Note", "title": "Ünï {} 日本"}], "links": [], "version": 0.4}


def empty_image(frames: int = 2) -> dict:
    return {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": frames, "color": 255}}


def test_the_workflow_is_read_out_of_all_that_the_server_saves(server, tmp_path):
    def saver(kind: str, source: str, name: str, **inputs: object) -> dict:
        return {"class_type": kind, "inputs": {name: [source, 0], "filename_prefix": f"inside/{kind}", **inputs}}

    work = {
        "1": empty_image(),
        "2": {"class_type": "EmptyAudio", "inputs": {"duration": 0.2, "sample_rate": 44100, "channels": 1}},
        "3": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 24.0, "audio": ["2", 0]}},
        "4": saver("SaveImage", "1", "images"),
        "5": saver("SaveAnimatedPNG", "1", "images", fps=6.0, compress_level=4),
        "6": saver("SaveAnimatedWEBP", "1", "images", fps=6.0, lossless=True, quality=80, method="default"),
        "7": saver("SaveWEBM", "1", "images", codec="vp9", fps=24.0, crf=32.0),
        "8": saver("SaveVideo", "3", "video", format="mp4", codec="h264"),
        "9": saver("SaveAudio", "2", "audio"),
        "10": saver("SaveAudioMP3", "2", "audio", quality="128k"),
        "11": saver("SaveAudioOpus", "2", "audio", quality="128k"),
    }
    ui = UI | {"extra": {"long": "x" * 200_000}}  # over several pages of Ogg
    job = Job(Client(server.url).api, "12345678-1234-5678-1234-56781234567f", work, ui)
    job.send()
    job.result()
    paths = job.save(tmp_path)
    assert {path.suffix for path in paths} == {".png", ".webp", ".webm", ".mp4", ".flac", ".mp3", ".opus"}
    for path in paths:
        assert Workflow.load(path.rename(path.with_suffix(".anything"))).content == ui, path


def test_the_api_form_is_taken_where_there_is_no_other(tmp_path, capsys):
    """And EXIF with it, as packs that save WebP and JPEG write it."""
    for name in ("x.jpg", "x.webp"):
        exif = Image.Exif()
        exif[0x0110] = f"prompt:{json.dumps(API)}"
        Image.new("RGB", (8, 8)).save(tmp_path / name, exif=exif)
        assert Workflow.load(tmp_path / name).content == API
    assert call_here(["convert", str(tmp_path / "x.jpg")]) == 0
    assert json.loads(capsys.readouterr().out) == API


def test_text_chunks_of_a_png_may_be_packed(tmp_path):
    path = tmp_path / "x.png"
    for add in ("add_text", "add_itxt"):
        info = PngInfo()
        getattr(info, add)("prompt", json.dumps(API), zip=True)
        Image.new("RGB", (8, 8)).save(path, pnginfo=info)
        assert Workflow.load(path).content == API
    bomb = b"prompt\0\0" + zlib.compress(b" " * (200 << 20))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", len(bomb), b"zTXt") + bomb)
    with pytest.raises(BadWorkflow, match="no workflow in it"):
        Workflow.load(path)


def test_numbers_that_are_not_finite_are_null_as_in_the_page(tmp_path, capsys):
    path = tmp_path / "x.json"
    path.write_text('{"1": {"class_type": "Any", "inputs": {"a": NaN, "b": -Infinity, "c": 1e999, "d": 0.5}}}')
    assert call_here(["convert", str(path)]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["1"]["inputs"] == {"a": None, "b": None, "c": None, "d": 0.5}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1,}', "is not JSON, as line 1, column 9 shows"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "has a number that is too long"),
        (b"\x81\x82\x83\x84", "holds no text, and no workflow"),
        (b"<html><body>Sign in</body></html>", "holds a web page, and no JSON"),
        (b"PK\3\4\xff\xfe\xfd", "holds a packed archive, and no workflow"),
        (b"\xff\xd8\xff\xe0 no more of it", "holds an image, and there is no workflow in it"),
        (b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt", "holds an image, and there is no workflow in it"),
        (b"\0\0\0\x18ftypisom\0\0\0\x01moov", "holds a video, and there is no workflow in it"),
        (b'\x1aE\xdf\xa3 workflow\0{"cut', "holds a video, and there is no workflow in it"),
        (b"OggS", "holds a video, and there is no workflow in it"),
    ],
)
def test_what_is_no_workflow_is_said_in_our_words(tmp_path, content, said):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(BadWorkflow) as caught:
        Workflow.load(path)
    assert said in caught.value.message
    for word in ("codec", "Expecting", "Errno", "Error", "recursion"):
        assert word not in caught.value.message


def test_a_file_that_is_not_there_and_the_one_that_was_meant(tmp_path, monkeypatch):
    (tmp_path / "workflows").mkdir()
    for name in ("guided.app.json", "direct.app.json"):
        (tmp_path / "workflows" / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    for name in ("guided", "guided.app.jsn", "workflows/guided.app.jsn", "workflows/giuded", "guided.json"):
        with pytest.raises(BadWorkflow, match=r"There is no file .*\. Did you mean workflows/guided\.app\.json\?"):
            Workflow.load(name)
    with pytest.raises(BadWorkflow, match=r"There is no file something/else\.$"):
        Workflow.load("something/else")
    with pytest.raises(BadWorkflow, match=r"workflows is a folder\. Name one of .*: workflows/direct\.app\.json, "):
        Workflow.load("workflows")
    with pytest.raises(BadWorkflow, match=r"is a folder\. Name a file"):
        Workflow.load(tmp_path)
