"""The ways to make a picture speak, the best first: what each needs, and how it is wired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...comfyui.graph_nodes import add
from ...shared.selection import HEAD_ENGINES, Roles
from .choices import Machine, absent, file_of, how_to_get, size_of, to_take

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Engine:
    """One way.

    Attributes:
        id: Its name in the lists of what was tried.
        name: The display name of its node.
        least_gb: What a graphics card must have; 0 for what runs without one.
        wire: Adds its nodes to a graph, from the ids that were chosen and the stage's inputs; gives the video's link.
    """

    id: str
    name: str
    wire: Callable[[Any, list[str], Values], Any]
    least_gb: float = 0

    @property
    def roles(self) -> Roles:
        """The models that it needs."""
        return HEAD_ENGINES.get(self.id, ())

    def chosen(self, preset: str) -> list[str]:
        """The ids to load, see `to_take`."""
        return to_take(self.roles, preset)

    def obstacle(self, preset: str, machine: Machine) -> str:
        """Why it can't be taken, as a sentence; empty where it can."""
        ids = self.chosen(preset)
        missing = absent(ids)
        needed = f"{self.name} needs a graphics card with {round(self.least_gb)} GB or more"
        if self.least_gb and not machine.has_card and (missing or not machine.carries(size_of(ids[0]))):
            return f"{needed}, and there is none."
        if machine.has_card and machine.memory < self.least_gb:
            return f"{needed}; this one has {machine.memory:.0f}."
        if missing:
            return f"{self.name} can't run: {how_to_get(missing)}"
        return ""


def engine_to_take(preset: str, machine: Machine, tried: Mapping[str, str]) -> tuple[Engine, str]:
    """The best engine that can run and wasn't `tried` (id -> why it failed), and why no better one, as sentences."""
    if preset == "draft":
        return _DRAFT, ""
    why: list[str] = []
    for engine in ENGINES:
        obstacle = tried.get(engine.id) or engine.obstacle(preset, machine)
        if not obstacle:
            return engine, " ".join(why)
        why.append(obstacle)
    return _DRAFT, " ".join(why)


def _wire_infinitetalk(graph: Any, ids: list[str], values: Values) -> Any:
    model, patch, lora, text, vae, audio_encoder = (file_of(key) for key in ids)
    loaded = graph.node("UNETLoader", unet_name=model, weight_dtype="default")
    quick = graph.node("LoraLoaderModelOnly", model=loaded.out(0), lora_name=lora, strength_model=1.0)
    clip = graph.node("CLIPLoader", clip_name=text, type="wan", device="default")
    positive = graph.node("CLIPTextEncode", clip=clip.out(0), text=values["prompt"])
    given = {
        "model": quick.out(0),
        "model_patch": graph.node("ModelPatchLoader", name=patch).out(0),
        "vae": graph.node("VAELoader", vae_name=vae).out(0),
        "audio_encoder": graph.node("AudioEncoderLoader", audio_encoder_name=audio_encoder).out(0),
        "positive": positive.out(0),
        "negative": graph.node("ConditioningZeroOut", conditioning=positive.out(0)).out(0),
        "portrait": values["portrait"],
        "audio": values["audio"],
        "width": values["width"] // 16 * 16,
        "height": values["height"] // 16 * 16,
        "steps": values["steps"],
        "seed": values["seed"],
        "on_oom": "skip",
    }
    return add(graph, "MySpinBotInfiniteTalk", **given)


def _wire_wav2lip(graph: Any, ids: list[str], values: Values) -> Any:
    """The draft's blinks and sway, and Wav2Lip's mouth."""
    moving = _wire_draft(graph, [], values)
    given = {
        "wav2lip": add(graph, "MySpinBotLoadWav2Lip", model=file_of(ids[0])),
        "video": moving,
        "audio": values["audio"],
    }
    return add(graph, "MySpinBotWav2Lip", **given)


def _wire_draft(graph: Any, _: list[str], values: Values) -> Any:
    given = {
        "portrait": values["portrait"],
        "audio": values["audio"],
        "timings": values["timings"],
        "size": max(values["width"], values["height"]),
        "seed": values["seed"],
    }
    return add(graph, "MySpinBotDraftHead", **given)


_DRAFT = Engine("draft", "Talking Head (Draft)", _wire_draft)
ENGINES = (
    Engine("infinitetalk", "InfiniteTalk", _wire_infinitetalk, least_gb=7.5),
    Engine("wav2lip", "Wav2Lip", _wire_wav2lip),
    _DRAFT,
)


def name_of(engine_id: str) -> str:
    """The display name of an engine's node."""
    return next(engine.name for engine in ENGINES if engine.id == engine_id)
