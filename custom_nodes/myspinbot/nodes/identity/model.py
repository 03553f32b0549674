"""What a training must know of the MODEL, CLIP and VAE that it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

AUTO = "auto"
_EDGE = 2**20  # bytes
_TENSORS, _VALUES = 48, 64  # so many tensors of a model, and numbers of each, stand for it


def family_of(model: Any, preset: str) -> str:
    """The row of the table of settings: the chosen one, or the one for the model's kind.

    Raises:
        ValueError: There is none for it, or the chosen one is for another kind.
    """
    from ...engines.identity.settings import MODELS

    kind = type(model.model.model_config).__name__
    family = MODELS.get(kind)
    if preset == AUTO and family is None:
        known = ", ".join(dict.fromkeys(MODELS.values()))
        raise ValueError(f"There are no settings for a model of the kind {kind}. Choose a preset; there are {known}.")
    if family is not None and preset not in (AUTO, family):
        raise ValueError(f"The model is {family}, and the preset is for {preset}. Choose `{AUTO}` or {family}.")
    return family if family is not None else preset


def file_of(model: Any) -> Path:
    """The file that a core loader read a model from.

    Raises:
        ValueError: It was loaded otherwise, so that ComfyUI can't load it once more to train it.
    """
    path = _file(model)
    if path is None:
        raise ValueError(
            "The model can't be trained, because its loader doesn't say what file it is from. "
            "Use Load Checkpoint or Load Diffusion Model."
        )
    return path


def origin_of(*patchers: Any) -> str:
    """A hash that stands for where models are from: their files' sizes and edges, and what is patched on them.

    The numbers in memory won't do: ComfyUI writes a LoRA that was used last into them.
    """
    from ...engines.contents import contents_hash
    from ...media.fingerprint import fingerprint

    parts: list[Any] = []
    for patcher in patchers:
        path = _file(patcher)
        parts.append(_edges(path) if path else _numbers(patcher))
        parts.append(contents_hash([patcher.patches, patcher.object_patches], sample=True, stand_in=_but_for(patcher)))
    return fingerprint(*parts)


def _but_for(patcher: Any) -> Callable[[Any], Any]:
    """Lets a patcher and its model's own modules, which patches may refer to, count by their kind alone."""
    import torch

    patched = [one for one in patcher.object_patches.values() if isinstance(one, torch.nn.Module)]
    own = {id(module) for module in patcher.model.modules()} - {id(part) for one in patched for part in one.modules()}

    def known(value: Any) -> Any:
        return type(value) if id(value) in own or isinstance(value, type(patcher)) else value

    return known


def _file(patcher: Any) -> Path | None:
    came_from = getattr(patcher, "cached_patcher_init", None)
    if not came_from:
        return None
    path = came_from[1][0]
    return Path(path[0] if isinstance(path, list | tuple) else path)


def _edges(path: Path) -> bytes:
    """A file's size, beginning (where safetensors say what is in them) and end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_EDGE)
        file.seek(max(size - _EDGE, 0))
        return size.to_bytes(8, "big") + start + file.read(_EDGE)


def _numbers(patcher: Any) -> bytes:
    """A sample of the numbers of a model whose loader names no file, as that of a VAE alone."""
    state = patcher.model.state_dict()
    names = sorted(state)[:: max(len(state) // _TENSORS, 1)]
    return b"".join(state[name].detach().reshape(-1)[:_VALUES].cpu().float().numpy().tobytes() for name in names)


def layers_of(model: Any) -> list[tuple[str, tuple[int, ...]]]:
    """The layers that ComfyUI trains a matrix for, by name, with their weights' shapes."""
    return [
        (name, tuple(module.weight.shape))
        for name, module in model.model.named_modules()
        if hasattr(module, "weight_function") and module.weight is not None and module.weight.ndim > 1
    ]


def only_trained(model: Any) -> Any:
    """`model`, of which ComfyUI's training changes what is to be trained alone, see `engines.identity.lora.freeze`."""
    from comfy.patcher_extension import CallbacksMP

    model.add_callback(CallbacksMP.ON_LOAD, _freeze)
    return model


def _freeze(patcher: Any, *_: Any) -> None:
    """TrainLoraNode puts an adapter on every weight of its own copy of the model, and then has it loaded."""
    import torch

    from ...engines.identity.lora import freeze

    for weight, adapters in patcher.weight_wrapper_patches.items():
        for adapter in adapters:
            if isinstance(adapter, torch.nn.Module):
                freeze(weight, adapter)
