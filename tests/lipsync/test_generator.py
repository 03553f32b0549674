"""The network: its names, what it computes, and how it is loaded."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from myspinbot.engines.lipsync.generator import ONE_LEVEL, Generator, load_generator, prepare_generator
from myspinbot.engines.weights import WeightsError
from tests.miniatures import wav2lip as miniature


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return miniature.state()


def inputs(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    faces = torch.rand((count, 3, 96, 96), generator=generator)
    return faces, 8 * torch.rand((count, 1, 80, 16), generator=generator) - 4


def test_it_has_exactly_the_published_names_and_shapes(state):
    ours = Generator().state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: v.shape for name, v in state.items()}
    learned = sum(parameter.numel() for parameter in Generator().parameters())
    assert round(learned / 1e6, 2) == 36.30


def plain(state: dict, faces: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
    """The network once more, written out from its table of layers."""

    def block(x, name, stride=1, padding=0, *, residual=False, up=None):
        get = lambda key: state[f"{name}.conv_block.{key}"]  # noqa: E731
        if up is None:
            y = functional.conv2d(x, get("0.weight"), get("0.bias"), stride, padding)
        else:
            y = functional.conv_transpose2d(x, get("0.weight"), get("0.bias"), stride, padding, up)
        y = functional.batch_norm(
            y, get("1.running_mean"), get("1.running_var"), get("1.weight"), get("1.bias"), eps=1e-5
        )
        return functional.relu(y + x if residual else y)

    masked = faces.clone()
    masked[:, :, 48:] = 0
    x, features = torch.cat([masked, faces], 1), []
    for i, (first, residuals) in enumerate([((1, 3), 0), *[((2, 1), n) for n in (2, 3, 2, 2, 1)], ((1, 0), 0)]):
        x = block(x, f"face_encoder_blocks.{i}.0", *first)
        for j in range(residuals):
            x = block(x, f"face_encoder_blocks.{i}.{j + 1}", 1, 1, residual=True)
        if i == 6:
            x = block(x, "face_encoder_blocks.6.1")
        features.append(x)
    x, same = mel, {1, 2, 4, 5, 7, 8, 10}
    strides = {3: (3, 1), 6: 3, 9: (3, 2)}
    for i in range(13):
        x = block(x, f"audio_encoder.{i}", strides.get(i, 1), 0 if i > 10 else 1, residual=i in same)
    for i in range(7):
        name = f"face_decoder_blocks.{i}"
        if i == 0:
            x = block(x, f"{name}.0")
        else:
            x = block(x, f"{name}.0", 1 if i == 1 else 2, 0 if i == 1 else 1, up=0 if i == 1 else 1)
            for j in range(1 if i == 1 else 2):
                x = block(x, f"{name}.{j + 1}", 1, 1, residual=True)
        x = torch.cat([x, features[-1 - i]], 1)
    x = block(x, "output_block.0", 1, 1)
    return functional.conv2d(x, state["output_block.1.weight"], state["output_block.1.bias"]).sigmoid()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Generator:
    return load_generator(miniature.write(tmp_path_factory.mktemp("wav2lip") / "wav2lip.pth"))


def test_it_computes_what_the_table_of_layers_says_also_folded(state, loaded):
    faces, mel = inputs(3)
    with torch.inference_mode():
        expected, found = plain(state, faces, mel), loaded(faces, mel)
    assert found.shape == (3, 3, 96, 96)
    assert float(expected.std()) > 0.02  # there is something to compare
    assert torch.allclose(found, expected, atol=2e-5)


def test_a_batch_gives_what_each_gives_alone(loaded):
    faces, mel = inputs(4)
    with torch.inference_mode():
        together = loaded(faces, mel)
        alone = torch.cat([loaded(faces[i : i + 1], mel[i : i + 1]) for i in range(4)])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.fixture(scope="module")
def whole(loaded) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What the encoder makes of two faces, and the two drawn."""
    faces, mel = inputs(2)
    with torch.inference_mode():
        features = loaded.encode(faces)
        return features, loaded.decode(features, mel)


@pytest.mark.parametrize(
    "window",
    [(48, 96, 8, 88), (0, 96, 0, 96), (0, 8, 0, 8), (40, 48, 80, 96), (16, 72, 24, 40), (95, 96, 0, 1), (3, 50, 1, 93)],
)
def test_a_window_is_drawn_as_in_the_whole(loaded, whole, window):
    _, mel = inputs(2)
    top, bottom, left, right = window
    features, whole = whole
    with torch.inference_mode():
        part = loaded.decode(features, mel, window)
    assert part.shape == (2, 3, bottom - top, right - left)
    assert torch.allclose(part, whole[..., top:bottom, left:right], atol=1e-5)


def test_the_lower_half_of_the_masked_face_and_the_sound_both_count(loaded):
    faces, mel = inputs(2)
    with torch.inference_mode():
        one, other = loaded(faces[:1], mel[:1]), loaded(faces[:1], mel[1:])
    assert float((one - other).abs().mean()) > 1e-4


def test_half_precision_stays_within_a_level_on_average(loaded):
    half = prepare_generator(loaded, torch.device("cpu"), (torch.bfloat16,))
    assert half.dtype == torch.bfloat16
    assert 0 < half.error <= ONE_LEVEL
    faces, mel = inputs(3, seed=9)
    with torch.inference_mode():
        exact, rough = loaded(faces, mel), half.model(faces.bfloat16(), mel.bfloat16()).float()
    assert float((exact - rough).abs().mean()) <= ONE_LEVEL


def test_in_full_precision_it_is_made_ready_without_a_change(loaded):
    ready = prepare_generator(loaded, torch.device("cpu"), ())
    faces, mel = inputs(3, seed=4)
    with torch.inference_mode():
        assert torch.allclose(ready.model(faces, mel), loaded(faces, mel), atol=2e-5)
    assert not any(getattr(block, "residual", False) for block in ready.model.modules())
    assert any(getattr(block, "residual", False) for block in loaded.modules()), "the network that was given stays"


def test_half_precision_that_spoils_the_picture_is_not_used(tmp_path):
    spoilt = miniature.state()
    spoilt["output_block.1.weight"] *= 4000
    torch.save({"state_dict": spoilt}, tmp_path / "spoilt.pth")
    chosen = prepare_generator(load_generator(tmp_path / "spoilt.pth"), torch.device("cpu"), (torch.bfloat16,))
    assert chosen.dtype == torch.float32


@pytest.mark.parametrize("form", ["bare", "safetensors", "without counters"])
def test_every_form_of_the_file_is_the_same_network(tmp_path: Path, state, loaded, form):
    path = tmp_path / "other.pth"
    if form == "bare":
        torch.save(state, path)
    elif form == "safetensors":
        path = tmp_path / "other.safetensors"
        save_file({f"module.{name}": value for name, value in state.items()}, path)
    else:
        torch.save({name: value for name, value in state.items() if "num_batches" not in name}, path)
    other = load_generator(path)
    for name, value in loaded.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: s.pop("audio_encoder.3.conv_block.0.bias"), r"audio_encoder\.3.*is missing"),
        (lambda s: s.update({"audio_encoder.0.conv_block.0.bias": torch.zeros(3)}), r"shape \(3,\) instead of \(32,\)"),
        (lambda s: s.update({"extra.weight": torch.zeros(3)}), r"extra\.weight does not belong"),
    ],
)
def test_another_network_is_refused_by_the_first_difference(tmp_path, change, why):
    state = miniature.state()
    change(state)
    torch.save({"state_dict": state}, tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match=f"bad.pth is no Wav2Lip generator: .*{why}"):
        load_generator(tmp_path / "bad.pth")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"state_dict": {"x": math.sqrt}}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="would run"):
        load_generator(tmp_path / "evil.pth")
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(WeightsError, match="damaged"):
        load_generator(tmp_path / "cut.pth")
