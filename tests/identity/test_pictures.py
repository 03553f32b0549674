"""Training sets: what is found in pictures, what is left out, what becomes of the rest."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from myspinbot.engines.identity import checks
from myspinbot.engines.identity.read import Picture, PictureError, files_in, read, read_all
from myspinbot.engines.identity.settings import settings_for, split_stages
from myspinbot.engines.identity.training_set import (
    CaptionError,
    TrainingSetError,
    buckets,
    caption,
    checked_trigger,
    crop_to_face,
    detect_faces,
    prepare_training_set,
)

from . import portraits

SETTINGS = settings_for("SD 1.5", resolution=128)
TEMPLATE = "a photo of {trigger}"


def prepared(folder: Path, settings=SETTINGS, **options):
    paths = files_in(folder)
    options = {"trigger": "ohwx man", "template": TEMPLATE} | options
    return prepare_training_set(read_all(paths), len(paths), settings, **options)


def text_of(found, name: str) -> str:
    (text,) = [str(finding) for finding in found.findings if finding.name == name]
    return text


def header_of_a_giant(path: Path, width: int = 20000, height: int = 10000) -> None:
    """A PNG that says it has 200 million pixels, and little behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"\0" * 64))


def test_good_pictures_are_cropped_captioned_and_every_eighth_is_held_out(tmp_path):
    found = prepared(portraits.write(tmp_path, 10))
    assert len(found.examples) == 9
    assert [example.name for example in found.held_out] == ["07.png"]
    assert {example.caption for example in found.examples} == {"a photo of ohwx man"}
    shapes = {example.pixels.shape for example in found.examples}
    assert shapes == {(128, 128, 3), (144, 112, 3)}, "higher pictures are learned in a higher shape"
    assert all(finding.rating == "good" for finding in found.findings)


def test_words_beside_a_picture_win_and_get_the_trigger(tmp_path):
    portraits.write(tmp_path, 5)
    (tmp_path / "01.txt").write_text("smiling\nin the garden", "utf-8")
    (tmp_path / "02.txt").write_text("OHWX man in a hat", "utf-8")
    captions = {example.name: example.caption for example in prepared(tmp_path).examples}
    assert captions["00.png"] == "a photo of ohwx man"
    assert captions["01.png"] == "ohwx man, smiling in the garden"
    assert captions["02.png"] == "OHWX man in a hat"


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_pictures_are_refused(tmp_path, count):
    with pytest.raises(TrainingSetError, match="5 are the least"):
        prepared(portraits.write(tmp_path, count))


def test_too_many_pictures_are_refused_before_one_is_read(tmp_path):
    with pytest.raises(TrainingSetError, match="50 are the most"):
        prepare_training_set(iter(()), 51, SETTINGS, trigger="x", template=TEMPLATE)


def test_bad_pictures_are_left_out_each_with_its_reason(tmp_path):
    portraits.write(tmp_path, 6)
    good = Image.open(tmp_path / "00.png")
    good.filter(ImageFilter.GaussianBlur(6)).save(tmp_path / "blurred.png")
    good.resize((40, 40)).save(tmp_path / "tiny.png")
    good.save(tmp_path / "zz_again.jpg", quality=70)
    (tmp_path / "damaged.png").write_bytes((tmp_path / "00.png").read_bytes()[:3000])
    (tmp_path / "nothing.jpg").write_bytes(b"")
    (tmp_path / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    header_of_a_giant(tmp_path / "giant.png")
    header_of_a_giant(tmp_path / "large.png", 12000, 10000)
    Image.open(portraits.MEDIA / "landscape.jpg").save(tmp_path / "landscape.png")
    Image.open(portraits.MEDIA / "three_faces.jpg").save(tmp_path / "three.png")
    found = prepared(tmp_path)
    assert {example.name for example in found.examples} == {*(f"{i:02}.png" for i in range(6)), "three.png"}
    assert "the same as 00.png" in text_of(found, "blurred.png") or "blurred" in text_of(found, "blurred.png")
    assert "only 40x40 pixels" in text_of(found, "tiny.png")
    assert "nearly the same as 00.png" in text_of(found, "zz_again.jpg")
    assert "cut short" in text_of(found, "damaged.png")
    assert "empty" in text_of(found, "nothing.jpg")
    assert "HEIC" in text_of(found, "phone.HEIC")
    assert "save it as JPEG" in text_of(found, "phone.HEIC")
    assert "too many pixels" in text_of(found, "giant.png")
    assert "too many pixels (12000x10000" in text_of(found, "large.png")
    assert "No face" in text_of(found, "landscape.png")
    assert "3 faces" in text_of(found, "three.png")
    lines = found.report().splitlines()
    assert "left out" in lines[2]
    assert "good" in lines[-1]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".gif", ".tif"])
@pytest.mark.parametrize("share", [0.005, 0.5])
def test_a_picture_that_is_cut_short_is_named_as_such(tmp_path, suffix, share):
    path = tmp_path / f"whole{suffix}"
    portraits.view(0).convert("RGB").save(path)
    assert read(path).shape[2] == 3
    whole = path.read_bytes()
    path.write_bytes(whole[: max(int(share * len(whole)), 24)])
    with pytest.raises(PictureError, match="cut short"):
        read(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"<html>Not found</html>", "the file is no picture"),
        (b"\0" * 5000, "the file is no picture"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC; save it as JPEG"),
    ],
)
def test_what_is_no_picture_is_named_as_such(tmp_path, content, why):
    (tmp_path / "me.jpg").write_bytes(content)
    with pytest.raises(PictureError, match=why):
        read(tmp_path / "me.jpg")


def test_a_good_picture_stays_where_its_twin_is_left_out(tmp_path):
    portraits.write(tmp_path, 5)
    Image.open(tmp_path / "00.png").filter(ImageFilter.GaussianBlur(4)).save(tmp_path / "0 blurred.png")
    found = prepared(tmp_path)
    assert "is blurred" in text_of(found, "0 blurred.png") or "blurred:" in text_of(found, "0 blurred.png")
    assert "00.png" in {example.name for example in found.examples}


def test_a_blurred_face_is_left_out_and_a_soft_one_doubtful():
    sharp = portraits.view(0)
    pixels = [np.asarray(sharp.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 2, 4)]
    (box,) = detect_faces(pixels[0])
    ratings = [finding.rating if (finding := checks.blur("x", one, box)) else "good" for one in pixels]
    assert ratings == ["good", "doubtful", "left out"]


def test_a_set_without_faces_is_refused_with_the_report(tmp_path):
    landscape = np.asarray(Image.open(portraits.MEDIA / "landscape.jpg").convert("RGB").resize((160, 160)))
    for index in range(5):
        Image.fromarray(np.roll(landscape, 30 * index, axis=1)).save(tmp_path / f"{index}.png")
    with pytest.raises(TrainingSetError, match=r"(?s)Only 0 of 5 pictures.*No face") as caught:
        prepared(tmp_path)
    assert str(caught.value).count("left out") == 5


def test_a_file_of_200_megabytes_is_refused_by_its_size(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(200 * 10**6)
    with pytest.raises(PictureError, match="200 MB"):
        read(path)


def test_pictures_are_seen_as_the_camera_was_held_and_without_transparency(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "red").save(tmp_path / "turned.jpg", exif=exif)
    assert read(tmp_path / "turned.jpg").shape == (40, 20, 3)
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read(tmp_path / "clear.png").min() == 255


def test_a_small_face_is_brought_near_and_stays_whole():
    person = np.asarray(portraits.view(0).resize((256, 256)))
    scene = np.full((1600, 2000, 3), 200, np.uint8)
    scene[700 : 700 + person.shape[0], 300 : 300 + person.shape[1]] = person
    (box,) = detect_faces(scene)
    crop = crop_to_face(scene, box, 512, 64)
    (near,) = detect_faces(crop)
    assert crop.shape == (448, 576, 3)
    assert near.side > 1.8 * box.side * 448 / 1600
    assert near.x > 0
    assert near.y > 0
    assert near.y + near.side < 448


@pytest.mark.parametrize("resolution", [128, 512, 768, 1024])
def test_buckets_have_about_as_many_pixels_as_a_square(resolution):
    settings = settings_for("SDXL", resolution=resolution)
    for width, height in buckets(resolution, settings.step):
        assert width % settings.step == height % settings.step == 0
        assert width * height == pytest.approx(resolution**2, rel=0.12)


def test_stages_are_the_steps_in_parts():
    assert split_stages(1000, 250) == (250, 250, 250, 250)
    assert split_stages(7, 3) == (3, 3, 1)
    assert split_stages(5, 0) == split_stages(5, 9) == (5,)


@pytest.mark.parametrize("trigger", ["", "  ", "a, b", "(ohwx:1.2)", "x" * 61])
def test_triggers_that_prompts_would_misread_are_refused(trigger):
    with pytest.raises(CaptionError, match="trigger"):
        checked_trigger(trigger)


def test_a_template_must_have_a_place_for_the_trigger(tmp_path):
    assert caption("", "a {trigger}  here", "ohwx") == "a ohwx here"
    with pytest.raises(CaptionError, match="has no"):
        prepared(portraits.write(tmp_path, 5), template="a photo")


def test_hashes_know_the_same_picture_again_and_tell_others_apart():
    picture = portraits.view(0)
    own = checks.perceptual_hash(np.asarray(picture))
    assert checks.alike(own, checks.perceptual_hash(np.asarray(picture.resize((200, 200)))))
    for index in range(1, 10):
        assert not checks.alike(own, checks.perceptual_hash(np.asarray(portraits.view(index))))


def test_pictures_need_not_be_files():
    found = [Picture(f"image {index}", np.asarray(portraits.view(index)), "in a hat") for index in range(5)]
    ready = prepare_training_set(found, 5, SETTINGS, trigger="ohwx", template=TEMPLATE)
    assert {example.caption for example in ready.examples} == {"ohwx, in a hat"}


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("a.png", np.arange(256, dtype=np.uint16) * 257),
        ("a.tiff", np.arange(256, dtype=np.uint16) * 257),
        ("a.tiff", (np.arange(256) / 255).astype(np.float32)),
        ("a.tiff", np.arange(256, dtype=np.float32)),
        ("a.tiff", np.arange(256, dtype=np.int32)),
        ("a.tiff", np.arange(256, dtype=np.int32) * 257),
        ("a.tiff", np.arange(256, dtype=np.int32) * 100_000),
    ],
)
def test_grey_of_more_than_eight_bits_keeps_its_levels(tmp_path, name, levels):
    Image.fromarray(np.tile(levels, (64, 1))).save(tmp_path / name)
    assert (read(tmp_path / name) == np.arange(256)[None, :, None]).all()


def test_a_dark_picture_of_sixteen_bits_stays_dark(tmp_path):
    Image.fromarray(np.full((64, 64), 257 * 20, np.uint16)).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png") == 20).all()
