"""The engine against the package f5-tts 1.1.22: same weights, same noise, same numbers."""

from __future__ import annotations

import pytest
import torch

from myspinbot.engines.speech.f5.checkpoint import load_model
from myspinbot.engines.speech.f5.mel import FRAMES_PER_SECOND, HOP, SAMPLE_RATE, mel
from myspinbot.engines.speech.f5.reference import prepare_reference
from myspinbot.engines.speech.f5.sampler import FRAMES_AT_ONCE, Utterance, sample, schedule
from myspinbot.engines.speech.f5.sentences import Piece
from myspinbot.engines.speech.f5.speak import seconds
from myspinbot.engines.speech.f5.tokens import tokenize
from myspinbot.engines.speech.f5.vocos import load_vocoder

from .reference import build, load_pipeline

TEXT = "The quick brown fox. A second one."


@pytest.fixture(scope="module")
def cond(spoken):
    return torch.from_numpy(spoken[0][: 256 * 150])


def theirs(reference, model, cond, text, frames, **options):
    """The new frames (N - R, 100) of each text from the reference's own sampler."""
    frames = torch.tensor(frames)
    made, _ = model.sample(cond[None].repeat(len(text), 1), text, frames, **options)
    known = cond.shape[-1] // 256 + 1
    return [row[known:length] for row, length in zip(made, frames.tolist(), strict=True)]


@pytest.mark.parametrize(("steps", "cfg"), [(4, 2.0), (7, 2.0), (5, 0.0), (16, 1.0)])
def test_one_chunk(reference, files, model, vocabulary, cond, steps, cfg):
    symbols = list(TEXT)
    options = {"steps": steps, "cfg_strength": cfg, "sway_sampling_coef": -1.0, "seed": 290381}
    (want,) = theirs(reference, build(reference, files.model), cond, [symbols], [260], **options)
    (got,) = sample(
        model, mel(cond), [Utterance(vocabulary.encode(symbols), 260, 290381)], steps=steps, cfg_strength=cfg
    )
    assert got.shape == want.shape == (260 - 151, 100)
    assert want.std() > 0.1
    assert (got - want).abs().max() < 1e-4


def test_the_first_generation(reference, tmp_path, files, vocabulary, cond):
    symbols = list(TEXT)
    old = build(reference, files.model, text_mask_padding=False, pe_attn_head=1)
    options = {"steps": 4, "cfg_strength": 2.0, "sway_sampling_coef": -1.0, "seed": 5}
    (want,) = theirs(reference, old, cond, [symbols], [260], **options)
    utterances = [Utterance(vocabulary.encode(symbols), 260, 5)]
    (got,) = sample(load_model(files.model, vocabulary, generation="v0"), mel(cond), utterances, steps=4)
    assert (got - want).abs().max() < 1e-4
    (new,) = sample(load_model(files.model, vocabulary, generation="v1"), mel(cond), utterances, steps=4)
    assert (new - want).abs().max() > 0.01, "the two generations differ, or this test shows nothing"


def test_queries_and_keys_normed(reference, tmp_path, vocabulary, cond):
    from safetensors.torch import save_file

    from tests.miniatures import f5 as miniature

    state = miniature.transformer()
    for i in range(miniature.DEPTH):
        for name in ("q_norm", "k_norm"):
            state[f"transformer_blocks.{i}.attn.{name}.weight"] = torch.linspace(0.5, 1.5, miniature.DIM_HEAD)
    save_file(miniature.averaged(state), tmp_path / "model.safetensors")
    miniature.write_vocabulary(tmp_path / "vocab.txt")
    normed = build(reference, tmp_path / "model.safetensors", qk_norm="rms_norm")
    options = {"steps": 4, "cfg_strength": 2.0, "sway_sampling_coef": -1.0, "seed": 5}
    (want,) = theirs(reference, normed, cond, [list(TEXT)], [260], **options)
    model = load_model(tmp_path / "model.safetensors", vocabulary)
    (got,) = sample(model, mel(cond), [Utterance(vocabulary.encode(list(TEXT)), 260, 5)], steps=4)
    assert (got - want).abs().max() < 1e-4


def test_a_batch_equals_their_one_by_one(reference, files, model, vocabulary, cond):
    texts = [list(TEXT), list("Short. Yes."), list("Something of a length in between, you see.")]
    frames = [300, 200, 260]
    single = build(reference, files.model)
    options = {"steps": 4, "cfg_strength": 2.0, "sway_sampling_coef": -1.0, "seed": 3}
    want = [theirs(reference, single, cond, [t], [n], **options)[0] for t, n in zip(texts, frames, strict=True)]
    utterances = [Utterance(vocabulary.encode(text), length, 3) for text, length in zip(texts, frames, strict=True)]
    made = sample(model, mel(cond), utterances, steps=4, frames_at_once=FRAMES_AT_ONCE)
    for ours, expected in zip(made, want, strict=True):
        assert (ours - expected).abs().max() < 1e-4


@pytest.mark.parametrize("steps", [3, 5, 6, 7, 8, 10, 12, 16, 20, 32])
def test_moments(reference, steps):
    from f5_tts.model.utils import get_epss_timesteps

    t = get_epss_timesteps(steps, device="cpu", dtype=torch.float32)
    want = t - (torch.cos(torch.pi / 2 * t) - 1 + t)
    assert torch.allclose(schedule(steps), want, atol=1e-7)
    assert schedule(steps)[0] == 0
    assert schedule(steps)[-1] == pytest.approx(1)


def test_mel_bands(reference, cond):
    from f5_tts.model.modules import get_vocos_mel_spectrogram

    want = get_vocos_mel_spectrogram(cond[None])[0].mT
    assert (mel(cond) - want).abs().max() < 1e-4


def test_vocoder(reference, files, cond):
    theirs = reference.Vocos.from_hparams(str(files.vocoder.with_name("config.yaml")))
    theirs.load_state_dict(torch.load(files.vocoder, weights_only=True))
    bands = mel(cond)[None]
    want = theirs.eval().decode(bands.mT)
    got = load_vocoder(files.vocoder, files.vocoder.with_name("config.yaml"))(bands)
    assert want.abs().max() > 0.01
    assert got.shape == want.shape
    assert (got - want).abs().max() < 1e-4 * want.abs().max()


class AskedError(Exception):
    """Ends the package's pipeline where it has asked its model for speech."""


@pytest.fixture(scope="module")
def voice(spoken):
    return prepare_reference(spoken[0], SAMPLE_RATE, spoken[1])


@pytest.fixture(scope="module")
def asked(reference, voice):
    """What the package's pipeline asks its model for: the symbols of a text, and the frames that are new."""
    infer = load_pipeline()
    speech = voice.samples[: int((voice.seconds + 0.05) * SAMPLE_RATE)]  # with the silence that theirs leaves

    def ask(text):
        class Model:
            def sample(self, **options):
                raise AskedError(options["text"][0], options["duration"] - len(speech) // HOP)

        # `preprocess_ref_audio_text` ends the words so.
        with pytest.raises(AskedError) as found:
            next(
                infer(
                    (torch.from_numpy(speech)[None], SAMPLE_RATE),
                    f"{voice.transcript.strip()} ",
                    [text],
                    Model(),
                    None,
                    progress=None,
                )
            )
        return found.value.args

    return ask


@pytest.mark.parametrize("text", ["Hi!", "It is five.", "“Well”; yes.", "你好，二〇二六年。", "Über 3 Äpfel"])
def test_reference_and_text_meet_as_theirs(asked, voice, text):
    symbols, _ = asked(text)
    assert tokenize(voice.transcript + text) == symbols
    assert voice.transcript.endswith(".  ")


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        ("Hi!", 0.57, 0.59),
        ("Good day.", 0.82, 1.76),
        ("What is this?", 0.98, 0.76),
        ("The weather is fine today.", 1.61, 1.53),
        ("word " * 39 + "word.", 11.70, 11.74),
    ],
)
def test_durations(asked, voice, text, ours, theirs):
    _, frames = asked(text)
    assert frames / FRAMES_PER_SECOND == pytest.approx(theirs, abs=0.02)
    assert seconds(Piece(text, "sentence"), voice, 1.0) == pytest.approx(ours, abs=0.02)
