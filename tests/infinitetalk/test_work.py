"""What a job stores on disk comes back as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from myspinbot.engines.infinitetalk.settings import Settings
from myspinbot.engines.infinitetalk.start_images import spooled
from myspinbot.engines.infinitetalk.work import Work, key_of
from myspinbot.media.audio import Sound
from myspinbot.shared.work_store import Store

LAYERS, CHANNELS, FRAMES = 3, 4, 30


@pytest.fixture
def work(tmp_path):
    settings = Settings(
        width=32, height=16, fps=25, steps=1, cfg=1.0, shift=11.0, sampler_name="euler", scheduler="simple", seed=1,
        frame_window_size=21, motion_frame=9, audio_scale=1.0, color_match="mkl", vae_tiling="off",
        audio_features="upstream",
    )  # fmt: skip
    return Work.open(Store(tmp_path, 10**9), key_of(settings, FRAMES, {}))


def save(work, *, kind=torch.float32, speakers=1, pictures=1):
    made = torch.Generator().manual_seed(1)
    features = torch.randn(speakers, LAYERS, FRAMES, CHANNELS, generator=made).to(kind)
    silence = torch.randn(LAYERS, CHANNELS, generator=made).to(kind)
    images = np.random.default_rng(1).integers(0, 256, (pictures, 16, 32, 3), np.uint8)
    masks = [np.eye(16, 32, k, dtype=np.float32) for k in range(speakers if speakers > 1 else 0)]
    sound = Sound(np.random.default_rng(2).random((2, 1000), np.float32), 22050)
    with spooled(iter(images), work.job.folder.parent) as there:
        work.save_inputs(
            images=there,
            masks=masks,
            features=[[layer.split(11) for layer in layers] for layers in features],
            silence=silence,
            sound=sound,
        )
    return features, silence, images, masks, sound


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_audio_features_of_each_window(work, kind):
    features, silence, *_ = save(work, kind=kind)
    whole = torch.cat([features[0], silence[:, None].expand(-1, work.plan.end - FRAMES, -1)], dim=1)
    for window, begin in ((work.plan.window(0), 0), (work.plan.window(1), window_start(work, 1) - 2)):
        (found,), start = work.audio_features(window, 2)
        assert start == window.start - begin
        assert torch.equal(found.to(kind), whole[:, begin : window.start + 21 + 2].transpose(0, 1))
        assert found.dtype == (torch.float32 if kind == torch.bfloat16 else kind)


def window_start(work, index):
    return work.plan.window(index).start


def test_pictures_masks_and_sound(work):
    assert not work.has_inputs
    _, _, images, masks, sound = save(work, speakers=2, pictures=2)
    assert work.has_inputs
    for index in range(2):
        start = work.start_image(work.plan.window(index))
        assert torch.equal(start, torch.from_numpy(images[index : index + 1]).float() / 255)
    assert [np.array_equal(found[0], mask) for found, mask in zip(work.masks(), masks, strict=True)] == [True, True]
    assert len(work.audio_features(work.plan.window(0), 2)[0]) == 2
    assert np.array_equal(work.sound().samples, sound.samples)
    assert work.sound().sample_rate == 22050


def test_a_portrait_is_the_start_of_every_window_and_its_latents_are_computed_once(work):
    save(work)
    assert work.masks() == []
    assert torch.equal(work.start_image(work.plan.window(0)), work.start_image(work.plan.window(1)))
    latents = torch.randn(1, 16, 1, 2, 4)
    work.save_start_latent(work.plan.window(0), latents)
    assert torch.equal(work.start_latent(work.plan.window(1)), latents)


def test_work_that_was_cleared_meanwhile_is_named(work):
    with pytest.raises(FileNotFoundError, match="cleared meanwhile"):
        work.masks()


def test_other_audio_features_are_other_work(work):
    other = replace(work.settings, audio_features="core")
    assert key_of(work.settings, FRAMES, {}) != key_of(other, FRAMES, {})
