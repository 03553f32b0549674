"""Load Face Restorer: CodeFormer, GFPGAN or RestoreFormer from its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.model_files import choices, find, known, manifest
from .upscale_model import LAYERS

if TYPE_CHECKING:
    from ...engines.enhance.restore_network import Restorer

RestorerSocket = io.Custom("FACE_RESTORER")
FOLDER = "facerestore_models"


@dataclass(frozen=True)
class LoadedRestorer:
    """A restorer under ComfyUI's memory management."""

    restorer: Restorer
    model: Any


class LoadFaceRestorer(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        files = choices(FOLDER)
        return io.Schema(
            node_id="MySpinBotLoadFaceRestorer",
            display_name="Load Face Restorer",
            category="MySpinBot/Upscale",
            description=f"Loads a model that draws faces anew. {licences()}".strip(),
            search_aliases=["codeformer", "gfpgan", "restoreformer", "face restore", "load face restore model"],
            inputs=[
                io.Combo.Input(
                    "model",
                    options=files,
                    default=files[0],
                    tooltip="The model's file below models/facerestore_models; none of them has a licence that is "
                    "known to be open.",
                ),
                io.Combo.Input(
                    "precision",
                    options=["auto", "fp32"],
                    default="auto",
                    advanced=True,
                    tooltip="How exactly it computes: auto takes half precision where that is faster and as good.",
                ),
            ],
            outputs=[
                RestorerSocket.Output(
                    "face_restorer", display_name="face_restorer", tooltip="The model, for Restore Faces and Upscale."
                )
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, model: str, precision: str
    ) -> io.NodeOutput:
        from comfy import model_management
        from comfy.model_patcher import ModelPatcher

        from ...engines.enhance.restore_network import load_restorer

        device, aside = model_management.get_torch_device(), model_management.unet_offload_device()
        model_management.free_memory(LAYERS, device)
        restorer = load_restorer(find(FOLDER, model), device=device, exact=precision == "fp32")
        patcher = ModelPatcher(restorer.module.to(aside), device, aside)
        return io.NodeOutput(LoadedRestorer(restorer, patcher))


def licences() -> str:
    """What is said of the models' licences."""
    return " ".join(manifest().models[key].not_open for key in known(FOLDER).values())
