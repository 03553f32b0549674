"""What the doctor found, as lines with a rating each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from myspinbot_shared.disk import format_size, free_room
from myspinbot_shared.manifest import Manifest, command_for
from myspinbot_shared.selection import suited_preset

from ..models.get import plan
from ..models.store import Status, Store
from .machine import Machine
from .pipelines import Pipeline
from .services import Ollama, serves

Rating = Literal["good", "note", "bad"]


@dataclass(frozen=True)
class Line:
    """One finding: `bad` keeps everything from working, a `note` only something."""

    name: str
    rating: Rating
    text: str
    data: dict[str, Any] = field(default_factory=dict[str, Any])


def machine_lines(machine: Machine) -> Iterator[Line]:
    """GPU, PyTorch, memory, ComfyUI."""
    if machine.gpu:
        text = f"{machine.gpu}, {format_size(machine.vram)}" + (f", driver {machine.driver}" if machine.driver else "")
        data = {"gpu": machine.gpu, "vram": machine.vram, "vram_free": machine.vram_free, "driver": machine.driver}
        yield Line("GPU", "good", text, data)
    elif machine.driver:
        text = f"NVIDIA's driver {machine.driver} is here, but PyTorch doesn't see the GPU. Run install.py again."
        yield Line("GPU", "note", text, {"gpu": None, "driver": machine.driver})
    else:
        yield Line("GPU", "note", "none; the stages that need one can't run.", {"gpu": None})
    if machine.torch_error:
        yield Line("PyTorch", "bad", f"can't be imported: {machine.torch_error}", {"error": machine.torch_error})
    elif machine.torch:
        text = f"{machine.torch}, Python {machine.python}"
        yield Line("PyTorch", "good", text, {"torch": machine.torch, "python": machine.python})
    if machine.ram:
        text = f"{format_size(machine.ram)}, {format_size(machine.ram_free)} free"
        yield Line("Memory", "good", text, {"ram": machine.ram, "ram_free": machine.ram_free})
    if machine.comfyui:
        yield Line("ComfyUI", "good", machine.comfyui, {"comfyui": machine.comfyui})


def disk_line(store: Store) -> Line:
    """Room for models."""
    room = free_room(store.places.models)
    text = f"{format_size(room)} free at {store.places.models}"
    return Line("Disk", "good" if room > 10**9 else "note", text, {"free": room, "path": str(store.places.models)})


def ollama_line(manifest: Manifest, ollama: Ollama) -> Line:
    """Ollama and the language models that the workflows name."""
    data = {"url": ollama.url, "models": None if ollama.models is None else list(ollama.models)}
    if ollama.models is None:
        text = f"doesn't answer at {ollama.url}; until it does, scripts come from Qwen3 or a template."
        return Line("Ollama", "note", text, data)
    lacking = [model.name for model in manifest.language_models if not serves(ollama, model.name)]
    if lacking:
        commands = " and ".join(f"`ollama pull {name}`" for name in lacking)
        return Line("Ollama", "note", f"runs, but lacks a model: {commands} fetches it.", data)
    return Line("Ollama", "good", f"runs, with {', '.join(ollama.models)}", data)


def pack_line(why_not: str | None) -> Line:
    """Whether ComfyUI has our nodes."""
    if why_not is None:
        return Line("Nodes", "good", "ComfyUI has loaded MySpinBot.", {"loaded": True})
    return Line("Nodes", "bad", f"ComfyUI hasn't loaded MySpinBot: {why_not}.", {"loaded": False, "why": why_not})


def pipeline_line(pipeline: Pipeline, gpu: bool = True) -> Line:
    """Whether one workflow can run; `gpu`: on a machine with a graphics card."""
    data = {
        "pipeline": pipeline.name,
        "ready": pipeline.ready,
        "nodes": None if pipeline.nodes is None else list(pipeline.nodes),
        "models": [status.model.id for status in pipeline.models],
        "unknown": list(pipeline.unknown),
        "better": [status.model.id for status in pipeline.better],
    }
    name = f"Pipeline {pipeline.name}"
    if pipeline.ready:
        text = "ready" + ("" if pipeline.nodes is not None else ", as far as its models go")
        if pipeline.better:
            text += f"; stages are simpler for want of {_models(pipeline.better)}"
        return Line(name, "good", text, data)
    lacks = [f"the node {node}" for node in pipeline.nodes or ()]
    text = "; ".join([*lacks, *([_models(pipeline.models)] if pipeline.models else [])])
    text = f"lacks {text}" + ("" if pipeline.models else ".")
    if not gpu and not all(status.model.cpu for status in pipeline.models):
        text += " They need a graphics card, and there is none."
    return Line(name, "note", text, data)


def _models(wanted: Sequence[Status]) -> str:
    """Names, sizes and licences of models, and what fetches them."""
    shown: list[str] = []
    for status in wanted:
        state = f", {status.state}" if status.state == "broken" else ""
        shown.append(f"{status.model.name} ({format_size(status.model.bytes)}, {status.model.licence}{state})")
    text = f"{'; '.join(shown)}."
    fetched = [status.model for status in wanted if status.model.urls]
    if fetched:
        text += (
            f" `{command_for(fetched)}` fetches {'them' if len(fetched) == len(wanted) else 'those with an address'}."
        )
    for model in (status.model for status in wanted if not status.model.urls):
        text += (
            f" {model.name} has no direct address: get it from {model.page} and put it into ComfyUI's {model.place}."
        )
    return text


def suggestion_line(manifest: Manifest, store: Store, machine: Machine) -> Line:
    """The preset for this machine, and what it still needs."""
    preset, why = suited_preset(manifest, machine.vram, machine.ram)
    wanted = plan(store, manifest.in_set(preset.name))
    text = f"{preset.name}. {preset.about}" + (f" ({why}.)" if why else "")
    if wanted.wanted:
        text += f" `myspinbot models get {preset.name}` fetches what is missing: {wanted.total}."
    data = {"preset": preset.name, "why_not_more": why, "missing": [s.model.id for s in wanted.wanted]}
    return Line("Suggested preset", "good", text, data | {"bytes": wanted.bytes})
