"""Training a voice: it learns, it changes nothing else, and it goes on as if it had never stopped."""

from __future__ import annotations

import errno
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from myspinbot.engines.speech import espeak
from myspinbot.engines.speech.f5 import F5Error
from myspinbot.engines.speech.f5.checkpoint import load_model, model_hash
from myspinbot.engines.speech.f5.lora import apply_lora, init_lora, projections
from myspinbot.engines.voice.profile import load_profile
from myspinbot.engines.voice.training.dataset import Clip, prepare_dataset
from myspinbot.engines.voice.training.loss import Example, MaskedSample, loss, random_sample
from myspinbot.engines.voice.training.state import FILE, load
from myspinbot.engines.voice.training.train import PATIENCE, Settings, adapter_of, split_examples, summary, train
from myspinbot.shared.work_store import Store
from tests.miniatures import f5 as miniature

TEXTS = [
    "The quick brown fox jumps over it.",
    "It was a fine day for all of us.",
    "Nobody minded the wind at all.",
    "We go home now, my friend.",
    "A good day to you all.",
]
QUICK = Settings(steps=40, learning_rate=1e-2, rank=4, alpha=8, batch=2, seed=3)


def clip(text: str, **options) -> Clip:
    speech = espeak.speak(text, **options)
    return Clip(text[:9], speech.samples, speech.sample_rate, text)


@pytest.fixture(scope="module")
def examples(vocabulary) -> list[Example]:
    return prepare_dataset([clip(text) for text in TEXTS], vocabulary).examples


@pytest.fixture(scope="module")
def whole(model, examples):
    """An uninterrupted training."""
    return train(model, examples, QUICK)


@pytest.fixture
def job(tmp_path):
    return Store(tmp_path / "work", 10**9).job("train-voice", {"a": 1}, "A voice")


def same(one, other) -> bool:
    return (
        one.step == other.step
        and one.history == other.history
        and all(torch.equal(value, other.best[name]) for name, value in one.best.items())
        and all(torch.equal(value, other.weights[name]) for name, value in one.weights.items())
    )


@pytest.mark.parametrize("count", [5, 1], ids=["whole clips held out", "ends held out"])
def test_what_was_held_out_is_understood_better(model, examples, whole, count):
    state = whole if count == 5 else train(model, examples[:count], QUICK)
    assert state.history[0].step == 0
    assert state.best_point.held_out < 0.85 * state.history[0].held_out
    text = summary(adapter_of(state, QUICK, base="b", source="s"))
    assert f"{state.best_point.held_out:.4f}" in text


def test_what_is_held_out_is_never_learnt_from(examples):
    training, validation = split_examples(examples, 1)
    assert len(training) == len(examples) - 1
    assert {id(e.example) for e in validation} == {id(examples[-1])}
    (alone,), validation = split_examples(examples[:1], 1)
    assert alone.trained < alone.frames
    assert all((e.start, e.stop) == (alone.trained, alone.frames) for e in validation)
    assert len({e.time for e in validation}) > 1


def test_the_loss_counts_hidden_frames_that_may_be_learnt_from(files, vocabulary, examples):
    silent = load_model(files.model, vocabulary)
    for parameter in silent.proj_out.parameters():
        parameter.zero_()  # so that the velocity is zero, and the loss known
    example = replace(examples[0], trained=60)
    noise = torch.randn(example.bands.shape, generator=torch.Generator().manual_seed(1))
    sample = MaskedSample(example, noise, 0.3, 20, 90)
    missed = (example.bands - noise).square().mean(dim=-1)
    assert float(loss(silent, [sample])) == pytest.approx(float(missed[20:60].mean()), rel=1e-5)
    assert float(loss(silent, [sample], held_out=True)) == pytest.approx(float(missed[20:90].mean()), rel=1e-5)


def test_clips_of_other_lengths_beside_it_do_not_change_an_exercise(model, examples):
    samples = [random_sample(example, torch.Generator().manual_seed(i)) for i, example in enumerate(examples)]
    sizes = [sample.stop - sample.start for sample in samples]
    alone = [float(loss(model, [sample])) for sample in samples]
    together = float(loss(model, samples))
    assert len({sample.example.frames for sample in samples}) > 2
    assert together == pytest.approx(np.average(alone, weights=sizes), rel=1e-4)


def test_words_sound_moment_and_span_all_matter(model, examples):
    noise = torch.randn(examples[0].bands.shape, generator=torch.Generator().manual_seed(1))
    base = MaskedSample(examples[0], noise, 0.3, 20, 90)
    changed = [
        replace(base, words=False), replace(base, sound=False), replace(base, time=0.5), replace(base, start=30),
        replace(base, example=replace(examples[0], tokens=examples[1].tokens)),
    ]  # fmt: skip
    plain = float(loss(model, [base]))
    assert all(abs(float(loss(model, [other])) - plain) > 1e-4 for other in changed)


def test_exercises_are_those_of_the_paper(examples):
    found = [random_sample(examples[0], torch.Generator().manual_seed(seed)) for seed in range(3000)]
    shares = [(sample.stop - sample.start) / examples[0].frames for sample in found]
    assert 0.69 < min(shares) < 0.72
    assert 0.98 < max(shares) <= 1.0
    assert all(sample.start >= 0 and sample.stop <= examples[0].frames for sample in found)
    assert np.mean([not sample.words for sample in found]) == pytest.approx(0.2, abs=0.03)
    assert np.mean([not sample.sound for sample in found]) == pytest.approx(0.2 + 0.8 * 0.3, abs=0.03)
    assert np.mean([sample.time for sample in found]) == pytest.approx(0.5, abs=0.03)


@pytest.mark.usefixtures("starts_processes")
def test_a_killed_training_ends_as_an_uninterrupted_one(files, model, examples, whole, job, tmp_path):
    torch.save((examples, QUICK), tmp_path / "given.pt")
    code = f"""
import os, signal, sys, types
package = types.ModuleType("myspinbot"); package.__path__ = {list(sys.modules["myspinbot"].__path__)!r}
sys.modules["myspinbot"] = package
import torch; torch.set_num_threads(1)
from pathlib import Path
from myspinbot.engines.speech.f5.checkpoint import load_model, load_vocabulary
from myspinbot.engines.voice.training.train import train
from myspinbot.shared.work_store import Store
path = Path({str(files.model)!r})
model = load_model(path, load_vocabulary(path.with_name("vocab.txt")))
examples, settings = torch.load({str(tmp_path / "given.pt")!r}, weights_only=False)
job = Store(Path({str(job.store.root)!r}), 10**9).job("train-voice", {{"a": 1}}, "A voice")
train(model, examples, settings, job=job,
      on_step=lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done == 15 else None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == -9, done.stderr
    assert load(job.path(FILE)).step == 14
    steps: list[int] = []
    resumed = train(model, examples, QUICK, job=job, on_step=lambda at, total: steps.append(at))
    assert steps[0] == 15
    assert same(resumed, whole)
    again = train(model, examples, QUICK, job=job, on_step=lambda at, total: steps.append(at))
    assert steps[-1] == QUICK.steps
    assert same(again, whole)


def test_a_cancelled_training_goes_on_where_it_was(model, examples, whole, job):
    class Cancelled(BaseException):
        pass

    def cancel(done: int, total: int) -> None:
        if done == 7:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(model, examples, QUICK, job=job, on_step=cancel)
    assert load(job.path(FILE)).step == 7
    assert same(train(model, examples, QUICK, job=job), whole)


def test_each_step_after_a_break_has_the_same_gradients_in_the_same_order(model, examples, job, monkeypatch):
    """In another order, the last bits of their common norm are others."""
    settings = replace(QUICK, steps=4)
    norms: list[list[float]] = []
    clip_grad_norm = torch.nn.utils.clip_grad_norm_

    def clipped(parameters, greatest):
        kept = list(parameters)
        norms.append([float(parameter.grad.norm()) for parameter in kept])
        return clip_grad_norm(kept, greatest)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clipped)
    train(model, examples, settings)
    for _ in range(settings.steps - 1):
        with pytest.raises(KeyboardInterrupt):
            train(model, examples, settings, job=job, on_step=stop)
    train(model, examples, settings, job=job)
    assert len(norms) == 2 * settings.steps
    assert norms[: settings.steps] == norms[settings.steps :]


def test_nothing_else_changes(model, examples):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    with torch.inference_mode():  # as ComfyUI runs nodes
        train(model, examples, replace(QUICK, steps=2))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_it_ends_when_nothing_more_is_learnt(model, examples):
    state = train(model, examples, replace(QUICK, steps=200, learning_rate=0.3))
    assert state.step < 200
    points = [point.step for point in state.history]
    assert len(points) - 1 - points.index(state.best_point.step) == PATIENCE
    assert "ended after" in summary(adapter_of(state, replace(QUICK, steps=200), base="", source=""))


def test_a_loss_that_is_no_number_is_an_error(files, vocabulary, examples):
    broken = load_model(files.model, vocabulary)
    broken.proj_out.bias.fill_(float("nan"))
    with pytest.raises(F5Error, match="Lower the learning rate"):
        train(broken, examples, replace(QUICK, steps=2))


@pytest.mark.parametrize("steps", [1, 2, 5, 300])
def test_the_learning_rate_rises_and_falls_within_few_steps(steps):
    settings = Settings(steps=steps, learning_rate=1.0)
    rates = [settings.rate_at(step) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)
    assert max(rates) == pytest.approx(1.0)
    if steps == 300:
        assert rates[0] < 0.05
        assert rates[-1] < 0.01
        assert rates.index(max(rates)) in (29, 30)


def heard(model) -> torch.Tensor:
    x = torch.randn(1, 50, 100, generator=torch.Generator().manual_seed(5))
    text = model.embed_text([torch.arange(20)], [50])
    with torch.no_grad():
        return model(x, x, text, torch.tensor([0.4]), None)


def test_an_adapter_is_the_same_as_changed_weights(files, vocabulary, model, whole):
    weights = adapter_of(whole, QUICK, base="", source="").weights
    merged = load_model(files.model, vocabulary)
    for name, layer in projections(merged).items():
        layer.weight += weights[f"{name}.lora_B.weight"] @ weights[f"{name}.lora_A.weight"]
    assert len(projections(merged)) == 4 * miniature.DEPTH
    plain = heard(model)
    with apply_lora(model, weights):
        training = heard(model)
    assert (training - plain).abs().max() > 1e-2
    assert (training - heard(merged)).abs().max() < 1e-4
    assert torch.equal(heard(model), plain)


def test_an_adapter_leaves_the_model_after_an_error_too(model, whole):
    plain = heard(model)
    with pytest.raises(RuntimeError, match="on purpose"), apply_lora(model, whole.best):
        raise RuntimeError("on purpose")
    assert torch.equal(heard(model), plain)
    with apply_lora(model, init_lora(model, 3, torch.Generator().manual_seed(1))):
        assert torch.equal(heard(model), plain), "one that was never trained does nothing"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda w: {name: value for name, value in w.items() if "blocks.1" not in name}, "other layers"),
        (lambda w: {name: value[:, :-1] for name, value in w.items()}, "another size"),
    ],
)
def test_an_adapter_of_another_model_is_refused(model, whole, change, why):
    plain = heard(model)
    with pytest.raises(F5Error, match=why), apply_lora(model, change(whole.best)):
        pass
    assert torch.equal(heard(model), plain)


def test_models_are_told_apart_whatever_file_they_came_in(tmp_path, vocabulary, model):
    pickled = load_model(miniature.write_model(tmp_path / "a", "pt"), vocabulary)
    other = load_model(miniature.write_model(tmp_path / "b", seed=9), vocabulary)
    assert model_hash(model) == model_hash(pickled)
    assert model_hash(model) != model_hash(other)


def test_a_trained_voice_comes_back_as_it_was(spoken, whole, tmp_path):
    from myspinbot.engines.voice.build import build

    plain = build(spoken[0], 24000, spoken[1], name="me", consent=True)
    adapter = adapter_of(whole, QUICK, base="the model", source="the clips")
    trained = replace(plain, adapter=adapter, base_model="mini.safetensors")
    trained.save(tmp_path / "me.safetensors")
    back = load_profile(tmp_path / "me.safetensors")
    assert back.adapter is not None
    assert replace(back.adapter, weights={}) == replace(adapter, weights={})
    assert all(torch.equal(value, back.adapter.weights[name]) for name, value in adapter.weights.items())
    assert back.same_as(trained)
    assert not back.same_as(plain)
    assert not back.same_as(replace(trained, adapter=replace(adapter, source="other clips")))


def test_the_store_is_a_folder_of_whole_files(model, examples, job):
    train(model, examples, replace(QUICK, steps=2), job=job)
    assert {path.name for path in Path(job.folder).iterdir()} == {"job.json", FILE}


def test_a_full_disk_ends_a_training_with_our_words_and_it_goes_on(model, examples, whole, small_disk):
    job = Store(small_disk / "work", 10**9).job("train-voice", {"a": 1}, "A voice")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes((2 << 20) - (16 << 10)))
    with pytest.raises(OSError, match=r"The disk is full: there is no room .*myspinbot work clear") as caught:
        train(model, examples, QUICK, job=job)
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in job.folder.iterdir()] == ["job.json"]
    ballast.unlink()
    assert same(train(model, examples, QUICK, job=job), whole)
