"""Words from speech by Whisper (Radford et al., arXiv:2212.04356), from a folder as Hugging Face publishes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .signal import Samples

RATE = 16000
LONGEST = 30.0
"""Seconds that Whisper takes at once."""
_LONGEST_TEXT = 400  # tokens; the model has places for 448


class TranscriptionError(ValueError):
    """The folder is no Whisper model, or nothing could be understood."""


@dataclass(frozen=True)
class Whisper:
    """A Whisper `network` on some device, and the `processor` with its vocabulary."""

    network: Any
    processor: Any


def load_whisper(folder: Path) -> Whisper:
    """Whisper from a folder with config.json, model.safetensors and the files of its tokenizer.

    Raises:
        TranscriptionError: A file is missing or damaged.
    """
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    try:
        processor = WhisperProcessor.from_pretrained(folder, local_files_only=True)
        network = WhisperForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except Exception as error:  # transformers raises what its parsers raise
        raise TranscriptionError(
            f"{folder.name} is not a whole Whisper model: {_first(error)} Fetch it again."
        ) from error
    return Whisper(network.eval().requires_grad_(False), processor)


@torch.inference_mode()
def transcribe(whisper: Whisper, samples: Samples, sample_rate: int) -> str:
    """What a recording says, in the language it says it in.

    Args:
        whisper: The model, on any device.
        samples: (T,) mono, at most 30 s.
        sample_rate: Hz.

    Raises:
        TranscriptionError: It is longer, or no word was understood.
    """
    from torchaudio.functional import resample

    if len(samples) > LONGEST * sample_rate:
        raise TranscriptionError(f"Whisper takes at most {LONGEST:.0f} s at once; cut the recording.")
    sound = resample(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), sample_rate, RATE)
    features: Any = whisper.processor(sound.numpy(), sampling_rate=RATE, return_tensors="pt").input_features
    place = next(whisper.network.parameters()).device
    several = getattr(whisper.network.generation_config, "is_multilingual", True)
    said: Any = whisper.network.generate(
        features.to(place),
        do_sample=False,
        num_beams=1,
        max_new_tokens=_LONGEST_TEXT,
        **({"task": "transcribe"} if several else {}),
    )
    words = " ".join(whisper.processor.batch_decode(said, skip_special_tokens=True)[0].split())
    if not any(letter.isalnum() for letter in words):
        raise TranscriptionError("Whisper understood no word in the recording. Write what is said in it yourself.")
    return words


def _first(error: Exception) -> str:
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line if line.endswith(".") else f"{line}."
