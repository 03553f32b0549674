"""What Train Identity refuses and takes, on a real server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from myspinbot_runner import Client
from tests.runner.helpers import tag

from . import graphs, portraits
from .test_pictures import header_of_a_giant
from .test_train import failure, lora_file, texts


def left(server, name: str) -> bool:
    """Whether anything of this name is among the LoRAs."""
    return lora_file(server, name).exists()


def test_without_consent_nothing_is_trained(server, sd15, pictures):
    name = f"stolen {tag()}"
    assert "Switch `consent` on" in failure(server, graphs.train(sd15, pictures(5), name, consent=False))
    assert not left(server, name)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "a/b"}, "can't be called"),
        ({"trigger": "a, b"}, "rare"),
        ({"caption": "a photo"}, "has no {trigger}"),
        ({"preset": "SDXL"}, "The model is SD 1.5"),
        ({"folder": "(the images input)"}, "The images input is empty"),
    ],
)
def test_inputs_that_cannot_be_used_are_named(server, sd15, pictures, changes, why):
    work = graphs.train(sd15, pictures(5), f"no {tag()}")
    assert why in failure(server, graphs.changed(work, **changes))


def test_one_picture_is_too_few(server, sd15, pictures):
    said = failure(server, graphs.train(sd15, pictures(1), f"one {tag()}"))
    assert "only 1 picture" in said
    assert "5 are the least" in said


def test_bad_pictures_are_refused_in_plain_words(server, sd15):
    folder = Path(server.base_directory) / "input" / f"bad-{tag()}"
    portraits.write(folder, 3)
    header_of_a_giant(folder / "giant.png")
    (folder / "damaged.jpg").write_bytes(b"not a picture")
    Image.open(folder / "00.png").save(folder / "again.png")
    said = failure(server, graphs.train(sd15, folder.name, f"bad {tag()}"))
    assert "Only 3 of 6 pictures can be used" in said
    for reason in ("too many pixels", "no picture", "nearly the same as"):
        assert reason in said


def test_images_from_core_nodes_are_learned_with_their_captions_and_doubts_are_told(server, sd15):
    folder, name = f"set-{tag()}", f"core {tag()}"
    place = portraits.write(Path(server.base_directory) / "input" / folder, 4)
    Image.open(portraits.MEDIA / "three_faces.jpg").save(place / "04.png")
    for index in range(5):
        (place / f"{index:02}.txt").write_text(f"in place {index}", "utf-8")
    work = graphs.train(sd15, "(the images input)", name, steps=1, sample_every=0)
    work["8"] = graphs.node("LoadImageTextDataSetFromFolder", folder=folder)
    work = graphs.changed(work, images=["8", 0], captions=["8", 1])
    result = Client(server.url).submit(work).result()
    assert any("shows 3 faces" in notice.text for notice in result.notices)
    assert any("shows 3 faces" in text for text in texts(result))
    with safe_open(lora_file(server, name), "np") as file:
        assert all(np.isfinite(file.get_tensor(key)).all() for key in list(file.keys())[:40])
    kept = Path(server.base_directory) / "user" / "myspinbot" / "work"
    captions = [path.read_text("utf-8") for path in kept.glob("identity-*/learned.json")]
    assert any("ohwx man, in place 3" in text for text in captions)
