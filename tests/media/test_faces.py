"""The drawn pictures agree with what is recorded of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PIL import Image

from tests.media.render import HERE, PICTURES, PORTRAIT, PORTRAIT_PICTURE

TRUTH: dict[str, Any] = json.loads((HERE / "faces.json").read_text(encoding="utf-8"))
FACES = [(name, i) for name, entry in TRUTH.items() for i in range(len(entry["faces"]))]


def _open(name: str) -> Image.Image:
    return Image.open(PORTRAIT if name == "portrait.jpg" else HERE / name).convert("L")


def test_record_is_what_the_generator_knows():
    expected = {f"{name}.jpg": picture.truth() for name, picture in PICTURES.items()}
    expected |= {"landscape.jpg": {"faces": []}, "portrait.jpg": PORTRAIT_PICTURE.truth()}
    assert expected == TRUTH


def test_portrait_source_is_what_the_generator_draws():
    assert PORTRAIT.with_suffix(".svg").read_text(encoding="utf-8") == PORTRAIT_PICTURE.svg()


@pytest.mark.parametrize(("name", "index"), FACES)
def test_features_lie_where_the_record_says(name: str, index: int):
    face, grey = TRUTH[name]["faces"][index], _open(name)
    x, y, width, height = face["box"]
    assert x >= 0
    assert y >= 0
    assert x + width <= grey.width
    assert y + height <= grey.height

    def level(at: list[float], reach: float) -> float:
        """Mean grey around a point."""
        box = [round(v) for v in (at[0] - reach, at[1] - reach, at[0] + reach + 1, at[1] + reach + 1)]
        patch = grey.crop((box[0], box[1], box[2], box[3])).resize((1, 1), Image.Resampling.BOX)
        value = patch.getpixel((0, 0))
        assert isinstance(value, int)
        return value

    cheek_left = [face["left_eye"][0], face["left_eye"][1] + height * 0.3]
    pupil = face["eye_width"] * 0.04
    # The pupil is the darkest thing in the face, far darker than the cheek below it.
    assert level(face["left_eye"], pupil) < 0.55 * level(cheek_left, pupil)
    assert level(face["right_eye"], pupil) < 0.8 * level(cheek_left, pupil)


@pytest.mark.parametrize("name", [n for n, entry in TRUTH.items() if entry["faces"]])
def test_faces_keep_the_proportions_of_a_face(name: str):
    for face in TRUTH[name]["faces"]:
        (x1, y1), (x2, y2), (mx, my) = face["left_eye"], face["right_eye"], face["mouth_centre"]
        apart = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        down = ((mx - (x1 + x2) / 2) ** 2 + (my - (y1 + y2) / 2) ** 2) ** 0.5
        assert 0.4 < apart / face["box"][2] < 0.5
        assert 0.9 < down / apart < 1.25
        assert x1 < face["mouth_left"][0] + apart / 2 < face["mouth_right"][0] + apart / 2
