"""Portrait: the picture that will speak, drawn from the script's scene or given; and the model that draws, alone."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.model_files import MissingModelError
from ..bots.files import BOT, LoadedBot
from .choices import absent, how_to_get
from .image_models import FAMILIES, choose, draw, trigger_for
from .preset import AUTO, PRESET, Settings, settings_or_own
from .provenance import PROVENANCE, Choosing, StageChoice

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
            "with a bot's identity LoRA, or a picture of yours.",
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
                    options=["auto", "scene", "portrait"],
                    default="auto",
                    tooltip="scene draws a picture, portrait takes the one that is connected; auto draws where an "
                    "image model is there and elsewhere takes the bot's own picture or the portrait.",
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=2048,
                    step=16,
                    tooltip="Its shape: width to height; 0 is the preset's.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=2048,
                    step=16,
                    tooltip="Its shape: height to width; 0 is the preset's.",
                ),
                io.Int.Input(
                    "seed",
                    default=290381,
                    min=0,
                    max=0x7FFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed, scene and model give the same picture.",
                ),
                io.Image.Input(
                    "portrait", optional=True, lazy=True, tooltip="A picture of one face seen from the front."
                ),
                BOT,
                PRESET,
                io.String.Input(
                    "lora_name",
                    optional=True,
                    force_input=True,
                    tooltip="An identity instead of the bot's own: a LoRA's name, from Train Identity.",
                ),
                io.String.Input(
                    "trigger",
                    optional=True,
                    force_input=True,
                    tooltip="The words that call the identity up, instead of the bot's own; with a lora_name they are "
                    "never the bot's.",
                ),
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
                PROVENANCE,
            ],
            enable_expand=True,
        )

    @classmethod
    @override
    def check_lazy_status(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        source: str,
        portrait: Any = None,
        bot: LoadedBot | None = None,
        preset: Settings | None = None,
        lora_name: str = "",
        **others: Any,
    ) -> list[str]:
        bot = bot or LoadedBot()
        if source != "portrait":
            drawn = choose(source, settings_or_own(preset).preset, lora_name or bot.lora_name).family
            if drawn or bot.portrait is not None:
                return []
        return ["portrait"] if portrait is None else []

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        scene: str,
        source: str,
        width: int,
        height: int,
        seed: int,
        portrait: Any = None,
        bot: LoadedBot | None = None,
        preset: Settings | None = None,
        lora_name: str = "",
        trigger: str = "",
        steps: int = 0,
    ) -> io.NodeOutput:
        from comfy_execution.graph_utils import GraphBuilder

        bot, settings = bot or LoadedBot(), settings_or_own(preset)
        words = (trigger_for(lora_name, trigger, bot.trigger), _STYLE, scene.strip() or bot.scene)
        lora_name = lora_name or bot.lora_name
        found = choose(source, settings.preset, lora_name)
        family = found.family
        if family is None:
            own = bot.portrait is not None and source != "portrait"
            picture = bot.portrait if own else portrait
            if picture is None or source == "scene":
                error = MissingModelError if found.missing else ValueError
                raise error(f"There is no picture to speak. {found.why or 'Connect a portrait.'}")
            choice = StageChoice(_STAGE, "the bot's own picture" if own else "the given portrait", found.why)
            ui = {"notices": choice.notices(expected=settings.simplest)}
            return io.NodeOutput(picture, choice.append(), ui=ui)
        prompt = ", ".join(filter(None, words))
        ids = family.chosen(settings.preset)
        choice = StageChoice(_STAGE, family.name, models=ids)
        graph = GraphBuilder()
        size = width or settings.width, height or settings.height
        image = draw(graph, family, ids, prompt, *size, seed, lora_name, steps)
        return io.NodeOutput(image, choice.append(), ui={"notices": choice.notices()}, expand=graph.finalize())


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
                    options=[AUTO, *(family.name for family in FAMILIES)],
                    default=AUTO,
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

        asked = [kind for kind in FAMILIES if family in (AUTO, kind.name)]
        found = next((kind for kind in asked if not absent(kind.chosen())), None)
        if found is None:
            raise MissingModelError(f"There is no image model. {how_to_get(absent(asked[0].chosen()))}")
        graph = GraphBuilder()
        ids = found.chosen()
        loaded = found.loaded(graph, ids)
        choice = StageChoice("Image model", found.name, models=ids)
        return io.NodeOutput(*loaded, ui={"notices": choice.notices()}, expand=graph.finalize())
