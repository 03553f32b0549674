"""Load F5-TTS: a speech model from its files."""

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.model_files import device_input, manifest
from .f5_model import F5Socket, choices, load


class LoadF5(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        files = choices()
        return io.Schema(
            node_id="MySpinBotLoadF5",
            display_name="Load F5-TTS",
            category="MySpinBot/Speech",
            description="Loads a speech model that takes on a voice after a few seconds of it. OpenF5 is under an "
            f"open licence. {manifest().models['f5-v1-base'].not_open}".strip(),
            search_aliases=["f5", "f5-tts", "tts", "openf5", "voice cloning", "text to speech", "load speech model"],
            inputs=[
                io.Combo.Input(
                    "model",
                    options=files,
                    default=files[0],
                    tooltip="The model's file below models/TTS; its vocab.txt lies beside it.",
                ),
                device_input(),
                io.Combo.Input(
                    "precision",
                    options=["auto", "fp32", "bf16", "fp16"],
                    default="auto",
                    advanced=True,
                    tooltip="How exactly it computes: auto takes half precision where that is faster.",
                ),
                io.Combo.Input(
                    "generation",
                    options=["auto", "v1", "v0"],
                    default="auto",
                    advanced=True,
                    tooltip="The model's make, if its config.yaml is missing: v1, or v0 for the first F5TTS_Base.",
                ),
            ],
            outputs=[F5Socket.Output("f5", display_name="f5", tooltip="The model, for Speak (F5-TTS).")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, model: str, device: str, precision: str, generation: str
    ) -> io.NodeOutput:
        return io.NodeOutput(load(model, device=device, precision=precision, generation=generation))
