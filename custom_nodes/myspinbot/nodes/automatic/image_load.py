"""Load Image Model: the image model that is there."""

from __future__ import annotations

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.model_files import MissingModelError
from .image_models import FAMILIES
from .models import absent, how_to_get
from .report import StageChoice
from .stage import Choosing

_AUTO = "auto"


class LoadImageModel(Choosing):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotLoadImageModel",
            display_name="Load Image Model",
            category="MySpinBot/Automatic",
            description="Loads the image model that is there, with its text encoder and VAE: Z-Image-Turbo, which has "
            "an open licence, else Stable Diffusion XL or 1.5.",
            search_aliases=["checkpoint", "load model", "z-image", "sdxl", "stable diffusion", "automatic"],
            inputs=[
                io.Combo.Input(
                    "family",
                    options=[_AUTO, *(family.name for family in FAMILIES)],
                    default=_AUTO,
                    tooltip="The kind of model; auto takes the first that is there.",
                )
            ],
            outputs=[
                io.Model.Output("model", tooltip="The model."),
                io.Clip.Output("clip", tooltip="The text encoder that belongs to it."),
                io.Vae.Output("vae", tooltip="The VAE that belongs to it."),
            ],
            enable_expand=True,
        )

    @classmethod
    @override
    def execute(cls, family: str) -> io.NodeOutput:  # pyright: ignore[reportIncompatibleMethodOverride]
        from comfy_execution.graph_utils import GraphBuilder

        asked = [choice for choice in FAMILIES if family in (_AUTO, choice.name)]
        taken = next((choice for choice in asked if not absent(choice.chosen())), None)
        if taken is None:
            raise MissingModelError(f"There is no image model. {how_to_get(absent(asked[0].chosen()))}")
        graph = GraphBuilder()
        ids = taken.chosen()
        loaded = taken.loaded(graph, ids)
        told = StageChoice("Image model", taken.name, models=ids)
        return io.NodeOutput(*loaded, ui={"notices": told.notices()}, expand=graph.finalize())
