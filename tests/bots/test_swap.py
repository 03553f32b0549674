"""Two bots one after the other: neither voice nor face of one stays in the other's work."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from myspinbot_runner import Client
from tests.miniatures import f5, sd15
from tests.runner.helpers import tag, until

from .test_nodes import known, node

ATTENTION = "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2"


@pytest.fixture(scope="module")
def bots(server) -> list[str]:
    """Two bots with voices and identities that differ, and the models to use them with."""
    from myspinbot.engines.speech import espeak
    from myspinbot.engines.voice.profile import VoiceProfile
    from myspinbot.shared.bots import Bot, Part, save

    models = Path(server.base_directory) / "models"
    f5.write_model(models / "TTS" / "F5-TTS" / "mini")
    f5.write_vocoder(models / "TTS" / "F5-TTS" / "vocos")
    sd15.write(models / "checkpoints" / "mini-sd15.safetensors")
    names = [f"{who} {tag()}" for who in ("Ada", "Bob")]
    words = "The quick brown fox jumps over the lazy dog."
    for seed, name in enumerate(names):
        sound = espeak.speak(words, pitch=20 + 60 * seed)
        voice = models / "voices" / f"{name}.safetensors"
        profile = VoiceProfile(name, sound.samples, sound.sample_rate, words, "2026-01-02", f"{seed:064}", -20.0)
        profile.save(voice)
        lora = models / "loras" / f"{name}.safetensors"
        lora.parent.mkdir(exist_ok=True)
        save_file(identity(seed), lora)
        files = {"voice": Part.of("voice", voice, voice.name), "lora": Part.of("lora", lora, lora.name)}
        save(Bot(name, "2026-01-02", files, f"person{seed}"), b"", models / "bots")
        assert until(lambda name=name: known(server, "MySpinBotLoadBot", "bot", name))
    return names


def identity(seed: int) -> dict[str, torch.Tensor]:
    """A LoRA on how the text is attended to, strong enough to be seen."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for part, inputs in (("to_q", 320), ("to_k", 768), ("to_v", 768)):
        found[f"{ATTENTION}.{part}.lora_down.weight"] = torch.randn(4, inputs, generator=generator) * 0.2
        found[f"{ATTENTION}.{part}.lora_up.weight"] = torch.randn(320, 4, generator=generator) * 0.2
    return found


def talking(bot: str) -> dict:
    settings = {
        "text": "Hello, my friend.", "speed": 1.0, "seed": 1, "steps": 5, "cfg_strength": 2.0, "loudness": -16.0,
        "language": "auto", "cross_fade_duration": 0.15, "target_rms": 0.1,
    }  # fmt: skip
    file = "F5-TTS/mini/model_1250000.safetensors"
    return {
        "1": node("MySpinBotLoadBot", bot=bot),
        "2": node("MySpinBotLoadF5", model=file, device="cpu", precision="fp32", generation="auto"),
        "3": node("MySpinBotSpeakF5", f5=["2", 0], voice=["1", 1], **settings),
        "4": node("SaveAudio", audio=["3", 0], filename_prefix=f"bot-{tag()}"),
    }


def drawing(bot: str, strength: float = 1.0) -> dict:
    sampling = {"seed": 1, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    return {
        "1": node("MySpinBotLoadBot", bot=bot),
        "2": node("CheckpointLoaderSimple", ckpt_name="mini-sd15.safetensors"),
        "3": node("MySpinBotApplyIdentity", model=["2", 0], clip=["2", 1], lora_name=["1", 2], strength=strength),
        "4": node("CLIPTextEncode", clip=["3", 1], text="a person"),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "6": node("KSampler", model=["3", 0], positive=["4", 0], negative=["4", 0], latent_image=["5", 0], **sampling),
        "7": node("VAEDecode", samples=["6", 0], vae=["2", 2]),
        "8": node("SaveImage", images=["7", 0], filename_prefix=f"bot-{tag()}"),
    }


def made(server, work: dict, out: Path) -> np.ndarray:
    """The picture, or the sound, of a graph."""
    job = Client(server.url).submit(work)
    job.result()
    (path,) = job.save(out)
    if path.suffix == ".png":
        return np.asarray(Image.open(path).convert("RGB"))
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def forget(server) -> None:
    """What is cached, so that it is computed anew; models stay where they are."""
    request = urllib.request.Request(
        f"{server.url}/free", json.dumps({"free_memory": True}).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()


@pytest.mark.parametrize("graph", [talking, drawing])
def test_the_first_is_the_same_after_the_second(server, bots, tmp_path, graph):
    ada, bob = (made(server, graph(bot), tmp_path / bot) for bot in bots)
    forget(server)
    again = made(server, graph(bots[0]), tmp_path / "again")
    assert np.array_equal(ada, again)
    assert ada.shape != bob.shape or not np.array_equal(ada, bob)


def test_without_an_identity_the_model_is_itself(server, bots, tmp_path):
    ada, none, still = (
        made(server, work, tmp_path / str(number))
        for number, work in enumerate((drawing(bots[0]), drawing("none"), drawing(bots[1], strength=0.0)))
    )
    assert np.array_equal(none, still)
    assert not np.array_equal(none, ada)
