"""The image models that portraits are drawn with: each wired as its makers do, and which is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...engines.identity.settings import ARCHITECTURES, OLDER_ARCHITECTURES
from ...shared.selection import IMAGE_MODELS, Roles
from .choices import absent, file_of, how_to_get, size_of, this_machine, to_take

_GRID = 16  # pixels that a side is a multiple of
_UNWANTED = "blurry, deformed, extra limbs, several people, profile view, text, watermark"


class Loaded(NamedTuple):
    """Links to what a family's loaders give."""

    model: Any
    clip: Any
    vae: Any


@dataclass(frozen=True)
class Family:
    """One kind of image model, by its name in `engines.identity.settings`: what it needs and how it is wired.

    Attributes:
        side: The side in pixels of a square picture that it was trained for.
        load: Adds its loaders to a graph, from the files' names.
        sampling: The sampler's settings.
        shift: For models that are drawn with a shift of their own; 0 for the others.
        latent: The node that gives empty latents.
    """

    name: str
    side: int
    load: Callable[[Any, list[str]], Loaded]
    sampling: dict[str, Any]
    shift: float = 0
    latent: str = "EmptyLatentImage"

    @property
    def roles(self) -> Roles:
        """The models that it needs."""
        return IMAGE_MODELS[self.name]

    def chosen(self, preset: str = "") -> list[str]:
        """The ids to load, see `to_take`."""
        return to_take(self.roles, preset)

    def loaded(self, graph: Any, ids: Iterable[str]) -> Loaded:
        """Its loaders in `graph`, for the ids that were chosen."""
        return self.load(graph, [file_of(key) for key in ids])

    def takes(self, lora_name: str) -> bool:
        """Whether a LoRA was trained for it, as far as its file says; any is, where there is none."""
        base = _base_of(lora_name) if lora_name else ""
        return not base or base == ARCHITECTURES[self.name]


def draw(
    graph: Any,
    family: Family,
    ids: Sequence[str],
    prompt: str,
    width: int,
    height: int,
    seed: int,
    lora_name: str,
    steps: int = 0,
) -> Any:
    """Wire the nodes that draw `prompt` in the shape of `width` by `height`; 0 `steps` are the family's own.

    `ids` are the models that were chosen. Gives the picture's link.
    """
    scale = family.side / (width * height) ** 0.5
    wide, high = (max(round(size * scale / _GRID), 4) * _GRID for size in (width, height))
    model, clip, vae = family.loaded(graph, ids)
    if lora_name:
        lora = {"lora_name": lora_name, "strength_model": 1.0, "strength_clip": 1.0}
        patched = graph.node("LoraLoader", model=model, clip=clip, **lora)
        model, clip = patched.out(0), patched.out(1)
    if family.shift:
        model = graph.node("ModelSamplingAuraFlow", model=model, shift=family.shift).out(0)
    positive = graph.node("CLIPTextEncode", clip=clip, text=prompt).out(0)
    if family.sampling["cfg"] == 1:
        negative = graph.node("ConditioningZeroOut", conditioning=positive).out(0)
    else:
        negative = graph.node("CLIPTextEncode", clip=clip, text=_UNWANTED).out(0)
    given = {"model": model, "positive": positive, "negative": negative, "seed": seed, "denoise": 1.0}
    given["latent_image"] = graph.node(family.latent, width=wide, height=high, batch_size=1).out(0)
    sampling = family.sampling | ({"steps": steps} if steps else {})
    sampled = graph.node("KSampler", **given, **sampling).out(0)
    return graph.node("VAEDecode", samples=sampled, vae=vae).out(0)


def _parts(graph: Any, files: list[str]) -> Loaded:
    """Model, text encoder and VAE in a file each."""
    model, text, vae = files
    return Loaded(
        graph.node("UNETLoader", unet_name=model, weight_dtype="default").out(0),
        graph.node("CLIPLoader", clip_name=text, type="lumina2", device="default").out(0),
        graph.node("VAELoader", vae_name=vae).out(0),
    )


def _checkpoint(graph: Any, files: list[str]) -> Loaded:
    """All three in one file."""
    loaded = graph.node("CheckpointLoaderSimple", ckpt_name=files[0])
    return Loaded(loaded.out(0), loaded.out(1), loaded.out(2))


def _base_of(lora_name: str) -> str:
    """What a LoRA's metadata names as its base; empty if it doesn't say."""
    import folder_paths
    from safetensors import safe_open

    path = folder_paths.get_full_path_or_raise("loras", lora_name)
    if not path.endswith(".safetensors"):
        return ""
    with safe_open(path, framework="pt") as file:
        facts: dict[str, str] = file.metadata() or {}
    named = facts.get("modelspec.architecture", "").split("/")[0]
    return OLDER_ARCHITECTURES.get(named, named)


_TURBO = {"steps": 8, "cfg": 1.0, "sampler_name": "res_multistep", "scheduler": "simple"}  # ComfyUI's own template
_DIFFUSION = {"steps": 25, "cfg": 7.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"}
FAMILIES = (
    Family(
        "Z-Image-Turbo",
        1024,
        _parts,
        _TURBO,
        shift=3.0,
        latent="EmptySD3LatentImage",
    ),
    Family("SDXL", 1024, _checkpoint, _DIFFUSION),
    Family("SD 1.5", 512, _checkpoint, _DIFFUSION),
)


class Choice(NamedTuple):
    """The image model to draw with; None for a portrait that is given, and why, if that wasn't asked for."""

    family: Family | None
    why: str = ""
    missing: bool = False


def choose(source: str, preset: str, lora_name: str) -> Choice:
    """What a portrait is drawn with, by the Portrait node's `source`, the preset and a bot's LoRA.

    A model that the machine can't carry isn't taken, nor advised.
    """
    if source == "portrait" or (source == "auto" and preset == "draft"):
        return Choice(None)
    fitting = [family for family in FAMILIES if family.takes(lora_name)]
    if not fitting:
        return Choice(None, f"No image model fits {lora_name}.")
    machine = this_machine()
    carried = [family for family in fitting if machine.carries(size_of(family.chosen(preset)[0]))]
    if not carried:
        return Choice(None, f"{fitting[0].name} needs a graphics card, and there is none.")
    there = [family for family in carried if not absent(family.chosen(preset))]
    if there:
        return Choice(there[0])
    return Choice(None, how_to_get(absent(carried[0].chosen(preset))), missing=True)


def trigger_for(lora_name: str, trigger: str, bot_trigger: str) -> str:
    """The words that call an identity up: as given, else the bot's, which belong to the bot's own LoRA alone."""
    own = bool(lora_name)
    return trigger.strip() or ("" if own else bot_trigger)
