"""A server of its own, in whose folders the automatic stages find miniatures of the models that they look for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from myspinbot_runner.server import LocalServer
from tests.conftest import StartServer
from tests.identity import portraits
from tests.miniatures import f5, kokoro, sd15, upscale, wan, wav2lip
from tests.runner.helpers import tag

from .pipelines import TRAIN, command, training

QUICKER = "--use-pytorch-cross-attention"
"""Which a card has without a word; it draws a picture of 512 pixels in two thirds of the time."""
OPENF5 = "model:\n  backbone: DiT\n  arch:\n    text_mask_padding: true\n"


@pytest.fixture(scope="session")
def bare(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server without any model."""
    with start_server(tmp_path_factory.mktemp("bare")) as running:
        yield running


@pytest.fixture(scope="session")
def furnished(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server with a miniature of every model."""
    base = tmp_path_factory.mktemp("furnished")
    write_models(base / "models")
    with start_server(base, QUICKER) as running:
        yield running


@pytest.fixture(scope="session")
def bot(furnished: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A bot that was trained from the command line."""
    folder, name = portraits.write(tmp_path_factory.mktemp("photos"), 5), f"anna-{tag()}"
    command(furnished, TRAIN, tmp_path_factory.mktemp("bot"), *training(folder, name), "--steps", "2")
    return name


def write_models(models: Path) -> None:
    """A miniature of every model that the automatic stages look for."""
    write_speech(models / "TTS" / "F5-TTS")
    kokoro.write_model(models / "TTS" / "Kokoro" / "kokoro-v1.0.int8.onnx")
    for voice in ("af_heart", "am_michael", "im_nicola"):
        kokoro.write_voice(models / "TTS" / "Kokoro" / "voices" / f"{voice}.bin")
    sd15.write(made(models / "checkpoints" / "v1-5-pruned-emaonly-fp16.safetensors"))
    wav2lip.write(made(models / "wav2lip" / "wav2lip_gan.pth"))
    write_video_models(models)
    upscale.write(made(models / "upscale_models" / "realesr-general-x4v3.pth"), upscale.compact(scale=4))


def made(path: Path) -> Path:
    """`path`, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_speech(folder: Path) -> None:
    f5.write_model(folder / "OpenF5", "pickle")
    (folder / "OpenF5" / "config.yaml").write_text(OPENF5, encoding="utf-8")
    f5.write_vocoder(folder / "vocos")


def write_video_models(models: Path) -> None:
    """All that InfiniteTalk runs on, under the names that `models.yaml` gives them."""
    heads = {"config": json.dumps({"transformer": {"num_heads": wan.HEADS}})}
    model = "diffusion_models/Wan2_1-I2V-14B-480p_fp8_e4m3fn_scaled_KJ.safetensors"
    wan.write(models, model, wan.numbers(wan.video_model(), 1), heads)
    wan.write(models, "model_patches/wan2.1_infiniteTalk_single_fp16.safetensors", wan.numbers(wan.infinitetalk(), 2))
    wan.write(models, "vae/wan_2.1_vae.safetensors", wan.numbers(wan.vae(), 3))
    wan.write(models, "audio_encoders/wav2vec2-chinese-base_fp16.safetensors", wan.wav2vec2())
    wan.write(models, "loras/lightx2v_I2V_14B_480p_cfg_step_distill_rank64_bf16.safetensors", wan.lora())
    wan.write(models, "text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors", wan.umt5("A person talks."))
