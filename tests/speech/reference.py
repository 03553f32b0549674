"""The package `f5-tts`, which the engine is held against, imported without what only its training needs.

It is installed with `pip install --no-deps -r tests/speech/reference-requirements.txt`.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.miniatures import f5 as miniature

VERSION = "1.1.22"


def stand_in(name: str, **content: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__dict__.update(content)
    return module


@pytest.fixture(scope="session")
def reference() -> Any:
    return load_reference()


def load_reference() -> Any:
    """`.CFM`, `.DiT`, `.Vocos`, `.convert_char_to_pinyin` and `.get_tokenizer` of the packages."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        if version("f5-tts") != VERSION:
            missing(f"The parity tests need f5-tts {VERSION}.")
    except PackageNotFoundError:
        missing("The package f5-tts isn't installed; see tests/speech/reference-requirements.txt.")
    # The trainer, BigVGAN's features and Encodec: imported by the package at its top, used by none of the tests.
    stubs = {
        "f5_tts.model.trainer": stand_in("f5_tts.model.trainer", Trainer=None),
        "librosa": stand_in("librosa"),
        "librosa.filters": stand_in("librosa.filters", mel=None),
        "encodec": stand_in("encodec", EncodecModel=None),
    }
    added = [name for name in stubs if sys.modules.setdefault(name, stubs[name]) is stubs[name]]
    try:
        from f5_tts.model import CFM, DiT
        from f5_tts.model.utils import convert_char_to_pinyin, get_tokenizer
        from vocos import Vocos
    finally:
        for name in added:
            sys.modules.pop(name, None)
    return types.SimpleNamespace(
        CFM=CFM,
        DiT=DiT,
        Vocos=Vocos,
        convert_char_to_pinyin=convert_char_to_pinyin,
        get_tokenizer=get_tokenizer,
    )


def load_pipeline() -> Callable[..., Any]:
    """The package's `infer_batch_process`, without what its file imports for pictures and for cutting silence.

    `load_reference` comes first.
    """
    absent = stand_in("absent")
    stubs = {
        "matplotlib": stand_in("matplotlib", use=lambda name: None, pylab=absent),
        "matplotlib.pylab": absent,
        "pydub": stand_in("pydub", AudioSegment=None, silence=None),
    }
    sys.modules.update(stubs)
    try:
        from f5_tts.infer.utils_infer import infer_batch_process
    finally:
        for name in stubs:
            sys.modules.pop(name)
    return infer_batch_process


def vocabulary() -> list[str]:
    """The 2545 symbols of the published models, which come with the package."""
    import f5_tts

    path = Path(next(iter(f5_tts.__path__))) / "infer" / "examples" / "vocab.txt"
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def build(reference: Any, path: Path, *, mask: bool = True, **arch: Any) -> Any:
    """The reference's model with the weights of a checkpoint that `miniatures.f5` wrote."""
    from safetensors.torch import load_file

    numbers, size = reference.get_tokenizer(str(path.with_name("vocab.txt")), "custom")
    arch = miniature.ARCH | {"text_num_embeds": size, "mel_dim": miniature.BANDS, "attn_mask_enabled": mask} | arch
    model = reference.CFM(transformer=reference.DiT(**arch), vocab_char_map=numbers)
    state = {name.removeprefix("ema_model."): value for name, value in load_file(path).items()}
    model.load_state_dict({name: value for name, value in state.items() if name not in ("initted", "step")})
    return model.eval()
