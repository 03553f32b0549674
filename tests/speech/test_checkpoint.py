"""Files: every layout that F5-TTS is published in, and what is refused."""

from __future__ import annotations

import os

import pytest
import torch
from safetensors.torch import save_file

from myspinbot.engines.speech.f5 import F5Error
from myspinbot.engines.speech.f5.checkpoint import load_model, load_vocabulary
from myspinbot.engines.speech.f5.dit import Arch
from myspinbot.engines.speech.f5.vocos import load_vocoder
from myspinbot.engines.weights import WeightsError
from tests.miniatures import f5 as miniature

WEIGHT = "transformer_blocks.1.attn.to_q.weight"


def test_sizes_are_read_from_the_weights(model):
    assert model.arch == Arch(
        dim=64, depth=2, heads=2, dim_head=32, ff_mult=2, mel_dim=100, vocabulary=len(miniature.SYMBOLS), text_dim=32,
        conv_layers=2,
    )  # fmt: skip
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_the_published_layouts(tmp_path, kind):
    path = miniature.write_model(tmp_path, kind)
    model = load_model(path, load_vocabulary(tmp_path / "vocab.txt"))
    assert torch.equal(model.state_dict()[WEIGHT], miniature.transformer()[WEIGHT])


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_layouts_without_the_averaging(tmp_path, vocabulary, prefix):
    state = {f"{prefix}{name}": value.half() for name, value in miniature.transformer().items()}
    state["mel_spec.mel_stft.spectrogram.window"] = torch.hann_window(1024)  # older files carry it
    save_file(state, tmp_path / "pruned.safetensors")
    model = load_model(tmp_path / "pruned.safetensors", vocabulary)
    assert model.dtype == torch.float16
    assert torch.equal(model.state_dict()[WEIGHT], miniature.transformer()[WEIGHT].half())


def test_a_checkpoint_without_the_rotary_table_has_heads_of_64(tmp_path, vocabulary):
    state = miniature.transformer()
    del state["rotary_embed.inv_freq"]
    save_file(state, tmp_path / "model.safetensors")
    arch = load_model(tmp_path / "model.safetensors", vocabulary).arch
    assert (arch.heads, arch.dim_head) == (1, 64)


@pytest.mark.parametrize(
    ("folder", "config", "chosen", "expected"),
    [
        ("F5TTS_v1_Base", None, None, (True, None)),
        ("F5TTS_Base", None, None, (False, 1)),
        ("F5TTS_Base", None, "v1", (True, None)),
        ("mine", None, None, (True, None)),
        ("mine", None, "v0", (False, 1)),
        (
            "mine",
            "model: {backbone: DiT, arch: {text_mask_padding: false, pe_attn_head: 1}}",
            None,
            (False, 1),
        ),
        ("F5TTS_Base", "model: {arch: {text_mask_padding: true, pe_attn_head: null}}", None, (True, None)),
    ],
)
def test_the_generation(tmp_path, folder, config, chosen, expected):
    path = miniature.write_model(tmp_path / folder)
    if config:
        path.with_name("config.yaml").write_text(config)
    arch = load_model(path, load_vocabulary(path.with_name("vocab.txt")), generation=chosen).arch
    assert (arch.mask_filler, arch.rotary_heads) == expected


def test_another_models_vocabulary_is_refused(tmp_path, files):
    other = miniature.write_vocabulary(tmp_path / "vocab.txt", miniature.SYMBOLS[:-3])
    with pytest.raises(F5Error, match=f"{len(miniature.SYMBOLS) - 3} symbols .* {len(miniature.SYMBOLS)}"):
        load_model(files.model, load_vocabulary(other))


@pytest.mark.parametrize(
    ("content", "why"), [(b"a\nb\n", "single space"), (b"", "single space"), (b"\xff\xfe", "UTF-8")]
)
def test_what_is_no_vocabulary(tmp_path, content, why):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(F5Error, match=why):
        load_vocabulary(tmp_path / "vocab.txt")


def test_a_missing_vocabulary_is_named(tmp_path):
    with pytest.raises(F5Error, match=r"vocab\.txt"):
        load_vocabulary(tmp_path / "vocab.txt")


def test_symbols_and_numbers(vocabulary):
    assert vocabulary.encode([" ", "!", "☃", "bei3"]).tolist() == [0, 1, 0, miniature.SYMBOLS.index("bei3")]
    assert vocabulary.unknown(["☃", "a", "☃", "ж"]) == ["☃", "ж"]


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_a_truncated_file(tmp_path, vocabulary, kind):
    path = miniature.write_model(tmp_path, kind)
    os.truncate(path, path.stat().st_size * 2 // 3)
    with pytest.raises(WeightsError, match="damaged"):
        load_model(path, vocabulary)


def test_a_pickle_that_is_a_program(tmp_path, vocabulary):
    class Program:
        def __reduce__(self):
            return (os.system, ("true",))

    torch.save({"model_state_dict": {"a": Program()}}, tmp_path / "model.pt")
    with pytest.raises(WeightsError, match="would run"):
        load_model(tmp_path / "model.pt", vocabulary)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"layers.0.0.weight": torch.zeros(2, 2)}, "E2 TTS"),
        ({"blocks.0.weight": torch.zeros(2, 2)}, "not an F5-TTS model"),
        (
            {n: v for n, v in miniature.transformer().items() if n != "norm_out.linear.bias"},
            "norm_out.linear.bias",
        ),
        (
            miniature.transformer() | {"long_skip_connection.weight": torch.zeros(2, 2)},
            "long_skip_connection",
        ),
    ],
)
def test_other_models_are_refused(tmp_path, vocabulary, state, why):
    save_file(miniature.averaged(state), tmp_path / "model.safetensors")
    with pytest.raises(F5Error, match=why):
        load_model(tmp_path / "model.safetensors", vocabulary)


@pytest.mark.parametrize(
    ("config", "why"), [("model: [", "configuration"), ("model: {backbone: UNetT, arch: {}}", "another kind")]
)
def test_configurations_that_do_not_fit(tmp_path, vocabulary, config, why):
    path = miniature.write_model(tmp_path)
    path.with_name("config.yaml").write_text(config)
    with pytest.raises(F5Error, match=why):
        load_model(path, vocabulary)


def test_the_vocoder_as_safetensors_without_a_configuration(tmp_path, files):
    save_file(miniature.vocoder(), tmp_path / "vocos.safetensors")
    bands = torch.randn(1, 20, 100)
    one, two = load_vocoder(tmp_path / "vocos.safetensors"), load_vocoder(files.vocoder)
    assert torch.equal(one(bands), two(bands))


@pytest.mark.parametrize("changes", [{"sample_rate": 44100}, {"n_mels": 80}, {"padding": "same"}])
def test_vocoders_for_other_features_are_refused(tmp_path, changes):
    path = miniature.write_vocoder(tmp_path, **changes)
    with pytest.raises(F5Error, match="vocos-mel-24khz"):
        load_vocoder(path, path.with_name("config.yaml"))


def test_a_model_is_no_vocoder(files):
    with pytest.raises(F5Error, match="not a Vocos"):
        load_vocoder(files.model)
