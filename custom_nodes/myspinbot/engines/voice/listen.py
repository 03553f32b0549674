"""Words from speech by Whisper (Radford et al., arXiv:2212.04356), from a folder as Hugging Face publishes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .signal import Samples

RATE = 16000
LONGEST = 30.0
"""Seconds that Whisper hears at once."""
_LONGEST_TEXT = 400  # tokens; the model has places for 448


class ListenError(ValueError):
    """The folder is no Whisper model, or nothing could be understood."""


@dataclass(frozen=True)
class Listener:
    """A Whisper `model` on some device, and the `processor` with its vocabulary."""

    model: Any
    processor: Any


def load_listener(folder: Path) -> Listener:
    """Whisper from a folder with config.json, model.safetensors and the files of its tokenizer.

    Raises:
        ListenError: A file is missing or damaged.
    """
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    try:
        processor = WhisperProcessor.from_pretrained(folder, local_files_only=True)
        model = WhisperForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except Exception as error:  # transformers raises what its parsers raise
        raise ListenError(f"{folder.name} is not a whole Whisper model: {_first(error)} Fetch it again.") from error
    return Listener(model.eval().requires_grad_(False), processor)


@torch.inference_mode()
def heard(listener: Listener, samples: Samples, sample_rate: int) -> str:
    """What mono `samples` (T,) of at most 30 s say, in the language they say it in.

    Raises:
        ListenError: They are longer, or no word was understood.
    """
    from torchaudio.functional import resample

    if len(samples) > LONGEST * sample_rate:
        raise ListenError(f"Whisper hears at most {LONGEST:.0f} s at once; cut the recording.")
    sound = resample(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), sample_rate, RATE)
    features: Any = listener.processor(sound.numpy(), sampling_rate=RATE, return_tensors="pt").input_features
    place = next(listener.model.parameters()).device
    several = getattr(listener.model.generation_config, "is_multilingual", True)
    said: Any = listener.model.generate(
        features.to(place),
        do_sample=False,
        num_beams=1,
        max_new_tokens=_LONGEST_TEXT,
        **({"task": "transcribe"} if several else {}),
    )
    words = " ".join(listener.processor.batch_decode(said, skip_special_tokens=True)[0].split())
    if not any(letter.isalnum() for letter in words):
        raise ListenError("Whisper understood no word in the recording. Write what is said in it yourself.")
    return words


def _first(error: Exception) -> str:
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line if line.endswith(".") else f"{line}."
