"""Wav2Lip as it travels between nodes: its file found, its memory in ComfyUI's hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.model_files import choices, device_input, find, manifest

if TYPE_CHECKING:
    from ...engines.lipsync.generator import Generator

Wav2LipSocket = io.Custom("WAV2LIP")
FOLDER = "wav2lip"
_TRIAL = 10**9  # bytes: the network in two precisions, and what it computes of two faces


@dataclass(frozen=True)
class LoadedWav2Lip:
    """The network under ComfyUI's memory management; `weights_id` says which weights in which precision."""

    model: Any
    weights_id: str

    def on_device(self) -> Generator:
        """On its device, where it stays until ComfyUI needs the memory."""
        from comfy.model_management import load_models_gpu

        load_models_gpu([self.model], force_full_load=True)
        return self.model.model


class LoadWav2Lip(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        files, licence = choices(FOLDER), manifest().models["wav2lip"].not_open
        return io.Schema(
            node_id="MySpinBotLoadWav2Lip",
            display_name="Load Wav2Lip",
            category="MySpinBot/Lip Sync",
            description=f"Loads the network that draws lips for a sound. {licence}".strip(),
            search_aliases=["wav2lip", "lip sync", "lipsync", "load wav2lip model", "wav2lip gan"],
            inputs=[
                io.Combo.Input(
                    "model",
                    options=files,
                    default=files[0],
                    tooltip="The checkpoint below models/wav2lip: wav2lip follows the sound best, wav2lip_gan is "
                    "a little sharper.",
                ),
                device_input(),
                io.Combo.Input(
                    "precision",
                    options=["auto", "fp32"],
                    default="auto",
                    advanced=True,
                    tooltip="How exactly it computes: auto takes half precision where the hardware is built for it "
                    "and the picture stays within one level of 255 on average.",
                ),
            ],
            outputs=[Wav2LipSocket.Output("wav2lip", display_name="wav2lip", tooltip="The network, for Wav2Lip.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, model: str, device: str, precision: str
    ) -> io.NodeOutput:
        import torch
        from comfy import model_management
        from comfy.model_patcher import ModelPatcher

        from ...engines.lipsync.generator import load_generator, prepare_generator, weights_id

        place = torch.device("cpu") if device == "cpu" else model_management.get_torch_device()
        generator = load_generator(find(FOLDER, model))
        name = weights_id(generator)
        model_management.free_memory(_TRIAL, place)
        ready = prepare_generator(generator, place, () if precision == "fp32" else None)
        aside = torch.device("cpu")
        patcher = ModelPatcher(ready.model.to(aside), place, aside)
        return io.NodeOutput(LoadedWav2Lip(patcher, f"{name} {ready.dtype} {place.type}"))
