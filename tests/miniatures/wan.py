"""Miniatures of what InfiniteTalk runs on: random numbers under the real names, for ComfyUI's own loaders.

What ComfyUI reads from a file is small here: widths, layers of the video model, channels of the VAE. What it takes
for granted is as large as it must be: 40 layers with 40 heads in the InfiniteTalk patch, all of wav2vec2's shapes,
and 24 layers of width 4096 in UMT5, whose matrices may be narrow once one of its keys says that it is quantised.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

MODEL = "diffusion_models/mini_wan_i2v.safetensors"
PATCH = "model_patches/mini_infinitetalk.safetensors"
VAE = "vae/mini_wan_vae.safetensors"
ENCODER = "audio_encoders/mini_wav2vec2.safetensors"
LORA = "loras/mini_lightx2v.safetensors"
TEXT = "text_encoders/mini_umt5.safetensors"

DIM, HEADS, FFN, LAYERS = 80, 2, 64, 2
AUDIO = {"layers": 12, "channels": 768}
EIGHT_BITS = torch.float8_e4m3fn

Shapes = dict[str, tuple[int, ...]]


def linear(name: str, out: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (out, inputs), f"{name}.bias": (out,)}


def norm(name: str, dim: int) -> Shapes:
    return {f"{name}.weight": (dim,), f"{name}.bias": (dim,)}


def numbers(shapes: Shapes, seed: int, kind: torch.dtype = torch.float16) -> dict[str, Tensor]:
    """Random weights that keep a signal's size, biases at zero, norms at one."""
    generator = torch.Generator().manual_seed(seed)
    made: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        if name.endswith("bias"):
            value = torch.zeros(shape)
        elif name.endswith("gamma") or (len(shape) == 1 and "norm" in name):
            value = torch.ones(shape)
        else:
            fan = max(torch.Size(shape).numel() // shape[0], 1)
            value = torch.randn(shape, generator=generator) * (0.1 if "modulation" in name else fan**-0.5)
        made[name] = value.to(kind)
    return made


def video_model(dim: int = DIM, ffn: int = FFN, layers: int = LAYERS) -> Shapes:
    found: Shapes = {"patch_embedding.weight": (dim, 36, 1, 2, 2), "patch_embedding.bias": (dim,)}
    found |= linear("text_embedding.0", dim, 4096) | linear("text_embedding.2", dim, dim)
    found |= linear("time_embedding.0", dim, 256) | linear("time_embedding.2", dim, dim)
    found |= linear("time_projection.1", 6 * dim, dim)
    found |= norm("img_emb.proj.0", 1280) | linear("img_emb.proj.1", 1280, 1280)
    found |= linear("img_emb.proj.3", dim, 1280) | norm("img_emb.proj.4", dim)
    for i in range(layers):
        block = f"blocks.{i}"
        found |= {f"{block}.modulation": (1, 6, dim)} | norm(f"{block}.norm3", dim)
        for part, names in (("self_attn", "qkvo"), ("cross_attn", ("q", "k", "v", "o", "k_img", "v_img"))):
            for name in names:
                found |= linear(f"{block}.{part}.{name}", dim, dim)
            norms = ("norm_q", "norm_k", "norm_k_img") if part == "cross_attn" else ("norm_q", "norm_k")
            found |= {f"{block}.{part}.{name}.weight": (dim,) for name in norms}
        found |= linear(f"{block}.ffn.0", ffn, dim) | linear(f"{block}.ffn.2", dim, ffn)
    return found | {"head.modulation": (1, 2, dim)} | linear("head.head", 64, dim)


def infinitetalk(dim: int = DIM, inner: int = 8, out: int = 8) -> Shapes:
    each = AUDIO["layers"] * AUDIO["channels"]
    found = linear("audio_proj.proj1", inner, 5 * each) | linear("audio_proj.proj1_vf", inner, 8 * each)
    found |= linear("audio_proj.proj2", inner, inner) | linear("audio_proj.proj3", 32 * out, inner)
    found |= norm("audio_proj.norm", out)
    for i in range(40):
        attention = f"blocks.{i}.audio_cross_attn"
        found |= linear(f"{attention}.q_linear", dim, dim) | linear(f"{attention}.proj", dim, dim)
        found |= linear(f"{attention}.kv_linear", 2 * dim, out) | norm(f"blocks.{i}.norm_x", dim)
    return found


def vae(dim: int = 2) -> Shapes:
    """Wan 2.1's: three halvings of the picture, two of time, 16 channels of latents."""
    widths = [dim, 2 * dim, 4 * dim, 4 * dim]
    top = widths[-1]
    found = _conv("encoder.conv1", dim, 3) | _conv("conv1", 32, 32, 1) | _conv("conv2", 16, 16, 1)
    place, inside = 0, dim
    for level, width in enumerate(widths):
        for _ in range(2):
            found |= _residual(f"encoder.downsamples.{place}", inside, width)
            place, inside = place + 1, width
        if level < 3:
            found |= _flat(f"encoder.downsamples.{place}.resample.1", width, width)
            if level:
                found |= _time(f"encoder.downsamples.{place}", width, width)
            place += 1
    found |= _middle("encoder.middle", top) | _conv("encoder.head.2", 32, top)
    found |= {"encoder.head.0.gamma": (top, 1, 1, 1)}
    found |= _conv("decoder.conv1", top, 16) | _middle("decoder.middle", top)
    place, inside = 0, top
    for level, width in enumerate(reversed(widths)):
        for _ in range(3):
            found |= _residual(f"decoder.upsamples.{place}", inside, width)
            place, inside = place + 1, width
        if level < 3:
            found |= _flat(f"decoder.upsamples.{place}.resample.1", width // 2, width)
            if level < 2:
                found |= _time(f"decoder.upsamples.{place}", 2 * width, width)
            place, inside = place + 1, width // 2
    return found | _conv("decoder.head.2", 3, dim) | {"decoder.head.0.gamma": (dim, 1, 1, 1)}


def _conv(name: str, out: int, inputs: int, size: int = 3) -> Shapes:
    return {f"{name}.weight": (out, inputs, size, size, size), f"{name}.bias": (out,)}


def _flat(name: str, out: int, inputs: int, size: int = 3) -> Shapes:
    return {f"{name}.weight": (out, inputs, size, size), f"{name}.bias": (out,)}


def _time(name: str, out: int, inputs: int) -> Shapes:
    return {f"{name}.time_conv.weight": (out, inputs, 3, 1, 1), f"{name}.time_conv.bias": (out,)}


def _residual(name: str, inputs: int, out: int) -> Shapes:
    found = {f"{name}.residual.0.gamma": (inputs, 1, 1, 1), f"{name}.residual.3.gamma": (out, 1, 1, 1)}
    found |= _conv(f"{name}.residual.2", out, inputs) | _conv(f"{name}.residual.6", out, out)
    return found | (_conv(f"{name}.shortcut", out, inputs, 1) if inputs != out else {})


def _middle(name: str, dim: int) -> Shapes:
    found = _residual(f"{name}.0", dim, dim) | _residual(f"{name}.2", dim, dim)
    found |= {f"{name}.1.norm.gamma": (dim, 1, 1)}
    return found | _flat(f"{name}.1.to_qkv", 3 * dim, dim, 1) | _flat(f"{name}.1.proj", dim, dim, 1)


def wav2vec2() -> dict[str, Tensor]:
    """chinese-wav2vec2-base at full size, 94 million numbers, in 8 bits each; all but two layers pass sound on."""
    channels = AUDIO["channels"]
    found: Shapes = {}
    for i, kernel in enumerate((10, 3, 3, 3, 3, 2, 2)):
        found[f"feature_extractor.conv_layers.{i}.conv.weight"] = (512, 512 if i else 1, kernel)
    found |= norm("feature_projection.layer_norm", 512) | linear("feature_projection.projection", channels, 512)
    found["encoder.pos_conv_embed.conv.weight_v"] = (channels, channels // 16, 128)
    idle: Shapes = {}
    for i in range(AUDIO["layers"]):
        layer = f"encoder.layers.{i}"
        part = linear(f"{layer}.feed_forward.intermediate_dense", 3072, channels)
        part |= linear(f"{layer}.feed_forward.output_dense", channels, 3072)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            part |= linear(f"{layer}.attention.{name}", channels, channels)
        (found if i < 2 else idle).update(part)
        found |= norm(f"{layer}.layer_norm", channels) | norm(f"{layer}.final_layer_norm", channels)
    found |= norm("feature_extractor.conv_layers.0.layer_norm", 512) | norm("encoder.layer_norm", channels)
    made = numbers(found, 4, EIGHT_BITS) | {name: torch.zeros(shape, dtype=EIGHT_BITS) for name, shape in idle.items()}
    made["encoder.pos_conv_embed.conv.weight_g"] = torch.ones(1, 1, 128, dtype=torch.float16)
    made["encoder.pos_conv_embed.conv.bias"] = torch.zeros(channels, dtype=torch.float16)
    made["masked_spec_embed"] = torch.zeros(channels, dtype=torch.float16)
    return {f"wav2vec2.{name}": value for name, value in made.items()}


def lora(rank: int = 2) -> dict[str, Tensor]:
    """As lightx2v is written: matrices down and up, and differences of biases."""
    found: Shapes = {}
    for i in range(LAYERS):
        for name in ("self_attn.q", "self_attn.k", "cross_attn.v", "cross_attn.o"):
            key = f"diffusion_model.blocks.{i}.{name}"
            found |= {f"{key}.lora_down.weight": (rank, DIM), f"{key}.lora_up.weight": (DIM, rank)}
            found |= {f"{key}.diff_b": (DIM,)}
        found |= {f"diffusion_model.blocks.{i}.norm3.diff": (DIM,)}
    return numbers(found, 5, torch.bfloat16)


def umt5(words: str) -> dict[str, Tensor]:
    """UMT5 whose tokenizer knows `words`, and whose matrices are narrow but for the one by which it is recognised."""
    width, heads, narrow = 4096, 64, 8
    proto = _sentencepiece(words)
    found: Shapes = {}
    for i in range(24):
        layer = f"encoder.block.{i}.layer"
        for name in "qkv":
            found[f"{layer}.0.SelfAttention.{name}.weight"] = (heads, width)
        found[f"{layer}.0.SelfAttention.o.weight"] = (width, heads)
        inner = 10240 if i == 23 else narrow
        found[f"{layer}.1.DenseReluDense.wi_0.weight"] = (1 if i == 23 else narrow, width)
        found[f"{layer}.1.DenseReluDense.wi_1.weight"] = (inner, width)
        found[f"{layer}.1.DenseReluDense.wo.weight"] = (width, inner)
    made = numbers({**found, "shared.weight": (_size(proto), width)}, 6, EIGHT_BITS)
    for i in range(24):
        layer = f"encoder.block.{i}.layer"
        made[f"{layer}.0.SelfAttention.relative_attention_bias.weight"] = torch.zeros(32, heads, dtype=torch.float16)
        made |= {f"{layer}.{part}.layer_norm.weight": torch.ones(width, dtype=torch.float16) for part in (0, 1)}
    made["encoder.final_layer_norm.weight"] = torch.ones(width, dtype=torch.float16)
    made["shared.weight_scale"] = torch.tensor(1.0)
    made["shared.comfy_quant"] = _as_bytes(json.dumps({"format": "float8_e4m3fn"}).encode())
    made["spiece_model"] = _as_bytes(proto)
    return made


def _sentencepiece(words: str) -> bytes:
    import sentencepiece

    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "words.txt"
        text.write_text("\n".join([words, *words.split() * 20]), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=f"{folder}/words", vocab_size=400, hard_vocab_limit=False, pad_id=0,
            eos_id=1, unk_id=2, bos_id=-1, byte_fallback=True, minloglevel=2,
        )  # fmt: skip
        return (Path(folder) / "words.model").read_bytes()


def _size(proto: bytes) -> int:
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=proto).get_piece_size()


def _as_bytes(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def write(models: Path, name: str, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> str:
    """Write a file below ComfyUI's models, and give its name as loaders list it."""
    path = models / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), path, metadata)
    return path.name


def write_holes(models: Path, name: str, shapes: Shapes, kind: str, size: int) -> None:
    """Write a file of zeros of a safetensors type of `size` bytes, which takes hardly any space on disk."""
    entries: dict[str, Any] = {}
    end = 0
    for key, shape in shapes.items():
        begin, end = end, end + math.prod(shape) * size
        entries[key] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    path = models / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + end)


def write_all(models: Path) -> None:
    """All but the text encoder."""
    # Without this ComfyUI takes a head for every 128 of the width, and the patch needs 40 of its own.
    metadata = {"config": json.dumps({"transformer": {"num_heads": HEADS}})}
    write(models, MODEL, numbers(video_model(), 1), metadata)
    write(models, PATCH, numbers(infinitetalk(), 2))
    write(models, VAE, numbers(vae(), 3))
    write(models, ENCODER, wav2vec2())
    write(models, LORA, lora())
