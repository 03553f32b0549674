"""Upscale models and face restorers on the device that ComfyUI uses, their memory in its hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...engines.enhance.upscale_network import Network

LAYERS = 512 * 512 * 3 * 4 * 384  # bytes: what ComfyUI's own node sets free for an upscale model's layers


@dataclass(frozen=True)
class LoadedUpscaler:
    """An upscaling network under ComfyUI's memory management, which loses sight of it when `model` goes."""

    network: Network
    model: Any


def load_upscaler(descriptor: Any, *, exact: bool) -> LoadedUpscaler:
    """A copy of an UPSCALE_MODEL ready to run, once it is on its device.

    Raises:
        UpscaleError: it is no model that upscales pictures.
    """
    from comfy import model_management
    from comfy.model_patcher import ModelPatcher

    from ...engines.enhance.upscale_network import load_network

    device = model_management.get_torch_device()
    model_management.free_memory(LAYERS, device)
    network = load_network(descriptor, device=device, exact=exact)
    return LoadedUpscaler(network, ModelPatcher(network.module, device, model_management.unet_offload_device()))


def load_together(*models: Any) -> None:
    """Bring patchers' models, all that will run together, onto their device, where they stay until others need it."""
    from comfy.model_management import load_models_gpu

    load_models_gpu(list(models), memory_required=LAYERS, force_full_load=True)


def free_bytes() -> int:
    """What is free on the device for what models compute."""
    from comfy import model_management

    free: Any = model_management.get_free_memory(model_management.get_torch_device())
    return int(free)
