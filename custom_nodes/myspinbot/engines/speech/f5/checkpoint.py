"""F5-TTS' files: the weights, what their shapes say about the model, and the vocabulary beside them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...weights import load_weights
from . import F5Error
from .dit import Arch, DiT

_PREFIXES = ("ema_model.", "transformer.")
_BESIDE = ("initted", "step", "update")  # of the averaging
_DERIVED = ("rotary_embed.", "mel_spec.")  # computed here, and more exactly
_SOME = 256  # numbers of each tensor
GENERATIONS: dict[str, dict[str, Any]] = {
    "v1": {"mask_filler": True, "rotary_heads": None},
    "v0": {"mask_filler": False, "rotary_heads": 1},
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Symbols and their numbers."""

    numbers: Mapping[str, int]

    def encode(self, symbols: list[str]) -> Tensor:
        """The numbers (T,) of symbols; one that isn't known becomes 0, a space."""
        return torch.tensor([self.numbers.get(symbol, 0) for symbol in symbols], dtype=torch.long)

    def unknown(self, symbols: list[str]) -> list[str]:
        """Symbols that the model was not trained with, each once, in their order."""
        return list(dict.fromkeys(symbol for symbol in symbols if symbol not in self.numbers))


def load_vocabulary(path: Path) -> Vocabulary:
    """One symbol per line, the first of them a space.

    Raises:
        F5Error: It isn't there, or isn't a vocabulary.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError as error:
        raise F5Error(f"The model's vocabulary is missing: put its vocab.txt at {path}.") from error
    except UnicodeDecodeError as error:
        raise F5Error(f"{path} is not a vocabulary: it isn't text in UTF-8.") from error
    if lines and not lines[-1]:
        lines.pop()
    if not lines or lines[0] != " ":
        raise F5Error(f"{path} is not a vocabulary of F5-TTS: its first line must be a single space.")
    return Vocabulary({symbol: number for number, symbol in enumerate(lines)})


def load_model(path: Path, vocabulary: Vocabulary, *, generation: str | None = None) -> DiT:
    """The transformer of a checkpoint (safetensors or PyTorch), on the CPU, in the type it was saved in.

    Args:
        generation: "v1" or "v0" (F5TTS_Base); None takes it from the config.yaml beside the file, else from the
            name of its folder, else v1.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is damaged or isn't made of weights alone.
        F5Error: It isn't an F5-TTS model, or the vocabulary is another model's.
    """
    state = _plain(load_weights(path))
    arch = replace(arch_of(state, path.name), **_generation(path, generation))
    if arch.vocabulary != len(vocabulary.numbers):
        raise F5Error(
            f"The vocabulary has {len(vocabulary.numbers)} symbols but {path.name} was trained with "
            f"{arch.vocabulary}. Put the vocab.txt that came with the model beside it."
        )
    with torch.device("meta"):
        model = DiT(arch)
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise F5Error(f"{path.name} is not a whole F5-TTS model: {error}") from error
    return model.eval().requires_grad_(False)


def model_hash(model: DiT) -> str:
    """SHA-256 that tells models apart whatever file they came in: of some numbers of each of their tensors."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update(value.flatten()[:_SOME].float().cpu().numpy().tobytes())
    return digest.hexdigest()


def _plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The transformer's weights by the names they have in `DiT`."""
    if any(name.startswith(_PREFIXES[0]) for name in weights):
        weights = {name: value for name, value in weights.items() if name.startswith(_PREFIXES[0])}
    plain: dict[str, Tensor] = {}
    for name, value in weights.items():
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        if name not in _BESIDE and not name.startswith(_DERIVED[1]):
            plain[name] = value
    return plain


def arch_of(state: dict[str, Tensor], name: str = "The checkpoint") -> Arch:
    """What the shapes say; takes the rotary table out of `state`, whose length is half a head's width.

    Raises:
        F5Error: The names aren't those of F5-TTS.
    """
    table = state.pop(f"{_DERIVED[0]}inv_freq", None)
    try:
        inner, dim = state["transformer_blocks.0.attn.to_q.weight"].shape
        dim_head = 2 * len(table) if table is not None else 64
        return Arch(
            dim=dim,
            depth=_count(state, "transformer_blocks."),
            heads=inner // dim_head,
            dim_head=dim_head,
            ff_mult=state["transformer_blocks.0.ff.ff.0.0.weight"].shape[0] // dim,
            mel_dim=state["proj_out.weight"].shape[0],
            vocabulary=state["text_embed.text_embed.weight"].shape[0] - 1,
            text_dim=state["text_embed.text_embed.weight"].shape[1],
            conv_layers=_count(state, "text_embed.text_blocks."),
            qk_norm="transformer_blocks.0.attn.q_norm.weight" in state,
        )
    except (KeyError, ValueError) as error:
        kind = "an E2 TTS model" if any(key.startswith("layers.") for key in state) else "not an F5-TTS model"
        raise F5Error(f"{name} is {kind}; F5TTS_v1_Base and models trained from it can be used.") from error


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    places = {int(name.removeprefix(prefix).split(".")[0]) for name in state if name.startswith(prefix)}
    return max(places, default=-1) + 1


def _generation(path: Path, chosen: str | None) -> dict[str, Any]:
    if chosen is not None:
        if chosen not in GENERATIONS:
            raise F5Error(f"There is no generation {chosen!r} of F5-TTS; choose v1 or v0.")
        return GENERATIONS[chosen]
    config = path.with_name("config.yaml")
    if config.is_file():
        return _configured(config)
    return GENERATIONS["v0" if path.parent.name.startswith("F5TTS_Base") else "v1"]


def _configured(config: Path) -> dict[str, Any]:
    import yaml

    try:
        content: Any = yaml.safe_load(config.read_text(encoding="utf-8"))
        model = content.get("model", content)
        arch: Any = model.get("arch", {})
        backbone: Any = model.get("backbone", "DiT")
        chosen = {
            "mask_filler": bool(arch.get("text_mask_padding", True)),
            "rotary_heads": arch.get("pe_attn_head"),
        }
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError) as error:
        raise F5Error(f"{config} is not a model's configuration. Fetch it again or remove it.") from error
    if backbone != "DiT" or arch.get("text_embedding_average_upsampling"):
        raise F5Error(f"{config} is of a model of another kind than F5-TTS v1; it can't be run.")
    return chosen
