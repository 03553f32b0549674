"""Upscale models and face restorers on the device that ComfyUI uses, their memory in its hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..engines.upscale.network import Network

_LAYERS = 512 * 512 * 3 * 4 * 384  # bytes: what ComfyUI's own node sets free for an upscale model's layers


def on_device(descriptor: Any, *, exact: bool) -> tuple[Network, int]:
    """A copy of an UPSCALE_MODEL ready to run, and the bytes that are free for it.

    Raises:
        UpscaleError: it is no model that upscales pictures.
    """
    from comfy import model_management
    from comfy.model_patcher import ModelPatcher

    from ..engines.upscale.network import load_network

    device = model_management.get_torch_device()
    model_management.free_memory(_LAYERS, device)
    network = load_network(descriptor, device=device, exact=exact)
    held = ModelPatcher(network.module, device, model_management.unet_offload_device())
    model_management.load_models_gpu([held], memory_required=_LAYERS, force_full_load=True)
    free: Any = model_management.get_free_memory(device)
    return network, int(free)
