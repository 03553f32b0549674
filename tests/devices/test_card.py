"""The engines on a card: nothing is left on the other device, and what comes out is what a processor gives.

The card is pretended, see `card.py`, so this says nothing of a real one's arithmetic or memory.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myspinbot.engines.enhance.upscale_network import load_network
from myspinbot.engines.infinitetalk.color_match import match_colors
from myspinbot.engines.lipsync.dub import LipGenerator
from myspinbot.engines.lipsync.generator import load_generator, prepare_generator
from myspinbot.engines.lipsync.mel import Mel
from myspinbot.engines.speech import espeak
from myspinbot.engines.speech.f5.checkpoint import load_model, load_vocabulary
from myspinbot.engines.speech.f5.lora import apply_lora, init_lora
from myspinbot.engines.speech.f5.reference import prepare_reference
from myspinbot.engines.speech.f5.speak import Settings, speak
from myspinbot.engines.speech.f5.vocos import load_vocoder
from myspinbot.engines.voice.align import align_words, load_aligner
from myspinbot.engines.voice.training.dataset import Clip, prepare_dataset
from myspinbot.engines.voice.training.train import Settings as Training
from myspinbot.engines.voice.training.train import adapter_of, train
from myspinbot.media.audio import Sound
from myspinbot.shared.work_store import Store
from tests.miniatures import f5, recognition, upscale, wav2lip

from .card import CARD, OnCard, pretended

CPU = torch.device("cpu")
TYPES = (torch.float32, torch.float16, torch.bfloat16)
TEXT = "Each of them gets a small roll."


@pytest.fixture(scope="module")
def speech() -> tuple[np.ndarray, int]:
    said = espeak.speak(TEXT)
    return said.samples, said.sample_rate


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("f5")
    return f5.write_model(folder / "F5TTS_v1_Base"), f5.write_vocoder(folder / "vocos")


def loaded(files: tuple[Path, Path], dtype: torch.dtype) -> tuple[Any, Any, Any]:
    vocabulary = load_vocabulary(files[0].with_name("vocab.txt"))
    return load_model(files[0], vocabulary).to(dtype), load_vocoder(files[1]), vocabulary


def test_the_pretended_card_refuses_what_a_card_refuses():
    with pretended() as card:
        there, here = torch.ones(3, device=card), torch.ones(3)
        assert isinstance(there, OnCard)
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(RuntimeError, match="generator"):
            torch.randn(3, device=card, generator=torch.Generator())
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()
        assert (there.to(here) + here).numpy().tolist() == [2, 2, 2]
        assert (torch.tensor([1, 2], device=card) * 2).sum().item() == 6


def test_speech_is_the_same_there(files, speech):
    reference = prepare_reference(*speech, TEXT)
    text, settings = "One two three four. " * 20 + "And five.", Settings(steps=1)  # two pieces, one of them shorter

    def spoken(dtype: torch.dtype, device: torch.device) -> np.ndarray:
        model, vocoder, vocabulary = loaded(files, dtype)
        adapter = init_lora(model, 2, torch.Generator().manual_seed(0))
        model.to(device), vocoder.to(device)
        with apply_lora(model, adapter):
            return speak(model, vocoder, vocabulary, text, reference, settings).samples

    here = spoken(torch.float32, CPU)
    for dtype, most in zip(TYPES, (1e-5, 1e-2, 1e-1), strict=True):
        with pretended() as card:
            there = spoken(dtype, card)
        assert np.abs(here - there).max() < most * np.abs(here).max(), dtype


def test_training_goes_on_there_repeatably_and_ends_here(files, speech, tmp_path):
    model, _, vocabulary = loaded(files, torch.float16)
    examples = prepare_dataset([Clip("one", *speech, TEXT)] * 2, vocabulary).examples
    job = Store(tmp_path, 10**9).job("train-voice", {}, "A voice")
    repeatable: list[bool] = []
    with pretended() as card:
        for steps in (1, 2):  # the second goes on from what was saved of the first
            state = train(
                model, examples, Training(steps, rank=2, batch=2), device=card, job=job,
                on_step=lambda *_: repeatable.append(torch.are_deterministic_algorithms_enabled()),
            )  # fmt: skip
            assert state.step == steps
            assert {value.device for value in state.weights.values()} == {CARD}
    assert {value.device for value in adapter_of(state, Training(), base="", source="").weights.values()} == {CPU}
    assert repeatable
    assert all(repeatable)
    assert not torch.are_deterministic_algorithms_enabled()


def test_lips_are_the_same_there(tmp_path):
    generator = load_generator(wav2lip.write(tmp_path / "wav2lip.pth"))
    random = np.random.default_rng(0)
    mel = Mel(Sound(random.normal(0, 0.1, (1, 16000)).astype(np.float32), 16000))
    faces = list(random.integers(0, 256, (2, 96, 96, 3), np.uint8))

    def drawn(device: torch.device, *types: torch.dtype) -> np.ndarray:
        ready = prepare_generator(generator, device, types)
        assert ready.dtype is (types or TYPES)[0]
        ready.model.to(CPU).to(device)
        lips = LipGenerator(ready.model, mel, Fraction(25))
        window = (40, 96, 8, 88)
        return np.stack(lips.generate(faces, [0, 5], window) + lips.generate([faces[0]] * 2, [7, 9], window)).astype(
            int
        )

    here = drawn(CPU)
    for types in ((), TYPES[2:]):
        with pretended() as card:
            assert np.abs(drawn(card, *types) - here).max() <= 3, types


@pytest.mark.parametrize("kind", [upscale.compact, lambda: upscale.compact(channels=1)], ids=["colour", "grey"])
def test_pictures_are_upscaled_the_same_there(kind, monkeypatch):
    from spandrel import ModelLoader  # seconds

    monkeypatch.setattr("myspinbot.engines.enhance.upscale_network.fast_types", lambda device: TYPES[1:])
    descriptor = ModelLoader().load_from_state_dict(kind())
    pictures = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    here = load_network(descriptor, device=CPU, exact=True)
    for exact in (True, False):
        with pretended() as card:
            there = load_network(descriptor, device=card, exact=exact)
            assert (there.on_card, there.overlap, there.dtype) == (True, here.overlap, TYPES[not exact])
            assert np.abs(there(pictures).astype(int) - here(pictures)).max() <= 3


def test_words_are_found_the_same_there(speech, tmp_path):
    aligner = load_aligner(recognition.write_wav2vec2(tmp_path / "wav2vec2-mini"))
    here = align_words(aligner, *speech, TEXT.split())
    with pretended() as card:
        aligner.model.to(card)
        assert align_words(aligner, *speech, TEXT.split()) == here


@pytest.mark.parametrize("method", ["mkl", "lab"])
def test_colours_are_matched_the_same_there(method):
    generator = torch.Generator().manual_seed(0)
    frames, reference = (torch.rand(9, 16, 16, 3, generator=generator), torch.rand(16, 16, 3, generator=generator))
    here = match_colors(frames, reference, method, known=2)
    with pretended() as card:
        beside = match_colors(frames, reference.to(card), method, known=2)
        there = match_colors(frames.to(card).half(), reference.to(card), method, known=2)
        assert (beside.device, there.device, there.dtype) == (CPU, CARD, torch.float16)
        assert torch.allclose(beside, here, atol=1e-5)
        assert torch.allclose(there.cpu().float(), here, atol=5e-3)
