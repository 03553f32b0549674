"""Weight files are loaded without running them, and converted without changing a number."""

from __future__ import annotations

import errno
import importlib
import os
import pickle
import random
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

from myspinbot_manage.cli import call
from myspinbot_manage.models import convert as runner_convert
from myspinbot_runner.errors import BadInput, BrokenModel


@pytest.fixture(scope="module")
def loader() -> ModuleType:
    return importlib.import_module("myspinbot.engines.weights")


NOISE = random.Random(1).randbytes(500)


class Touch:
    """Makes a file when it is unpickled in the ordinary way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def state() -> dict[str, torch.Tensor]:
    shared = torch.arange(6, dtype=torch.float16)
    return {
        "a.weight": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
        "a.transposed": torch.arange(6.0).reshape(2, 3).T,
        "b": shared,
        "b.tied": shared,
        "b.view": shared[2:4],
        "count": torch.tensor(7),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "empty": torch.empty(0, 3),
    }


def assert_same(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


@pytest.mark.parametrize("make", ["pickle and zip", "pickle before zip"])
def test_a_crafted_file_is_refused_and_never_run(tmp_path: Path, loader: ModuleType, make: str) -> None:
    path, trap = tmp_path / "evil.pth", tmp_path / "trap"
    content = {"state_dict": state(), "epoch": Touch(trap)}
    torch.save(content, path, _use_new_zipfile_serialization=make == "pickle and zip")
    with pytest.raises(loader.WeightsError, match=r"evil\.pth holds more than numbers: loading it would run"):
        loader.load_weights(path)
    with pytest.raises(loader.WeightsError):
        loader.convert(path)
    assert not trap.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["evil.pth"]
    torch.load(path, weights_only=False)
    assert trap.exists(), "the trap itself must work, or this test proves nothing"


def test_a_bare_pickle_is_refused_and_never_run(tmp_path: Path, loader: ModuleType) -> None:
    path, trap = tmp_path / "evil.bin", tmp_path / "trap"
    path.write_bytes(pickle.dumps(Touch(trap), protocol=2))
    with pytest.raises(loader.WeightsError):
        loader.load_weights(path)
    assert not trap.exists()


def test_a_system_call_is_named(tmp_path: Path, loader: ModuleType) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, ("true",)

    torch.save(Evil(), tmp_path / "evil.pt")
    with pytest.raises(loader.WeightsError, match=rf"would run {os.name}\.system"):
        loader.load_weights(tmp_path / "evil.pt")


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "params_ema", "params", "model_state_dict", "model"])
def test_checkpoints_of_all_kinds(tmp_path: Path, loader: ModuleType, wrapper: str | None, new: bool) -> None:
    path = tmp_path / "m.pth"
    content: dict[str, Any] = OrderedDict(state()) if wrapper is None else {
        wrapper: OrderedDict(state()),
        "optimizer": {"state": {0: {"step": torch.tensor(5)}}, "param_groups": [{"lr": 1e-4}]},
        "global_step": 12,
        "loss": np.float32(0.5),
        "betas": (0.9, None),
    }  # fmt: skip
    torch.save(content, path, _use_new_zipfile_serialization=new)
    assert_same(loader.load_weights(path), state())


def test_averaged_weights_come_first(tmp_path: Path, loader: ModuleType) -> None:
    torch.save({"params": {"a": torch.zeros(1)}, "params_ema": {"a": torch.ones(1)}}, tmp_path / "m.pth")
    assert loader.load_weights(tmp_path / "m.pth")["a"].item() == 1


def test_safetensors_whatever_the_suffix(tmp_path: Path, loader: ModuleType) -> None:
    save_file({"a": torch.ones(3)}, tmp_path / "m.pth")
    assert_same(loader.load_weights(tmp_path / "m.pth"), {"a": torch.ones(3)})
    with pytest.raises(loader.WeightsError, match="already"):
        loader.convert(tmp_path / "m.pth")


@pytest.mark.parametrize("cut", [0, 1, 8, 9, 100, -1])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_damaged_files(tmp_path: Path, loader: ModuleType, cut: int, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    if suffix == "pth":
        torch.save({"a": torch.ones(300)}, path)
    else:
        save_file({"a": torch.ones(300)}, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(loader.WeightsError, match=rf"m\.{suffix} is damaged"):
        loader.load_weights(path)


@pytest.mark.parametrize("content", [b"<html>log in</html>", b"\x80\x02.", NOISE, b"PK\x03\x04", b"\0" * 40])
def test_other_files(tmp_path: Path, loader: ModuleType, content: bytes) -> None:
    (tmp_path / "m.pth").write_bytes(content)
    with pytest.raises(loader.WeightsError):
        loader.load_weights(tmp_path / "m.pth")


def test_no_weights_and_no_file(tmp_path: Path, loader: ModuleType) -> None:
    torch.save({"epoch": 1, "names": ["a"]}, tmp_path / "m.pth")
    with pytest.raises(loader.WeightsError, match="holds no weights"):
        loader.load_weights(tmp_path / "m.pth")
    with pytest.raises(FileNotFoundError):
        loader.load_weights(tmp_path / "none.pth")


def test_conversion_changes_no_number(tmp_path: Path, loader: ModuleType) -> None:
    path = tmp_path / "m.v1.pth"
    torch.save({"state_dict": state(), "step": 3}, path)
    before = path.read_bytes()
    target = loader.convert(path)
    assert target == tmp_path / "m.v1.safetensors"
    assert_same(load_file(target), state())
    assert_same(loader.load_weights(target), loader.load_weights(path))
    assert path.read_bytes() == before
    with safe_open(target, "pt") as file:
        assert file.metadata()["converted_from"] == "m.v1.pth"
    with pytest.raises(FileExistsError, match="nothing was changed"):
        loader.convert(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.v1.pth", "m.v1.safetensors"]


@pytest.mark.usefixtures("starts_processes")
def test_the_command_converts_in_comfyuis_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "models" / "upscale_models"
    folder.mkdir(parents=True)
    torch.save({"params_ema": state()}, folder / "RealESRGAN_x2plus.pth")
    where = ["--models-dir", str(tmp_path / "models")]
    assert call(["models", "convert", "realesrgan-x2plus", *where]) == 0
    assert capsys.readouterr().out == f"{folder / 'RealESRGAN_x2plus.safetensors'}\n"
    assert_same(load_file(folder / "RealESRGAN_x2plus.safetensors"), state())
    assert call(["models", "convert", "realesrgan-x2plus", *where]) == BrokenModel.exit_code
    assert "is there already" in capsys.readouterr().err
    assert call(["models", "convert", "wan-vae", *where]) == BadInput.exit_code
    trap = tmp_path / "trap"
    torch.save({"x": Touch(trap)}, tmp_path / "evil.pth")
    assert call(["models", "convert", str(tmp_path / "evil.pth"), *where]) == BrokenModel.exit_code
    assert "holds more than numbers" in capsys.readouterr().err
    assert not trap.exists()

    layer = "diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k"
    lora = {f"{layer}.lora_up.weight": torch.ones(8, 2), f"{layer}.lora_down.weight": torch.ones(2, 768)}
    save_file(lora | {"diffusion_model.out.0.diff": torch.ones(8)}, tmp_path / "lora.safetensors")
    assert call(["models", "convert", str(tmp_path / "lora.safetensors"), *where]) == 0
    new, left_out = capsys.readouterr().out.splitlines()
    assert new == str(tmp_path / "lora-kohya.safetensors")
    assert left_out.startswith("Left out: 1 changes to norms and biases")
    assert "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.alpha" in load_file(new)
    save_file({"a": torch.ones(3)}, tmp_path / "m.safetensors")
    assert call(["models", "convert", str(tmp_path / "m.safetensors"), *where]) == BrokenModel.exit_code
    assert "no LoRA that could be converted. It holds a, which" in capsys.readouterr().err


def test_the_runner_names_the_loader_that_is_there() -> None:
    assert (runner_convert.PACK / "engines" / "weights.py").is_file()


def test_a_disk_that_is_full_is_said_and_gets_no_half_file(loader: ModuleType, small_disk: Path) -> None:
    path = small_disk / "large.safetensors"
    with pytest.raises(OSError, match=f"The disk is full: there is no room for a file in {small_disk}") as caught:
        loader.save_weights(path, {"a": torch.ones(10**6)})
    assert caught.value.errno == errno.ENOSPC
    torch.save({"a": torch.ones(300_000)}, small_disk / "old.pt")
    with pytest.raises(OSError, match="Make room"):
        loader.convert(small_disk / "old.pt")
    assert [file.name for file in small_disk.iterdir()] == ["old.pt"]


def test_another_error_of_the_system_is_an_error_of_the_system(loader: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        loader.save_weights(tmp_path / "nowhere" / "a.safetensors", {"a": torch.ones(1)})
