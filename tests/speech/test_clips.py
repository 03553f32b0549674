"""Clips to train with: what is refused, and what makes no difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myspinbot.engines.voice.profile import ProfileError
from myspinbot.engines.voice.training.dataset import prepare_dataset

from .test_training import TEXTS, clip, examples  # noqa: F401


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * 22050), np.float32)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"transcript": " \n"}, "transcript is empty"),
        ({"samples": clip("Hi.").samples[:4410]}, r"it has 0\.\d s of speech"),
        ({"samples": quiet(3)}, "it is silent"),
        ({"samples": quiet(0)}, "it is silent"),
        ({"samples": np.tile(clip(TEXTS[0]).samples, 20)}, "at most 30 s"),
        ({"transcript": TEXTS[0] * 5}, "exactly what is said"),
    ],
)
def test_clips_that_can_not_be_used_are_named(vocabulary, change, why):
    good = clip(TEXTS[1])
    bad = replace(clip(TEXTS[0]), name="bad.wav", **change)
    with pytest.raises(ProfileError, match=rf"(?s)can't be trained with.*bad\.wav: .*{why}") as caught:
        prepare_dataset([good, bad, good], vocabulary)
    assert good.name not in str(caught.value)


def test_no_clips_and_many_bad_ones(vocabulary):
    with pytest.raises(ProfileError, match="nothing to train with"):
        prepare_dataset([], vocabulary)
    bad = [replace(clip("Hi."), name=f"{i}.wav", transcript="") for i in range(20)]
    with pytest.raises(ProfileError, match="and 12 more"):
        prepare_dataset(bad, vocabulary)


def test_silence_around_a_clip_and_its_rate_and_level_do_not_matter(vocabulary, examples):  # noqa: F811
    from torchaudio.functional import resample

    plain = clip(TEXTS[0])
    padded = np.concatenate((quiet(1), plain.samples * 0.1, quiet(2)))
    fast = resample(torch.from_numpy(padded), 22050, 44100).numpy()
    (example,) = prepare_dataset([replace(plain, samples=fast, sample_rate=44100)], vocabulary).examples
    assert example.frames == pytest.approx(examples[0].frames, abs=4)
    assert float(example.bands.mean()) == pytest.approx(float(examples[0].bands.mean()), abs=0.3)


def test_characters_that_the_model_does_not_know_are_remarked(vocabulary):
    (remark,) = prepare_dataset(
        [replace(clip(TEXTS[0]), transcript="The quick brown fox жumps over it.")], vocabulary
    ).remarks
    assert "ж" in remark
