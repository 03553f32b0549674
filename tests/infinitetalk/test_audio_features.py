"""Audio features against transformers' wav2vec2 in MeiGen's order, and long speech against one pass over it."""

from __future__ import annotations

import sys

import pytest
import torch

from myspinbot.engines import wav2vec2
from myspinbot.engines.infinitetalk.audio_features import Encoder, extract_features, silence_features
from myspinbot.engines.wav2vec2 import RATE, Network
from tests.miniatures.wav2vec2 import WIDTH, pair, upstream


@pytest.fixture(scope="module", params=[False, True], ids=["base", "large"])
def networks(request):
    """ComfyUI's and transformers' with the same weights."""
    return pair(large=request.param)


@pytest.fixture
def in_one_pass(monkeypatch):
    """Calls a function with all speech as if it were short."""

    def call(function, *args):
        with monkeypatch.context() as patch:
            patch.setattr(wav2vec2, "ONE_PASS", 10**9)
            patch.setattr("myspinbot.engines.infinitetalk.audio_features.ONE_PASS", 10**9)
            return function(*args)

    return call


def speech(seconds: float, *, quiet: float = 0.0) -> torch.Tensor:
    """Noise that comes and goes; for the first `quiet` seconds at a hundredth of its loudness."""
    time = torch.arange(int(seconds * RATE)) / RATE
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(2))
    wave = 0.1 * noise * (6 * time).sin() ** 2
    wave[: int(quiet * RATE)] /= 100
    return wave


def encoder(network, **settings) -> Encoder:
    return Encoder(Network(network, **settings), lambda wave: network(wave)[1])


def features(wave, coded, kind, fps=25, folder=None):
    layers = extract_features(wave, coded, kind, fps, lambda _done, _total: None, folder)
    return torch.stack([torch.cat(list(layer)) for layer in layers])


def difference(ours, theirs) -> float:
    """The largest of the layers' relative differences (L2)."""
    assert ours.shape == theirs.shape
    found = float(((ours - theirs).norm(dim=(1, 2)) / theirs.norm(dim=(1, 2))).max())
    sys.stdout.write(f"difference: {found:.1e}\n")
    return found


@pytest.mark.parametrize("seconds", [0.1, 1.0, 2.34])
def test_they_are_the_originals(networks, seconds):
    ours, original = networks
    wave = speech(seconds)
    theirs = torch.stack(upstream(original, wave, int(len(wave) / RATE * 25)))
    assert difference(features(wave, encoder(ours), "upstream"), theirs) < 1e-5


@pytest.mark.parametrize("samples", [16000, 18560, 18600, 74880, 75519, 75520])
def test_their_number_is_that_of_the_sound_and_they_do_not_drift(samples):
    ours, _ = pair()
    found = features(torch.zeros(samples), encoder(ours), "upstream")
    assert found.shape[1] == int(samples / 16000 * 25)
    assert features(torch.zeros(samples), encoder(ours), "core").shape[1] == int(((samples - 400) // 320 + 1) / 2)


def test_each_feature_is_of_its_frame():
    """A click in a frame's middle moves that frame's feature most, at the beginning and at the end of 4.68 s.

    The convolutions alone are looked at, as the transformer sees everything.
    """
    network, _ = pair()
    at_rate = []
    hook = network.feature_projection.register_forward_pre_hook(lambda _, given: at_rate.append(given[0][0]))
    silence = 1e-3 * speech(4.68)
    for frame in (3, 58, 113):
        click = silence.clone()
        click[frame * 640 + 320] += 0.05
        features(silence, encoder(network), "upstream")
        features(click, encoder(network), "upstream")
        changed = (at_rate[-1] - at_rate[-2]).norm(dim=1)
        assert abs(int(changed.argmax()) - frame) == 0
    hook.remove()


def test_core_is_what_comfyuis_nodes_compute(networks):
    ours, _ = networks
    wave = speech(2.0)
    layers = torch.stack(ours(wave[None, None])[1]).squeeze(1)[1:].transpose(1, 2)  # (layers, channels, 99)
    there = torch.nn.functional.interpolate(layers, size=49, mode="linear", align_corners=True).transpose(1, 2)
    assert torch.equal(features(wave, encoder(ours), "core"), there)


@pytest.mark.parametrize(
    ("large", "kind", "fps"), [(False, "upstream", 25), (False, "core", 25), (True, "upstream", 30)]
)
def test_long_speech_is_encoded_as_in_one_pass_also_where_half_is_quiet(in_one_pass, tmp_path, large, kind, fps):
    coded = encoder(pair(large=large)[0])
    wave = speech(100.0, quiet=50.0)
    found = features(wave, coded, kind, fps, tmp_path)
    assert list(tmp_path.iterdir()) == [], "nothing is left"
    assert difference(found, in_one_pass(features, wave, coded, kind, fps)) < 1e-5


def test_pieces_on_their_own_would_not_do(in_one_pass):
    """What the test above would find in an encoder that takes each half alone."""
    coded = encoder(pair()[0])
    wave = speech(100.0, quiet=50.0)
    halves = [in_one_pass(features, half, coded, "upstream") for half in wave.chunk(2)]
    assert difference(torch.cat(halves, dim=1), in_one_pass(features, wave, coded, "upstream")) > 0.02


@pytest.mark.parametrize("seconds", [2.0, 70.0])
def test_input_is_normalized_where_the_encoder_was_trained_so(networks, seconds):
    from transformers import Wav2Vec2FeatureExtractor

    ours, original = networks
    wave = speech(seconds) / 50 + 0.01
    (normal,) = Wav2Vec2FeatureExtractor(do_normalize=True)(wave.numpy(), sampling_rate=RATE).input_values
    theirs = torch.stack(upstream(original, torch.from_numpy(normal), int(seconds * 25)))
    assert difference(features(wave, encoder(ours, normalize=True), "upstream"), theirs) < 1e-4
    assert difference(features(wave, encoder(ours), "upstream"), theirs) > 1e-3


def test_a_long_encoding_tells_how_far_it_is_and_can_be_cancelled():
    told = []

    def on_step(done, total):
        told.append((done, total))
        if done == total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        for layer in extract_features(speech(70.0), encoder(pair()[0]), "upstream", 25, on_step):
            list(layer)
    assert [done for done, _ in told] == list(range(told[0][1] // 2 + 1))


@pytest.mark.parametrize("kind", ["upstream", "core"])
def test_silence_is_a_frame_of_it(networks, kind):
    ours, _ = networks
    found = silence_features(encoder(ours), kind, 25)
    assert found.shape == (len(ours.encoder.layers), WIDTH)
    assert torch.allclose(found, features(torch.zeros(RATE), encoder(ours), kind)[:, 12], atol=1e-6)
