"""Graphs around InfiniteTalk in the API's form, what they need on the server, and what they leave there."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.miniatures import wan

SIZE, LENGTH, MOTION, STEPS = 64, 21, 9, 2
FRESH = LENGTH - MOTION


def furnish(base: Path) -> None:
    """A portrait of coloured noise and two seconds of a voice-like sound, in the input folder."""
    folder = base / "input"
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(folder / "mini.png")
    write_sound(folder / "speech.wav", 2.0)


def write_sound(path: Path, seconds: float, *, rate: int = 16000, channels: int = 1, level: float = 0.5) -> None:
    """Syllables: a hum of 140 Hz with harmonics that comes and goes four times a second."""
    time = np.arange(int(seconds * rate)) / rate
    hum = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 9)) / 2.5
    samples = level * hum * np.sin(2 * np.pi * 2 * time) ** 2
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.repeat(samples, channels) * 32767).astype("<i2").tobytes())


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def loaders(sound: str = "speech.wav", tag: str = "") -> dict[str, Any]:
    """Ids: model 1, patch 2, vae 3, encoder 4, positive 5, negative 6, portrait 7, audio 8; `tag` counts sampling."""
    work = {
        "1": node("UNETLoader", unet_name=Path(wan.MODEL).name, weight_dtype="default"),
        "2": node("ModelPatchLoader", name=Path(wan.PATCH).name),
        "3": node("VAELoader", vae_name=Path(wan.VAE).name),
        "4": node("AudioEncoderLoader", audio_encoder_name=Path(wan.ENCODER).name),
        "5": node("TestConditioning", seed=1),
        "6": node("TestConditioning", seed=2),
        "7": node("LoadImage", image="mini.png"),
        "8": node("LoadAudio", audio=sound),
    }
    if tag:
        work |= {"9": work["1"], "1": node("TestCountSampling", model=["9", 0], tag=tag)}
    return work


SETTINGS: dict[str, Any] = {
    "width": SIZE,
    "height": SIZE,
    "fit": "crop",
    "fps": 25,
    "steps": STEPS,
    "cfg": 1.0,
    "shift": 11.0,
    "sampler_name": "euler",
    "seed": 7,
    "frame_window_size": LENGTH,
    "motion_frame": MOTION,
    "audio_scale": 1.6,
    "normalize_loudness": False,
    "color_match": "disabled",
    "vae_tiling": "off",
    "scheduler": "simple",
}


def talk(sound: str = "speech.wav", tag: str = "", prefix: str = "talk", **changes: Any) -> dict[str, Any]:
    """The whole graph: id 20 is InfiniteTalk, 21 saves its video, 22 shows the number of windows."""
    inputs = {
        "model": ["1", 0],
        "model_patch": ["2", 0],
        "vae": ["3", 0],
        "audio_encoder": ["4", 0],
        "positive": ["5", 0],
        "negative": ["6", 0],
        "portrait": ["7", 0],
        "audio": ["8", 0],
    }
    given = {name: value for name, value in (inputs | SETTINGS | changes).items() if value is not None}
    return loaders(sound, tag) | {
        "20": node("MySpinBotInfiniteTalk", **given),
        "21": node("SaveVideo", video=["20", 0], filename_prefix=prefix, format="auto", codec="auto"),
        "22": node("PreviewAny", source=["20", 1]),
    }


def by_hand(windows: int, name: str) -> dict[str, Any]:
    """The same windows chained of core nodes as in ComfyUI's template; keeps their frames as `name`.npy."""
    work = loaders() | {
        "10": node("AudioEncoderEncode", audio_encoder=["4", 0], audio=["8", 0]),
        "11": node("ModelSamplingSD3", model=["1", 0], shift=SETTINGS["shift"]),
        "12": node("KSamplerSelect", sampler_name="euler"),
    }
    so_far: list[Any] | None = None
    for i in range(windows):
        to_video, noise, guider, sigmas, sample, decode, cut, join = (f"{100 + 10 * i + k}" for k in range(8))
        extended = {"previous_frames": so_far} if so_far else {}
        work[to_video] = node(
            "WanInfiniteTalkToVideo", mode="single_speaker", model=["11", 0], model_patch=["2", 0],
            positive=["5", 0], negative=["6", 0], vae=["3", 0], width=SIZE, height=SIZE, length=LENGTH,
            start_image=["7", 0], audio_encoder_output_1=["10", 0], motion_frame_count=MOTION,
            audio_scale=SETTINGS["audio_scale"], **extended,
        )  # fmt: skip
        work[noise] = node("RandomNoise", noise_seed=SETTINGS["seed"] + i)
        work[guider] = node("CFGGuider", model=[to_video, 0], positive=[to_video, 1], negative=[to_video, 2], cfg=1.0)
        work[sigmas] = node("BasicScheduler", model=[to_video, 0], scheduler="simple", steps=STEPS, denoise=1.0)
        work[sample] = node(
            "SamplerCustomAdvanced", noise=[noise, 0], guider=[guider, 0], sampler=["12", 0], sigmas=[sigmas, 0],
            latent_image=[to_video, 3],
        )  # fmt: skip
        work[decode] = node("VAEDecode", samples=[sample, 0], vae=["3", 0])
        if so_far is None:
            so_far = [decode, 0]
            continue
        work[cut] = node("ImageFromBatch", image=[decode, 0], batch_index=[to_video, 4], length=4096)
        work[join] = node("ImageBatch", image1=so_far, image2=[cut, 0])
        so_far = [join, 0]
    work["90"] = node("TestKeepFrames", images=so_far, name=name)
    return work


def kept_features(base: Path, job: str) -> np.ndarray:
    """A job's audio features, (layers, frames, channels)."""
    return np.load(base / "user" / "myspinbot" / "work" / job / "audio_features_0.npy")


def kept_frames(base: Path) -> dict[str, list[np.ndarray]]:
    """The frames of every job in the store of work, by the job's folder."""
    from myspinbot.media.lossless import read_lossless

    found: dict[str, list[np.ndarray]] = {}
    for job in sorted((base / "user" / "myspinbot" / "work").glob("infinitetalk-*")):
        chunks = sorted(job.glob("*.mkv"))
        found[job.name] = [frame for chunk in chunks for frame in read_lossless(chunk)]
    return found


def jobs(base: Path) -> set[str]:
    return {path.name for path in (base / "user" / "myspinbot" / "work").glob("infinitetalk-*")}


def sampled(base: Path, tag: str) -> int:
    """How many windows were sampled by graphs of this tag."""
    path = base / "output" / f"sampled-{tag}.txt"
    return len(path.read_text().split()) if path.exists() else 0
