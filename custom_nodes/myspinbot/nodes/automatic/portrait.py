"""Portrait: the picture that will speak, from the script's scene or from a photo."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.model_files import MissingModelError
from .image_choice import choose
from .image_models import draw
from .report import StageChoice, joined
from .stage import PRESET, PROVENANCE, TOLD, Choosing

_STAGE = "Portrait"
_STYLE = (
    "portrait photo of one person looking into the camera, head and shoulders, face seen from the front, even light"
)


class Portrait(Choosing):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotPortrait",
            display_name="Portrait",
            category="MySpinBot/Automatic",
            description="Gives the picture that will speak: drawn from the scene by the image model that is there, "
            "with a bot's identity LoRA, or a photo of yours.",
            search_aliases=["portrait", "avatar picture", "scene to image", "text to image", "identity", "face"],
            inputs=[
                io.String.Input(
                    "scene",
                    default="",
                    multiline=True,
                    tooltip="What the picture shows besides the person: from Write Script, or your own words.",
                ),
                io.Combo.Input(
                    "source",
                    options=["auto", "scene", "photo"],
                    default="auto",
                    tooltip="scene draws a picture, photo takes the one that is connected; auto draws where an image "
                    "model is there and takes the photo elsewhere.",
                ),
                io.Int.Input("width", default=640, min=64, max=2048, step=16, tooltip="Its shape: width to height."),
                io.Int.Input("height", default=640, min=64, max=2048, step=16, tooltip="Its shape: height to width."),
                io.Int.Input(
                    "seed",
                    default=290381,
                    min=0,
                    max=0x7FFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed, scene and model give the same picture.",
                ),
                io.Image.Input("photo", optional=True, lazy=True, tooltip="A picture of one face seen from the front."),
                io.String.Input(
                    "lora_name", optional=True, force_input=True, tooltip="A bot's identity, from Load Bot."
                ),
                io.String.Input(
                    "trigger", optional=True, force_input=True, tooltip="The word that calls the identity up."
                ),
                io.Image.Input(
                    "bot_portrait",
                    optional=True,
                    tooltip="A bot's own picture, taken before the photo where nothing is drawn.",
                ),
                io.String.Input(
                    "bot_scene", optional=True, force_input=True, tooltip="A bot's own scene, where no other is given."
                ),
                PRESET,
                PROVENANCE,
                io.Int.Input(
                    "steps",
                    default=0,
                    min=0,
                    max=200,
                    optional=True,
                    advanced=True,
                    tooltip="Steps of the image model; 0 takes what suits it.",
                ),
            ],
            outputs=[
                io.Image.Output("portrait", tooltip="The picture."),
                TOLD,
            ],
            enable_expand=True,
        )

    @classmethod
    @override
    def check_lazy_status(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        source: str,
        photo: Any = None,
        preset: str = "auto",
        lora_name: str = "",
        bot_portrait: Any = None,
        **others: Any,
    ) -> list[str]:
        if source != "photo" and (bot_portrait is not None or choose(source, preset, lora_name).family):
            return []
        return ["photo"] if photo is None else []

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        scene: str,
        source: str,
        width: int,
        height: int,
        seed: int,
        photo: Any = None,
        lora_name: str = "",
        trigger: str = "",
        bot_portrait: Any = None,
        bot_scene: str = "",
        preset: str = "auto",
        provenance: str = "",
        steps: int = 0,
    ) -> io.NodeOutput:
        from comfy_execution.graph_utils import GraphBuilder

        choice = choose(source, preset, lora_name)
        family = choice.family
        if family is None:
            own = bot_portrait is not None and source != "photo"
            picture = bot_portrait if own else photo
            if picture is None or source == "scene":
                error = MissingModelError if choice.missing else ValueError
                raise error(f"There is no picture to speak. {choice.why or 'Connect a photo.'}")
            taken = StageChoice(_STAGE, "the bot's own picture" if own else "the photo", choice.why)
            return io.NodeOutput(picture, joined(provenance, taken), ui={"notices": taken.notices()})
        prompt = ", ".join(part for part in (trigger.strip(), _STYLE, scene.strip() or bot_scene.strip()) if part)
        ids = family.chosen(preset)
        taken = StageChoice(_STAGE, family.name, models=ids)
        graph = GraphBuilder()
        image = draw(graph, family, ids, prompt, width, height, seed, lora_name, steps)
        return io.NodeOutput(image, joined(provenance, taken), ui={"notices": taken.notices()}, expand=graph.finalize())
