"""Bots in miniature."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from myspinbot.engines.bots.consent import consent_in
from myspinbot.engines.identity.lora import Identity
from myspinbot.engines.voice.profile import VoiceProfile
from myspinbot.shared.bots import Bot, Part, save

AGREED = "The person in the pictures agreed."


def write_voice(path: Path, name: str, *, seed: int = 0) -> Path:
    """Two seconds of noise that pass for a voice."""
    samples = np.random.default_rng(seed).normal(0, 0.1, 48000).astype(np.float32)
    VoiceProfile(name, samples, 24000, f"I am {name}.", "2026-01-02", f"{seed:064}", -20.0).save(path)
    return path


def write_lora(path: Path, *, seed: int = 0, consent: str = AGREED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = Identity(path.stem, "ohwx person", "SD 1.5", "mini", 10, 4, 512, 1e-4, seed, (), "", consent=consent)
    weights = torch.randn(4, 8, generator=torch.Generator().manual_seed(seed))
    save_file({"lora": weights}, path, metadata=known.metadata())
    return path


def picture(seed: int = 0) -> bytes:
    content = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (32, 24, 3), np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def write_bot(models: Path, name: str, *, seed: int = 0) -> Path:
    """A whole bot below `models`; its profile's path."""
    lora = write_lora(models / "loras" / "myspinbot" / f"{name}.safetensors", seed=seed)
    voice = write_voice(models / "voices" / f"{name}.safetensors", name, seed=seed)
    files = {
        "lora": Part.of("lora", lora, f"myspinbot/{name}.safetensors"),
        "voice": Part.of("voice", voice, f"{name}.safetensors"),
    }
    consent = {"lora": consent_in(lora), "voice": consent_in(voice)}
    bot = Bot(name, "2026-01-02", files, "ohwx person", "a patient teacher", "a bright room", consent)
    save(bot, picture(seed), models / "bots")
    return models / "bots" / f"{name}.json"
