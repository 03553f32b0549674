"""The models that draw faces anew: CodeFormer, GFPGAN and RestoreFormer, as spandrel loads them."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...media.faces import Pixels
from ...media.fingerprint import fingerprint
from ..precision import fast_types, prepare
from ..weights import load_weights
from .align import SIDE

EXTRA = "spandrel_extra_arches"
_ONE_LEVEL = 1 / 255
_CODEFORMER_KEY = "position_emb"
_ARCHITECTURES = ("CodeFormer", "GFPGAN", "RestoreFormer")


class RestoreError(ValueError):
    """A file that is no face restorer, or one that needs what isn't installed."""


class RestorerModule(nn.Module):
    """A restorer's network between pictures of 0 to 1.

    GFPGAN takes the noise that is kept with its weights, not a new one for each face: the same face is drawn the
    same way in each frame. `fidelity` is CodeFormer's weight; the others have none.
    """

    def __init__(self, architecture: str, net: nn.Module) -> None:
        super().__init__()
        self.architecture, self.net, self.fidelity = architecture, net, 1.0

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 512, 512) to the same."""
        options: dict[str, Any] = {}
        if self.architecture == "CodeFormer":
            options["weight"] = self.fidelity
        elif self.architecture == "GFPGAN":
            options |= {"return_rgb": False, "randomize_noise": False}
        with torch.autocast(x.device.type, x.dtype, enabled=x.dtype != torch.float32):
            return (self.net(x * 2 - 1, **options)[0] + 1) / 2


@dataclass(frozen=True, slots=True)
class Restorer:
    """A restorer on its device.

    Attributes:
        architecture: CodeFormer, GFPGAN or RestoreFormer.
        weights_hash: a hash of its weights.
    """

    architecture: str
    module: RestorerModule
    dtype: torch.dtype
    weights_hash: str

    @property
    def on_card(self) -> bool:
        """Whether it runs on a device that gains by batches."""
        return next(self.module.parameters()).device.type != "cpu"

    def __call__(self, faces: Pixels, fidelity: float) -> Pixels:
        """(B, 512, 512, 3) RGB, upright faces, to the same, restored."""
        device = next(self.module.parameters()).device
        x = torch.from_numpy(np.ascontiguousarray(faces)).to(device).permute(0, 3, 1, 2).contiguous()
        self.module.fidelity = fidelity
        with torch.inference_mode():
            y = self.module((x.float() / 255).to(self.dtype)).float()
            return (y * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def load_restorer(path: Path, *, device: torch.device, exact: bool = False) -> Restorer:
    """A face restorer from its file.

    Args:
        path: safetensors or PyTorch.
        device: where it will run.
        exact: in float32 in any case; otherwise in half precision where that gains and passes, see `precision`.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is damaged, or isn't made of weights alone.
        RestoreError: it is no face restorer, or CodeFormer without the package that knows it.
    """
    weights = load_weights(path)
    if _CODEFORMER_KEY in weights and importlib.util.find_spec(EXTRA) is None:
        raise RestoreError(
            f"CodeFormer needs the package {EXTRA}, which is not installed because its licences aren't open. "
            f"Install it into ComfyUI's Python with `pip install {EXTRA}`, or choose another model."
        )
    architecture, net = _network(path, weights)
    name = fingerprint(architecture, *(part for key in sorted(weights) for part in (key, weights[key].float().numpy())))
    example = _example()
    ready = prepare(
        RestorerModule(architecture, net),
        lambda model, x: model(x),
        example,
        device=device,
        types=() if exact else fast_types(device),
        tolerance=_ONE_LEVEL,
        channels_last=architecture != "GFPGAN",
    )
    return Restorer(architecture, ready.model, ready.dtype, name)  # pyright: ignore[reportArgumentType]


def _network(path: Path, weights: dict[str, Tensor]) -> tuple[str, nn.Module]:
    import spandrel

    registry = spandrel.ArchRegistry()
    registry.add(*spandrel.MAIN_REGISTRY)
    if _CODEFORMER_KEY in weights and "CodeFormer" not in registry:
        registry.add(*importlib.import_module(EXTRA).EXTRA_REGISTRY)
    try:
        found = spandrel.ModelLoader(registry=registry).load_from_state_dict(dict(weights))
    except (spandrel.UnsupportedModelError, RuntimeError, KeyError) as error:
        raise RestoreError(
            f"{path.name} is no face restorer that is known. Choose {', '.join(_ARCHITECTURES)}."
        ) from error
    if found.architecture.id not in _ARCHITECTURES:
        raise RestoreError(
            f"{path.name} is a model of the architecture {found.architecture.name}, not a face restorer. "
            f"Choose {', '.join(_ARCHITECTURES)}."
        )
    return found.architecture.id, found.model


def _example() -> Tensor:
    """(1, 3, 512, 512): something with the colours and the smoothness of a face."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((1, 3, 16, 16), generator=generator) * 0.4 + 0.3
    return nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic").clamp(0, 1)
