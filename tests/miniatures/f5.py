"""Miniature F5-TTS and Vocos files: random numbers under the real names, in the real layout of folders.

Every number is random, those too that training starts at zero: with them at zero, attention and guidance do
nothing, and a test that compares them shows nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

DIM, DEPTH, HEADS, DIM_HEAD, TEXT_DIM, CONV_LAYERS, BANDS = 64, 2, 2, 32, 32, 2, 100
ARCH: dict[str, Any] = {
    "dim": DIM, "depth": DEPTH, "heads": HEADS, "dim_head": DIM_HEAD, "ff_mult": 2, "text_dim": TEXT_DIM,
    "conv_layers": CONV_LAYERS,
}  # fmt: skip
LETTERS = [chr(code) for code in range(ord("!"), ord("~") + 1)]
PINYIN = [
    "wo3",
    "ai4",
    "bei3",
    "jing1",
    "ni3",
    "hao3",
    "ni2",
    "shi4",
    "jie4",
    "，",
    "。",
    "ä",
    "ö",
    "ü",
    "ß",
    "é",
]
SYMBOLS = [" ", *LETTERS, *PINYIN]
VOCOS = {"dim": 48, "inner": 96, "layers": 2}


def linear(name: str, out: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, inputs), f"{name}.bias": (out,)}


def shapes(symbols: int) -> dict[str, tuple[int, ...]]:
    """The tensors of F5TTS_v1_Base, smaller."""
    inner = HEADS * DIM_HEAD
    found = {"text_embed.text_embed.weight": (symbols + 1, TEXT_DIM)}
    found |= linear("time_embed.time_mlp.0", DIM, 256) | linear("time_embed.time_mlp.2", DIM, DIM)
    for i in range(CONV_LAYERS):
        block = f"text_embed.text_blocks.{i}"
        found |= {f"{block}.dwconv.weight": (TEXT_DIM, 1, 7), f"{block}.dwconv.bias": (TEXT_DIM,)}
        found |= {f"{block}.norm.weight": (TEXT_DIM,), f"{block}.norm.bias": (TEXT_DIM,)}
        found |= linear(f"{block}.pwconv1", 2 * TEXT_DIM, TEXT_DIM) | linear(f"{block}.pwconv2", TEXT_DIM, 2 * TEXT_DIM)
        found |= {f"{block}.grn.gamma": (1, 1, 2 * TEXT_DIM), f"{block}.grn.beta": (1, 1, 2 * TEXT_DIM)}
    found |= linear("input_embed.proj", DIM, 2 * BANDS + TEXT_DIM)
    for i in (0, 2):
        conv = f"input_embed.conv_pos_embed.conv1d.{i}"
        found |= {f"{conv}.weight": (DIM, DIM // 16, 31), f"{conv}.bias": (DIM,)}
    for i in range(DEPTH):
        block = f"transformer_blocks.{i}"
        found |= linear(f"{block}.attn_norm.linear", 6 * DIM, DIM)
        for part in ("to_q", "to_k", "to_v"):
            found |= linear(f"{block}.attn.{part}", inner, DIM)
        found |= linear(f"{block}.attn.to_out.0", DIM, inner)
        found |= linear(f"{block}.ff.ff.0.0", 2 * DIM, DIM) | linear(f"{block}.ff.ff.2", DIM, 2 * DIM)
    return found | linear("norm_out.linear", 2 * DIM, DIM) | linear("proj_out", BANDS, DIM)


def random(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        fan = 1
        for size in shape[1:]:
            fan *= size
        spread = 0.2 if len(shape) < 2 or "grn" in name else fan**-0.5
        state[name] = torch.randn(shape, generator=generator) * spread
        if name.endswith("norm.weight"):
            state[name] += 1
    return state


def transformer(symbols: int = len(SYMBOLS), seed: int = 1) -> dict[str, Tensor]:
    """The transformer's tensors, the rotary table included, without a prefix."""
    state = random(shapes(symbols), seed)
    state["rotary_embed.inv_freq"] = 1 / 10000 ** (torch.arange(0, DIM_HEAD, 2).float() / DIM_HEAD)
    return state


def averaged(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As F5-TTS publishes them: `ema_model.transformer.` and the counters of the averaging."""
    named = {f"ema_model.transformer.{name}": value for name, value in state.items()}
    return named | {"initted": torch.tensor(True), "step": torch.tensor(1_250_000)}


def write_vocabulary(path: Path, symbols: list[str] | None = None) -> Path:
    path.write_text("".join(f"{symbol}\n" for symbol in symbols or SYMBOLS), encoding="utf-8")
    return path


def write_model(folder: Path, kind: str = "safetensors", **options: Any) -> Path:
    """`model_1250000.safetensors` (or `model.pt` as the trainer writes it) and `vocab.txt` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_vocabulary(folder / "vocab.txt")
    state = averaged(transformer(**options))
    if kind == "safetensors":
        path = folder / "model_1250000.safetensors"
        save_file(state, path)
    else:
        path = folder / "model.pt"
        current = {name: torch.zeros(1) for name in ("transformer.proj_out.weight",)}
        torch.save({"model_state_dict": current, "ema_model_state_dict": state, "update": 7}, path)
    return path


def vocoder(seed: int = 2) -> dict[str, Tensor]:
    dim, inner = VOCOS["dim"], VOCOS["inner"]
    found: dict[str, tuple[int, ...]] = {
        "backbone.embed.weight": (dim, BANDS, 7),
        "backbone.embed.bias": (dim,),
    }
    for name in ("backbone.norm", "backbone.final_layer_norm"):
        found |= {f"{name}.weight": (dim,), f"{name}.bias": (dim,)}
    for i in range(VOCOS["layers"]):
        block = f"backbone.convnext.{i}"
        found |= {
            f"{block}.gamma": (dim,),
            f"{block}.dwconv.weight": (dim, 1, 7),
            f"{block}.dwconv.bias": (dim,),
        }
        found |= {f"{block}.norm.weight": (dim,), f"{block}.norm.bias": (dim,)}
        found |= linear(f"{block}.pwconv1", inner, dim) | linear(f"{block}.pwconv2", dim, inner)
    state = random(found | linear("head.out", 1026, dim), seed)
    state["head.istft.window"] = torch.hann_window(1024)
    # What computes the features, which every checkpoint holds and only the reference uses.
    state["feature_extractor.mel_spec.spectrogram.window"] = torch.hann_window(1024)
    state["feature_extractor.mel_spec.mel_scale.fb"] = _filters()
    return state


def _filters() -> Tensor:
    import torchaudio

    return torchaudio.functional.melscale_fbanks(513, 0.0, 12000.0, BANDS, 24000)


def write_vocoder(folder: Path, **changes: Any) -> Path:
    """`pytorch_model.bin` and `config.yaml` of Vocos in `folder`; `changes` go into the features' settings."""
    folder.mkdir(parents=True, exist_ok=True)
    features = {"sample_rate": 24000, "n_fft": 1024, "hop_length": 256, "n_mels": BANDS, "padding": "center"}
    backbone = {
        "input_channels": BANDS, "dim": VOCOS["dim"], "intermediate_dim": VOCOS["inner"], "num_layers": VOCOS["layers"],
    }  # fmt: skip
    head = {"dim": VOCOS["dim"], "n_fft": 1024, "hop_length": 256, "padding": "center"}
    config = {
        "feature_extractor": {
            "class_path": "vocos.feature_extractors.MelSpectrogramFeatures",
            "init_args": features | changes,
        },
        "backbone": {"class_path": "vocos.models.VocosBackbone", "init_args": backbone},
        "head": {"class_path": "vocos.heads.ISTFTHead", "init_args": head},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    torch.save(vocoder(), folder / "pytorch_model.bin")
    return folder / "pytorch_model.bin"
