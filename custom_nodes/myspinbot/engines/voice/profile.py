"""A voice as one file: its sound, its words and what is known of it, as safetensors with JSON in the header."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...shared.files import atomic_write
from ..speech.f5.lora import Adapter, LossPoint
from ..weights import save_weights
from .checks import Check
from .signal import Samples

VERSION = 1
KIND = "myspinbot-voice"
CONSENT = "The person who made this profile stated that they may use this voice."
_ADAPTER = "adapter."


class ProfileError(ValueError):
    """A file is no voice profile, or a profile can't be made; the message says why."""


@dataclass(frozen=True)
class VoiceProfile:
    """`samples` (T,) mono float32 at `sample_rate` Hz say `transcript`.

    `loudness` is that of the recording in LUFS, `source` its SHA-256, `adapter` what training adds to the model, whose
    file `base_model` names.
    """

    name: str
    samples: Samples
    sample_rate: int
    transcript: str
    created: str
    source: str
    loudness: float
    checks: tuple[Check, ...] = ()
    consent: str = CONSENT
    base_model: str = ""
    adapter: Adapter | None = None

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    @property
    def rate(self) -> float:
        """Letters (bytes of UTF-8) a second."""
        return len(self.transcript.encode()) / self.seconds

    def same_as(self, other: "VoiceProfile") -> bool:
        """Whether both were made from the same recording and words, and trained alike."""
        return self._made_from() == other._made_from()

    def _made_from(self) -> tuple[str, ...]:
        trained = () if self.adapter is None else (self.adapter.base, self.adapter.source)
        return (self.source, self.transcript, *trained)

    def save(self, path: Path) -> None:
        """Write the profile.

        Raises:
            FileExistsError: There is such a file, which is never replaced.
            OSError: The disk is full.
        """
        tensors = {"voice.samples": torch.from_numpy(np.ascontiguousarray(self.samples))}
        if self.adapter is not None:
            tensors |= {f"{_ADAPTER}{name}": value.contiguous() for name, value in self.adapter.weights.items()}
        with atomic_write(path) as aside:
            save_weights(aside, tensors, {KIND: json.dumps(self._facts(), ensure_ascii=False)})

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "version": VERSION,
            "name": self.name,
            "sample_rate": self.sample_rate,
            "transcript": self.transcript,
            "seconds": round(self.seconds, 3),
            "letters_per_second": round(self.rate, 2),
            "loudness_lufs": round(self.loudness, 2),
            "checks": [asdict(check) for check in self.checks],
            "consent": self.consent,
            "created": self.created,
            "source_sha256": self.source,
            "base_model": self.base_model,
        }
        if self.adapter is not None:
            trained = {name: value for name, value in vars(self.adapter).items() if name != "weights"}
            facts["adapter"] = trained | {"history": [asdict(point) for point in self.adapter.history]}
        return facts


def load_profile(path: Path) -> VoiceProfile:
    """The voice in a file.

    Raises:
        FileNotFoundError: There is no such file.
        ProfileError: It is damaged, something else, or of a later version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            facts: Any = json.loads((file.metadata() or {}).get(KIND, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise ProfileError(f"{path.name} is damaged or no voice profile.") from error
    if not isinstance(facts, dict) or "voice.samples" not in tensors:
        raise ProfileError(f"{path.name} is no voice profile. Make one with Build Voice Profile.")
    if facts.get("version") != VERSION:
        raise ProfileError(f"{path.name} was made by a later version of MySpinBot. Update MySpinBot to use it.")
    try:
        return VoiceProfile(
            name=str(facts["name"]),
            samples=tensors["voice.samples"].float().numpy(),
            sample_rate=int(facts["sample_rate"]),
            transcript=str(facts["transcript"]),
            created=str(facts["created"]),
            source=str(facts["source_sha256"]),
            loudness=float(facts["loudness_lufs"]),
            checks=tuple(Check(**check) for check in facts["checks"]),
            consent=str(facts["consent"]),
            base_model=str(facts["base_model"]),
            adapter=_adapter(facts.get("adapter"), tensors),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProfileError(f"{path.name} is no whole voice profile: {error!r} is missing or wrong.") from error


def _adapter(facts: Any, tensors: dict[str, Tensor]) -> Adapter | None:
    if facts is None:
        return None
    weights = {name.removeprefix(_ADAPTER): value for name, value in tensors.items() if name.startswith(_ADAPTER)}
    history = tuple(LossPoint(**point) for point in facts["history"])
    return Adapter(weights, str(facts["base"]), str(facts["source"]), dict(facts["settings"]), history)


def fingerprint(samples: Samples, sample_rate: int) -> str:
    """SHA-256 of a recording's samples and rate."""
    digest = hashlib.sha256(f"{sample_rate}:".encode())
    digest.update(np.ascontiguousarray(samples, np.float32).tobytes())
    return digest.hexdigest()
