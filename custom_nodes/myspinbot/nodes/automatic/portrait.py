"""Portrait: the picture that will speak, from the script's scene or from a photo."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from .image_models import FAMILIES, Family, draw
from .machine import this_machine
from .models import absent, how_to_get, size_of, state
from .report import Taken, joined

_STAGE = "Portrait"
_STYLE = (
    "portrait photo of one person looking into the camera, head and shoulders, face seen from the front, even light"
)


class Portrait(io.ComfyNode):
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
                io.String.Input("preset", optional=True, force_input=True, tooltip="From Preset; auto without it."),
                io.String.Input("made_with", optional=True, force_input=True, tooltip="What the stages before took."),
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
                io.String.Output("made_with", tooltip="What this stage and those before took, and why, as JSON."),
            ],
            enable_expand=True,
        )

    @classmethod
    @override
    def fingerprint_inputs(cls, **_: Any) -> str:
        """Which models are there, so that one that was fetched meanwhile is taken."""
        return state()

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
        if source != "photo" and (bot_portrait is not None or _family(source, preset, lora_name)[0]):
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
        made_with: str = "",
        steps: int = 0,
    ) -> io.NodeOutput:
        from comfy_execution.graph_utils import GraphBuilder

        family, why = _family(source, preset, lora_name)
        if family is None:
            own = bot_portrait is not None and source != "photo"
            picture = bot_portrait if own else photo
            if picture is None or source == "scene":
                raise ValueError(f"There is no picture to speak. {why or 'Connect a photo.'}")
            taken = Taken(_STAGE, "the bot's own picture" if own else "the photo", why)
            return io.NodeOutput(picture, joined(made_with, taken), ui={"notices": taken.notices()})
        prompt = ", ".join(part for part in (trigger.strip(), _STYLE, scene.strip() or bot_scene.strip()) if part)
        taken = Taken(_STAGE, family.name, models=family.present())
        graph = GraphBuilder()
        image = draw(graph, family, prompt, width, height, seed, lora_name, steps)
        return io.NodeOutput(image, joined(made_with, taken), ui={"notices": taken.notices()}, expand=graph.finalize())


def _family(source: str, preset: str, lora_name: str) -> tuple[Family | None, str]:
    """The image model to draw with; None for the photo, and why, if that wasn't asked for."""
    if source == "photo" or (source == "auto" and preset == "draft"):
        return None, ""
    fitting = [family for family in FAMILIES if family.takes(lora_name)]
    there = [family for family in fitting if not absent(family.present())]
    machine = this_machine()
    carried = [family for family in there if machine.carries(size_of(family.present()[0]))]
    if carried:
        return carried[0], ""
    if there:
        return None, f"{there[0].name} needs a graphics card, and there is none."
    return None, how_to_get(absent(fitting[0].present())) if fitting else f"No image model fits {lora_name}."
