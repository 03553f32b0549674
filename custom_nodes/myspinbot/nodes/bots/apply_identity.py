"""Apply Identity (LoRA): a bot's identity in an image model."""

from typing import Any

from comfy_api.latest import io
from typing_extensions import override


class ApplyIdentity(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotApplyIdentity",
            display_name="Apply Identity (LoRA)",
            category="MySpinBot/Bot",
            description="Applies the LoRA that Load Bot or Train Identity names to a model, with ComfyUI's own Load "
            "LoRA. A bot without one leaves the model as it is.",
            search_aliases=["lora", "load lora", "lora by name", "bot", "identity", "character lora"],
            enable_expand=True,
            inputs=[
                io.Model.Input("model", tooltip="The image model that the LoRA was trained on."),
                io.Clip.Input("clip", tooltip="The text encoder that belongs to the model."),
                io.String.Input(
                    "lora_name", force_input=True, tooltip="The LoRA's name as Load LoRA lists it; empty for none."
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=-2.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How strongly the identity shows: 1 is as it was trained, and 0 is not at all.",
                ),
            ],
            outputs=[
                io.Model.Output("model", tooltip="The model with the identity."),
                io.Clip.Output("clip", tooltip="The text encoder with the identity."),
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, model: Any, clip: Any, lora_name: str, strength: float
    ) -> io.NodeOutput:
        import folder_paths
        from comfy_execution.graph_utils import GraphBuilder

        if not lora_name:
            return io.NodeOutput(model, clip)
        if folder_paths.get_full_path("loras", lora_name) is None:
            raise FileNotFoundError(f"There is no LoRA {lora_name!r} in models/loras. Put the file there.")
        graph = GraphBuilder()
        lora = graph.node(
            "LoraLoader",
            model=model,
            clip=clip,
            lora_name=lora_name,
            strength_model=strength,
            strength_clip=strength,
        )
        return io.NodeOutput(lora.out(0), lora.out(1), expand=graph.finalize())
