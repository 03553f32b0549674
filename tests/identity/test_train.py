"""Training on a real server, with a Stable Diffusion 1.5 in miniature."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file

from myspinbot_runner import Client
from myspinbot_runner.errors import RunnerError
from tests.runner.helpers import held_after, tag

from . import graphs, portraits


def texts(result) -> list[str]:
    return [text for found in result.texts.values() for text in found]


def lora_file(server, name: str) -> Path:
    return Path(server.base_directory) / "models" / "loras" / "myspinbot" / f"{name}.safetensors"


def facts(path: Path) -> dict:
    with safe_open(path, "np") as file:
        return json.loads(file.metadata()["myspinbot-identity"]) | {"header": file.metadata()}


def drawn(server, work: dict, out: Path) -> np.ndarray:
    job = Client(server.url).submit(work)
    job.result()
    (path,) = job.save(out)
    return np.asarray(Image.open(path).convert("RGB"), np.int16)


def failure(server, work: dict) -> str:
    with pytest.raises(RunnerError) as caught:
        Client(server.url).submit(work).result()
    return str(caught.value)


def stages_trained(log: str) -> int:
    return log.count("Gradient checkpointing: patching")


@pytest.mark.slow
def test_a_training_lowers_the_loss_and_its_lora_changes_the_picture(server, sd15, pictures, tmp_path):
    name = f"anna {tag()}"
    folder = pictures(8)
    work = graphs.train(sd15, folder, name, steps=8, sample_every=4, learning_rate=1e-2)
    job = Client(server.url).submit(work)
    result = job.result()
    saved = sorted(job.save(tmp_path))
    plot, *samples = saved
    assert plot.name.startswith("plot")
    assert [path.name[:7] for path in samples] == ["samples"] * 3
    report = next(text for text in texts(result) if "pictures that it learned" in text)
    before, after = map(float, re.search(r"learned: ([\d.]+) before, ([\d.]+) after", report).groups())
    assert after < 0.99 * before
    assert "1 to measure" in report
    lora_name = next(text for text in texts(result) if text.endswith(".safetensors"))
    assert Path(lora_name) == Path("myspinbot", f"{name}.safetensors")
    assert graphs.TRIGGER in texts(result)

    known = facts(lora_file(server, name))
    assert (known["trigger"], known["base_model"], known["family"]) == (graphs.TRIGGER, sd15, "SD 1.5")
    assert (known["steps"], known["rank"], len(known["images"])) == (8, 4, 8)
    assert known["consent"].startswith("The person who trained this identity stated")
    assert known["header"]["modelspec.trigger_phrase"] == graphs.TRIGGER
    tags = {f"a photo of {graphs.TRIGGER}": 7}
    assert json.loads(known["header"]["ss_tag_frequency"]) == {name: tags}, (
        "what was learned, without what was held out"
    )
    layers = {key.partition(".") for key in load_file(lora_file(server, name))}
    assert {layer[:10] for layer, *_ in layers} == {"lora_unet_"}
    assert {end for *_, end in layers} == {"lora_up.weight", "lora_down.weight", "alpha"}, "as other programs read it"
    assert known["loss"] == pytest.approx(after, abs=1e-4)
    assert known["held_out_loss"] > 0

    prompt = f"a portrait of {graphs.TRIGGER}"
    without = drawn(server, graphs.portrait(sd15, None, prompt, f"{name}/without"), tmp_path / "a")
    with_it = drawn(server, graphs.portrait(sd15, lora_name, prompt, f"{name}/with"), tmp_path / "b")
    assert np.abs(with_it - without).mean() > 1

    log = len(Path(server.log).read_text())
    Client(server.url).submit(graphs.fresh(work)).result()
    assert stages_trained(Path(server.log).read_text()[log:]) == 0, "what is there isn't trained again"
    assert "never replaced" in failure(server, graphs.changed(work, seed=2))

    adapted = graphs.changed(work, model=["8", 0], drawing_model=["1", 0], name=f"{name} 2", steps=1, sample_every=0)
    adapted["8"] = graphs.node("LoraLoaderModelOnly", model=["1", 0], lora_name=lora_name, strength_model=1.0)
    adapted["3"]["inputs"]["filename_prefix"] = f"{name}/adapted"
    second = Client(server.url).submit(adapted)
    second.result()
    untrained = next(path for path in sorted(second.save(tmp_path / "c")) if path.name.startswith("adapted"))
    assert Image.open(untrained).tobytes() == Image.open(samples[0]).tobytes(), "the adapter isn't drawn with"


@pytest.mark.slow
def test_a_killed_training_goes_on_and_gives_what_an_unbroken_one_gives(server, sd15, private_server, tmp_path):
    folder, name = f"person-{tag()}", f"ben {tag()}"
    portraits.write(Path(server.base_directory) / "input" / folder, 5)
    work = graphs.train(sd15, folder, name, steps=6, sample_every=2)
    Client(server.url).submit(work).result()
    whole = load_file(lora_file(server, name))

    own = private_server()
    base = Path(own.base_directory)
    portraits.write(base / "input" / folder, 5)
    checkpoint = base / "models" / "checkpoints" / sd15
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(server.base_directory) / "models" / "checkpoints" / sd15, checkpoint)
    kept = base / "user" / "myspinbot" / "work"
    with held_after(1, "identity-*/stage-*.safetensors", base) as stopped:
        Client(own.url).submit(work)
        stopped()
        own.stop(grace=0)
    assert [path.name for path in kept.glob("identity-*/stage-*.safetensors")] == ["stage-001.safetensors"]
    first = stages_trained(Path(own.log).read_text())

    own.start()
    Client(own.url).submit(work).result()
    second = stages_trained(Path(own.log).read_text()) - (
        first if Path(own.log).read_text().count("Starting server") > 1 else 0
    )
    assert second <= 2, "the first stage isn't trained again"
    resumed = load_file(lora_file(own, name))
    assert set(resumed) == set(whole)
    assert all(np.array_equal(resumed[key], whole[key]) for key in whole)
    assert not [path for path in (base / "models" / "loras").rglob("*") if "unfinished" in path.name]
