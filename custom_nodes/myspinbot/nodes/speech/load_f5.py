"""Load F5-TTS: a speech model from its files, as it travels between nodes, its memory managed by ComfyUI."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.model_files import (
    WEIGHTS_SUFFIXES,
    MissingModelError,
    device_input,
    find,
    find_model,
    manifest,
    register_folder,
)
from ...shared.selection import speech_models

if TYPE_CHECKING:
    from ...engines.speech.f5.checkpoint import Vocabulary
    from ...engines.speech.f5.dit import DiT
    from ...engines.speech.f5.vocos import Vocos
    from ...engines.voice.profile import VoiceProfile

F5Socket = io.Custom("F5_TTS")
FOLDER = "TTS"
_TRAINING_MEMORY = 8 * 10**9  # bytes, beyond what four clips of 30 s take
_VOCODER = "F5-TTS/vocos/"


@dataclass(frozen=True)
class LoadedF5:
    """Model and vocoder under ComfyUI's memory management.

    Attributes:
        model: The patcher of a `DiT`.
        vocoder: The patcher of a `Vocos`.
        vocabulary: The model's.
        name: Its file below `models/TTS`.
        model_hash: What its numbers are known by, whatever file they came in.
    """

    model: Any
    vocoder: Any
    vocabulary: Vocabulary
    name: str
    model_hash: str

    def on_device(self) -> tuple[DiT, Vocos]:
        """Both on their device, where they stay until ComfyUI needs the memory."""
        from comfy.model_management import load_models_gpu

        load_models_gpu([self.model, self.vocoder], force_full_load=True)
        return self.model.model, self.vocoder.model

    @contextmanager
    def with_adapter(self, voice: VoiceProfile | None) -> Generator[list[str]]:
        """Within, the model computes with the voice's adapter, if it has one for this model; yields remarks."""
        from ...engines.speech.f5.lora import apply_lora

        if voice is None or voice.adapter is None:
            yield []
        elif voice.adapter.base != self.model_hash:
            yield [
                f"The voice {voice.name!r} was trained for {voice.base_model}, not for {self.name}. Here it is spoken "
                "from its seconds alone; load that model to use its training."
            ]
        else:
            with apply_lora(self.model.model, voice.adapter.weights):
                yield []

    def for_training(self) -> tuple[DiT, Any]:
        """The model, and the device to train a copy of it on, with memory made free there."""
        from comfy.model_management import free_memory

        place = self.model.load_device
        free_memory(_TRAINING_MEMORY, place)
        return self.model.model, place


class LoadF5(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        files = choices()
        return io.Schema(
            node_id="MySpinBotLoadF5",
            display_name="Load F5-TTS",
            category="MySpinBot/Speech",
            description="Loads a speech model that takes on a voice after a few seconds of it. OpenF5 is under an "
            f"open licence. {manifest().models['f5-v1-base'].not_open}".strip(),
            search_aliases=["f5", "f5-tts", "tts", "openf5", "voice cloning", "text to speech", "load speech model"],
            inputs=[
                io.Combo.Input(
                    "model",
                    options=files,
                    default=files[0],
                    tooltip="The model's file below models/TTS; its vocab.txt lies beside it.",
                ),
                device_input(),
                io.Combo.Input(
                    "precision",
                    options=["auto", "fp32", "bf16", "fp16"],
                    default="auto",
                    advanced=True,
                    tooltip="How exactly it computes: auto takes half precision where that is faster.",
                ),
                io.Combo.Input(
                    "generation",
                    options=["auto", "v1", "v0"],
                    default="auto",
                    advanced=True,
                    tooltip="The model's make, if its config.yaml is missing: v1, or v0 for the first F5TTS_Base.",
                ),
            ],
            outputs=[F5Socket.Output("f5", display_name="f5", tooltip="The model, for Speak (F5-TTS).")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, model: str, device: str, precision: str, generation: str
    ) -> io.NodeOutput:
        return io.NodeOutput(load(model, device=device, precision=precision, generation=generation))


def choices() -> list[str]:
    """The models of `models.yaml`, there or not, the open one first, and every other with a vocabulary beside it."""
    import folder_paths

    register_folder(FOLDER)
    files = [name.replace("\\", "/") for name in folder_paths.get_filename_list(FOLDER)]
    folders = {str(PurePosixPath(name).parent) for name in files if PurePosixPath(name).name == "vocab.txt"}
    found = [n for n in files if n.endswith(WEIGHTS_SUFFIXES) and str(PurePosixPath(n).parent) in folders]
    return list(dict.fromkeys([*known(), *sorted(found)]))


def known() -> dict[str, str]:
    """File -> id of the speech models in the manifest."""
    return {model.file: model.id for model in speech_models(manifest())}


def load(file: str, *, device: str, precision: str, generation: str) -> LoadedF5:
    """Find and load a model by its path below `models/TTS`.

    Raises:
        MissingModelError: It, its vocabulary or the vocoder isn't there.
        F5Error, WeightsError: A file is damaged, or they don't belong together.
    """
    import torch
    from comfy import model_management
    from comfy.model_patcher import ModelPatcher

    from ...engines.speech.f5.checkpoint import load_model, load_vocabulary, model_hash
    from ...engines.speech.f5.vocos import load_vocoder

    path, vocabulary_path, (vocoder_path, config) = find(FOLDER, file), _vocabulary(file), _vocoder()
    place = torch.device("cpu") if device == "cpu" else model_management.get_torch_device()
    vocabulary = load_vocabulary(vocabulary_path)
    model = load_model(path, vocabulary, generation=None if generation == "auto" else generation)
    digest = model_hash(model)
    model.to(getattr(torch, _PRECISIONS[precision]) if precision in _PRECISIONS else _best(place))
    vocoder = load_vocoder(vocoder_path, config)
    aside = torch.device("cpu")
    # Its Fourier transform of complex numbers is not to be had on every other kind of device, and it is small.
    near = place if place.type == "cuda" else aside
    patchers = ModelPatcher(model, place, aside), ModelPatcher(vocoder, near, aside)
    return LoadedF5(*patchers, vocabulary, file, digest)


_PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def _best(place: Any) -> Any:
    """Half precision where the hardware computes in it; on a CPU only with matrix instructions for bfloat16."""
    import torch
    from comfy import model_management

    if place.type == "cpu":
        has_matrices = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        return torch.bfloat16 if has_matrices() else torch.float32
    if model_management.should_use_fp16(place):
        return torch.float16
    return torch.bfloat16 if model_management.should_use_bf16(place) else torch.float32


def _vocabulary(file: str) -> Path:
    import folder_paths

    beside = str(PurePosixPath(file).with_name("vocab.txt"))
    path = folder_paths.get_full_path(FOLDER, beside)
    if path is not None:
        return Path(path)
    ids = [model.id for model in manifest().models.values() if model.file == beside]
    if ids:
        return find_model(ids[0])
    raise MissingModelError(f"The vocabulary of {file} is missing: put its vocab.txt beside it, into models/{FOLDER}.")


def _vocoder() -> tuple[Path, Path | None]:
    """Vocos as it is published, or as one safetensors file in the same folder."""
    import folder_paths

    names = [name.replace("\\", "/") for name in folder_paths.get_filename_list(FOLDER)]
    safe = sorted(name for name in names if name.startswith(_VOCODER) and name.endswith(".safetensors"))
    path = Path(folder_paths.get_full_path_or_raise(FOLDER, safe[0])) if safe else find_model("vocos")
    config = path.with_name("config.yaml")
    return path, config if config.is_file() else None
