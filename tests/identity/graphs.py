"""Graphs that train and draw with a miniature, in ComfyUI's API form."""

from __future__ import annotations

import json
from typing import Any

TRIGGER = "ohwx man"


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def train(checkpoint: str, folder: str, name: str, **changes: Any) -> dict[str, Any]:
    """Train Identity on a folder, and what it tells and shows."""
    asked = {
        "model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "folder": folder, "name": name, "trigger": TRIGGER,
        "consent": True, "preset": "auto", "steps": 6, "sample_every": 3, "seed": 1, "resolution": 64, "rank": 4,
        "learning_rate": 1e-3, "caption": "a photo of {trigger}", "sample_prompt": "a portrait of {trigger}",
    }  # fmt: skip
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "2": node("MySpinBotTrainIdentity", **(asked | changes)),
        "3": node("SaveImage", images=["2", 3], filename_prefix=f"{name}/samples"),
        "4": node("SaveImage", images=["2", 4], filename_prefix=f"{name}/plot"),
        "5": node("PreviewAny", source=["2", 5]),
        "6": node("PreviewAny", source=["2", 1]),
        "7": node("PreviewAny", source=["2", 2]),
    }


def changed(work: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same graph with other inputs of Train Identity."""
    return work | {"2": node("MySpinBotTrainIdentity", **(work["2"]["inputs"] | changes))}


def fresh(work: dict[str, Any]) -> dict[str, Any]:
    """The same graph under other ids, so that nothing of it is cached."""
    text = json.dumps(work)
    for number in work:
        text = text.replace(f'"{number}": {{', f'"9{number}": {{').replace(f'["{number}", ', f'["9{number}", ')
    return json.loads(text)


def portrait(checkpoint: str, lora: str | None, prompt: str, prefix: str) -> dict[str, Any]:
    """A picture drawn with ComfyUI's own nodes, with a LoRA or without."""
    work = {
        "1": node("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "3": node("CLIPTextEncode", clip=["1", 1], text=prompt),
        "4": node("CLIPTextEncode", clip=["1", 1], text=""),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "7": node("VAEDecode", samples=["6", 0], vae=["1", 2]),
        "8": node("SaveImage", images=["7", 0], filename_prefix=prefix),
    }
    if lora:
        work["2"] = node("LoraLoaderModelOnly", model=["1", 0], lora_name=lora, strength_model=1.0)
    work["6"] = node(
        "KSampler", model=["2" if lora else "1", 0], seed=3, steps=4, cfg=2.0, sampler_name="euler",
        scheduler="normal", positive=["3", 0], negative=["4", 0], latent_image=["5", 0], denoise=1.0,
    )  # fmt: skip
    return work
