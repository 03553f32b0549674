"""Text encoders that write: ComfyUI's own text generation with Qwen3, whose larger one Z-Image reads prompts with."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...shared.selection import SCRIPT_MODELS
from ..automatic.choices import file_of, first_present, this_machine

if TYPE_CHECKING:
    from ...engines.script.answer import Answer
    from ...engines.script.paragraphs import Writer

_SAMPLING = {"top_k": 20, "top_p": 0.8, "min_p": 0.0, "repetition_penalty": 1.05}  # Qwen's advice without thinking


@contextmanager
def writers(temperature: float) -> Generator[list[Writer], None, None]:
    """Those whose files are there, the best for this machine first; they are loaded when asked, and unloaded here."""
    from ...engines.script.paragraphs import Writer

    there = [(name, key) for name, ids in SCRIPT_MODELS.items() if (key := first_present(ids))]
    if not this_machine().has_card:
        there.reverse()  # the small one first, as a processor needs minutes for the other
    encoders = [TextEncoder(key, temperature) for _, key in there]
    try:
        yield [Writer(name, key, encoder.generate) for (name, key), encoder in zip(there, encoders, strict=True)]
    finally:
        for encoder in encoders:
            encoder.unload()


class TextEncoder:
    """A text encoder by its id in `models.yaml`, as a language model."""

    def __init__(self, key: str, temperature: float) -> None:
        self._key, self._temperature = key, temperature
        self._clip: Any = None

    def generate(self, prompt: str, seed: int, most: int) -> Answer:
        """What comes after `prompt`, which holds its own chat template. ComfyUI moves the node's bar by tokens."""
        from ...engines.script.answer import Answer

        clip = self._clip = self._clip or _loaded(file_of(self._key))
        tokens = clip.tokenize(_literal(prompt), llama_template="{}", min_length=1)
        sampling: dict[str, Any] = {"do_sample": self._temperature > 0, "temperature": self._temperature, **_SAMPLING}
        ids = clip.generate(tokens, max_length=most, seed=seed, **sampling)
        return Answer(clip.decode(ids), len(ids))

    def unload(self) -> None:
        """Give back its memory, of the card and of the machine: what comes next needs it."""
        if self._clip is None:
            return
        from comfy import model_management

        model_management.unload_model_and_clones(self._clip.patcher, all_devices=True)
        self._clip = None


def _loaded(file: str) -> Any:
    import nodes

    loader: Any = nodes.NODE_CLASS_MAPPINGS["CLIPLoader"]
    return loader().load_clip(file, "lumina2")[0]


def _literal(text: str) -> str:
    """`text` with nothing in it that ComfyUI's prompts give a meaning of their own: weights and embeddings."""
    return text.replace("(", "\\(").replace(")", "\\)").replace("embedding:", "embedding :")
