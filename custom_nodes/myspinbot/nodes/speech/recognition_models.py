"""Speech recognition models, in folders as Hugging Face publishes them: Whisper transcribes, Wav2Vec2 aligns words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...comfyui.model_files import MissingModelError, manifest, register_folder

if TYPE_CHECKING:
    from ...engines.speech.f5.speak import ForcedAlign
    from ...engines.timings import Span
    from ...engines.voice.signal import Samples

_KINDS = {"whisper": "WhisperForConditionalGeneration", "wav2vec2": "Wav2Vec2ForCTC"}
_SHARED = "audio_encoders"
AUTO, NONE = "auto", "none"


def installed(kind: str) -> dict[str, Path]:
    """The folders of a kind in `models/<kind>` and `models/audio_encoders`, by name."""
    import folder_paths

    register_folder(kind)
    roots = [Path(root) for name in (kind, _SHARED) for root in folder_paths.get_folder_paths(name)]
    folders = [config.parent for root in roots for config in sorted(root.glob("*/config.json"))]
    return {folder.name: folder for folder in reversed(folders) if _KINDS[kind] in _architectures(folder)}


def transcribe(samples: Samples, sample_rate: int) -> str:
    """What mono `samples` (T,) at `sample_rate` Hz say, by the Whisper that is there.

    Raises:
        MissingModelError: There is none.
        TranscriptionError: It isn't whole, or understood nothing.
    """
    from comfy.model_management import get_torch_device, load_models_gpu

    from ...engines.voice import transcribe as whisper

    folders = installed("whisper")
    if not folders:
        raise MissingModelError(
            "The transcript is empty. Write exactly what is said in the recording, or let Whisper write it. "
            + manifest().models["whisper-small"].missing
        )
    model = whisper.load_whisper(next(iter(folders.values())))
    patcher = _patcher(model.network, get_torch_device())
    load_models_gpu([patcher], force_full_load=True)
    return whisper.transcribe(model, samples, sample_rate)


def forced_aligner(chosen: str, device: Any) -> ForcedAlign | None:
    """What finds words in their speech; None where there is none or none is wanted.

    Args:
        chosen: A folder's name, "auto" or "none".
        device: The torch.device that it computes on.

    Raises:
        MissingModelError: The chosen one is gone.
    """
    from comfy.model_management import load_models_gpu

    from ...engines.voice.align import align_words

    folders = {} if chosen == NONE else installed("wav2vec2")
    if chosen not in (AUTO, NONE, *folders):
        raise MissingModelError(f"{chosen} is no longer in ComfyUI's models/wav2vec2. Choose another aligner.")
    if not folders:
        return None
    folder = next(iter(folders.values())) if chosen == AUTO else folders[chosen]
    aligner, patcher = _aligner(folder, (folder / "config.json").stat().st_mtime_ns, device)

    def align(samples: Samples, sample_rate: int, texts: Sequence[str]) -> list[Span | None]:
        load_models_gpu([patcher], force_full_load=True)
        return align_words(aligner, samples, sample_rate, texts)

    return align


@cache
def _aligner(folder: Path, state: int, device: Any) -> tuple[Any, Any]:
    """The model and its patcher, kept together: without that one ComfyUI can't take the model off the device again."""
    from ...engines.voice.align import load_aligner

    aligner = load_aligner(folder)
    return aligner, _patcher(aligner.model, device)


def _patcher(model: Any, device: Any) -> Any:
    """`model` under ComfyUI's memory management."""
    import torch
    from comfy.model_patcher import ModelPatcher

    # In a list of its own, as a patcher notes its device on a model, and those of transformers have such a property.
    return ModelPatcher(torch.nn.ModuleList([model]), device, torch.device("cpu"))


def _architectures(folder: Path) -> Sequence[str]:
    try:
        content: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return content.get("architectures") or ()
    except (OSError, ValueError, AttributeError):
        return ()
