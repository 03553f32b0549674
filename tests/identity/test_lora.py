"""The LoRA's beginning, its stages and its file; what is drawn of the losses."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from myspinbot.engines.identity.lora import (
    Identity,
    IdentityError,
    checked_name,
    freeze,
    init_lora,
    read_metadata,
    save,
    save_identity,
    trained,
)
from myspinbot.engines.identity.plan import Measurement, loss_plot, overfits
from myspinbot.shared.work_store import Store

LAYERS = [("diffusion_model.a", (6, 4)), ("diffusion_model.b", (8, 3, 3, 3))]
IDENTITY = Identity(
    name="anna", trigger="ohwx woman", family="SD 1.5", base_model="x.safetensors", steps=10, rank=2, resolution=512,
    learning_rate=1e-4, seed=3, images=("ab", "cd"), job="1234", loss=0.5,
)  # fmt: skip


def test_a_seed_gives_one_beginning_that_changes_nothing():
    torch.manual_seed(1)
    one = init_lora(LAYERS, 2, 7)
    torch.manual_seed(2)
    same, other = init_lora(LAYERS, 2, 7), init_lora(LAYERS, 2, 8)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["diffusion_model.a.lora_up.weight"], other["diffusion_model.a.lora_up.weight"])
    assert one["diffusion_model.b.lora_down.weight"].shape == (2, 27)
    for name, _ in LAYERS:
        assert one[f"{name}.lora_up.weight"].abs().max() > 0
        assert not (one[f"{name}.lora_up.weight"] @ one[f"{name}.lora_down.weight"]).any()


class Adapter(torch.nn.Module):
    """As ComfyUI puts one on a matrix, with `lora_up`, or on a norm or bias, with `bias` alone."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        for name in names:
            setattr(self, name, torch.nn.Parameter(torch.ones(2)))

    def learns(self) -> set[str]:
        return {name for name, value in self.named_parameters() if value.requires_grad}


@pytest.mark.parametrize(
    ("weight", "names", "learned"),
    [
        ("middle_block.0.in_layers.2.weight", ("lora_up", "lora_down", "alpha"), {"lora_up", "lora_down"}),
        ("layers.0.attention.qkv.weight", ("lora_up", "lora_down", "alpha"), {"lora_up", "lora_down"}),
        ("middle_block.0.in_layers.2.bias", ("bias",), set()),
        ("middle_block.0.in_layers.0.weight", ("bias",), set()),
        ("time_embed.0.weight", ("lora_up", "lora_down", "alpha"), set()),
        ("input_blocks.0.0.weight", ("lora_up", "lora_down", "alpha"), set()),
    ],
)
def test_matrices_in_blocks_learn_and_nothing_else_does(weight, names, learned):
    adapter = Adapter(*names)
    freeze(f"diffusion_model.{weight}", adapter)
    assert adapter.learns() == learned


def test_a_stage_keeps_what_is_trained():
    block, around = "diffusion_model.middle_block.1.proj_in", "diffusion_model.time_embed.0"
    ends = ("lora_up.weight", "lora_down.weight", "alpha", "diff", "diff_b")
    stage = {f"{layer}.{end}": torch.ones(2, 2) for layer in (block, around) for end in ends}
    assert trained(stage).keys() == {f"{block}.{end}" for end in ends[:3]}


def test_other_programs_read_what_it_is():
    facts = IDENTITY.metadata(captions=["a photo of ohwx woman", "ohwx woman, in a garden", "ohwx woman, smiling"])
    assert facts["modelspec.trigger_phrase"] == "ohwx woman"
    assert (facts["ss_base_model_version"], facts["ss_sd_model_name"]) == ("sd_v1", "x.safetensors")
    assert (facts["ss_network_module"], facts["ss_network_dim"], facts["ss_network_alpha"]) == (
        "networks.lora",
        "2",
        "1.0",
    )
    tags = {"a photo of ohwx woman": 1, "ohwx woman": 2, "in a garden": 1, "smiling": 1}
    assert json.loads(facts["ss_tag_frequency"]) == {"anna": tags}
    assert json.loads(IDENTITY.metadata()["ss_tag_frequency"]) == {"anna": {"ohwx woman": 1}}
    turbo = replace(IDENTITY, family="Z-Image-Turbo").metadata()
    assert (turbo["modelspec.architecture"], turbo["ss_base_model_version"]) == ("z-image/lora", "zimage")
    assert turbo["ss_network_alpha"] == "2.0", "multiplied in"
    assert "ss_network_module" not in turbo


def test_a_file_says_what_it_is_and_is_never_replaced(tmp_path):
    path = tmp_path / "new" / "anna.safetensors"
    save_identity(path, init_lora(LAYERS, 2, 7), IDENTITY.metadata(date(2026, 1, 2)))
    assert all(value.dtype == torch.float16 for value in load_file(path).values())
    facts = read_metadata(path)
    with safe_open(path, "pt") as file:
        assert file.metadata()["modelspec.architecture"] == "stable-diffusion-v1/lora"
    assert (facts["created"], facts["trigger"], facts["images"]) == ("2026-01-02", "ohwx woman", ["ab", "cd"])
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="nothing was changed"):
        save_identity(path, {}, {})
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["anna.safetensors"]


def test_a_full_disk_is_said_and_leaves_no_half_file(small_disk):
    lora = {"x.lora_up.weight": torch.ones(1000, 2000)}
    with pytest.raises(OSError, match=r"The disk is full: there is no room for a file in .*Make room"):
        save_identity(small_disk / "anna.safetensors", lora, IDENTITY.metadata())
    assert not list(small_disk.iterdir())
    job = Store(small_disk, 10**9).job("identity", {}, "a training")
    with pytest.raises(OSError, match="myspinbot work clear"), job.atomic_write("stage-001.safetensors") as path:
        save(path, lora)
    assert [file.name for file in job.folder.iterdir()] == ["job.json"]


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(IdentityError, match=r"x\.safetensors is damaged"):
        read_metadata(path)


@pytest.mark.parametrize("name", ["a/b", "unfinished-x", "aux"])
def test_names_that_no_file_can_have_are_refused(name):
    with pytest.raises(ValueError, match="An identity can't be called"):
        checked_name(name)


def test_a_growing_loss_on_held_out_pictures_is_noticed():
    falling = [Measurement(step, 1 - step / 100, 1 - step / 200) for step in (0, 10, 20, 30)]
    assert not overfits(falling)
    assert overfits([*falling, Measurement(40, 0.5, 0.95)])
    assert not overfits([Measurement(0, 1.0, None), Measurement(10, 0.5, None), Measurement(20, 0.4, None)])


def test_the_plot_shows_each_curve_and_survives_what_is_no_number():
    measured = [Measurement(0, 1.0, 1.2), Measurement(50, 0.6, 0.9), Measurement(100, 0.5, 0.95)]
    picture = loss_plot([1.0, float("nan"), *np.linspace(0.9, 0.4, 98)], measured)
    colours = {tuple(colour) for colour in picture[60:450].reshape(-1, 3).tolist()}
    assert {(31, 91, 179), (200, 88, 20), (150, 165, 190)} <= colours
    blue = np.argwhere((picture[60:450] == (31, 91, 179)).all(axis=2))
    first, last = blue[blue[:, 1].argmin()], blue[blue[:, 1].argmax()]
    assert first[0] < last[0], "what falls goes down"
    assert loss_plot([], []).shape == picture.shape
