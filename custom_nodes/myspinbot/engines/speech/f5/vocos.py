"""Vocos: from mel bands to sound by one inverse Fourier transform per frame.

Shapes in the comments: B speeches of N frames, M mel bands, D channels, F frequencies.

Source: Siuzdak, "Vocos: Closing the gap between time-domain and Fourier-based neural vocoders" (arXiv:2306.00814).
"""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...weights import load_weights
from . import F5Error
from .mel import BANDS, HOP, SAMPLE_RATE

_FEATURE_EXTRACTOR = "feature_extractor."  # what makes mels in the checkpoint; ours is in mel.py


class ConvNeXtBlock(nn.Module):
    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, inner)
        self.pwconv2 = nn.Linear(inner, dim)
        self.gamma = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x).mT)  # (B, N, D)
        y = self.pwconv2(F.gelu(self.pwconv1(y)))  # (B, N, D)
        return x + (self.gamma * y).mT  # (B, D, N)


class Backbone(nn.Module):
    def __init__(self, bands: int, dim: int, inner: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Conv1d(bands, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXtBlock(dim, inner) for _ in range(layers))
        self.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.embed(x).mT).mT  # (B, D, N)
        for block in self.convnext:
            y = block(y)  # (B, D, N)
        return self.final_layer_norm(y.mT)  # (B, N, D)


class Window(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(size))


class Head(nn.Module):
    def __init__(self, dim: int, size: int, hop: int) -> None:
        super().__init__()
        self.size, self.hop = size, hop
        self.out = nn.Linear(dim, size + 2)
        self.istft = Window(size)

    def forward(self, x: Tensor) -> Tensor:
        magnitude, phase = self.out(x).mT.chunk(2, dim=1)  # (B, F, N) each
        spectrum = torch.polar(magnitude.exp().clamp(max=100.0), phase)
        window = self.istft.get_buffer("window")
        return torch.istft(spectrum, self.size, self.hop, self.size, window, center=True)  # (B, hop * (N - 1))


class Vocos(nn.Module):
    def __init__(self, *, bands: int, dim: int, inner: int, layers: int, size: int, hop: int) -> None:
        super().__init__()
        self.backbone = Backbone(bands, dim, inner, layers)
        self.head = Head(dim, size, hop)

    def forward(self, mel: Tensor) -> Tensor:
        """Samples (B, 256 * (N - 1)) in float32 of log mel bands (B, N, M)."""
        return self.head(self.backbone(mel.float().mT))


def load_vocoder(weights: Path, config: Path | None = None) -> Vocos:
    """Vocos mel-24khz from its `pytorch_model.bin` or a safetensors file, on the CPU.

    Args:
        config: Its config.yaml; without one the sizes are read from the weights.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is damaged or isn't made of weights alone.
        F5Error: It is another vocoder than F5-TTS was trained with.
    """
    state = {name: value for name, value in load_weights(weights).items() if not name.startswith(_FEATURE_EXTRACTOR)}
    try:
        inner, dim = state["backbone.convnext.0.pwconv1.weight"].shape
        size = state["head.out.weight"].shape[0] - 2
        layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("backbone.convnext."))
        bands = state["backbone.embed.weight"].shape[1]
    except (KeyError, ValueError, IndexError) as error:
        raise F5Error(f"{weights.name} is not a Vocos vocoder. Use vocos-mel-24khz.") from error
    if config is not None:
        _check(config)
    if bands != BANDS or "backbone.norm.weight" not in state:
        raise F5Error(f"{weights.name} is a Vocos for other features. F5-TTS needs vocos-mel-24khz.")
    with torch.device("meta"):
        model = Vocos(bands=bands, dim=dim, inner=inner, layers=layers, size=size, hop=HOP)
    state.setdefault("head.istft.window", torch.hann_window(size))
    try:
        model.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    except RuntimeError as error:
        raise F5Error(f"{weights.name} does not hold a whole Vocos: {error}") from error
    return model.eval().requires_grad_(False)


def _check(config: Path) -> None:
    """Refuse a configuration whose features aren't those of F5-TTS."""
    import yaml

    try:
        content: Any = yaml.safe_load(config.read_text(encoding="utf-8"))
        features, head = (content[part].get("init_args", {}) for part in ("feature_extractor", "head"))
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise F5Error(f"{config} is not a configuration of Vocos. Fetch it again.") from error
    found = (
        features.get("sample_rate", SAMPLE_RATE),
        features.get("hop_length", HOP),
        features.get("n_mels", BANDS),
        features.get("padding", "center"),
        head.get("padding", "same"),
    )
    if found != (SAMPLE_RATE, HOP, BANDS, "center", "center"):
        raise F5Error(f"The vocoder of {config} is for other features. F5-TTS needs vocos-mel-24khz.")
