"""What is said of each model where it is missing, where its licence isn't open, and of a video that it made."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from myspinbot.comfyui.provenance import add_provenance
from myspinbot_manage.hooks import GENERAL, how_to_get
from myspinbot_runner.locate import find_installation
from myspinbot_shared.manifest import Manifest, Model, command_for, load
from myspinbot_shared.provenance import models_of, names_models, record, sidecar

ROOT = Path(__file__).parents[2]
PACK = ROOT / "custom_nodes" / "myspinbot"


@pytest.fixture(scope="module")
def shipped() -> Manifest:
    return load()


def graph(*names: Any) -> dict[str, Any]:
    nodes = {str(i): {"class_type": "Loader", "inputs": {"model": name}} for i, name in enumerate(names)}
    return {**nodes, "ours": {"class_type": "MySpinBotScript", "inputs": {"topic": "x"}}}


def test_the_words_say_all_that_is_needed(shipped: Manifest) -> None:
    assert shipped.models["wan-vae"].missing == (
        "Wan's VAE is missing: wan_2.1_vae.safetensors (253.8 MB, licence Apache-2.0). Fetch it with "
        "`myspinbot models get wan-vae`, or put it into ComfyUI's models/vae."
    )
    assert shipped.models["f5-v1-base-vocab"].missing == (
        "F5-TTS v1's vocabulary is missing: vocab.txt (size unknown, licence CC-BY-NC-4.0). Fetch it with "
        "`myspinbot models get f5-v1-base-vocab --accept-licence CC-BY-NC-4.0`, "
        "or put it into ComfyUI's models/TTS/F5-TTS/F5TTS_v1_Base."
    )
    by_hand = shipped.models["wav2lip"].missing
    assert "https://github.com/Rudrabha/Wav2Lip" in by_hand
    assert "myspinbot" not in by_hand
    assert shipped.models["codeformer"].not_open == (
        "The weights of CodeFormer are under the licence S-Lab-1.0: Commercial use is not allowed."
    )
    assert all(bool(model.not_open) != model.open for model in shipped.models.values())


def test_one_command_fetches_several(shipped: Manifest) -> None:
    assert command_for(shipped.named(["wan-vae", "codeformer", "f5-v1-base", "f5-v1-base-vocab"])) == (
        "myspinbot models get wan-vae codeformer f5-v1-base f5-v1-base-vocab "
        "--accept-licence S-Lab-1.0 --accept-licence CC-BY-NC-4.0"
    )


def test_the_runner_is_told_by_the_name_in_a_workflow(shipped: Manifest) -> None:
    assert how_to_get("wan_2.1_vae.safetensors") == shipped.models["wan-vae"].missing
    assert how_to_get("stranger.safetensors") == GENERAL


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("wan_2.1_vae.safetensors", "wan-vae"),
        ("sub/folder/wan_2.1_vae.safetensors", "wan-vae"),
        ("sub\\wan_2.1_vae.safetensors", "wan-vae"),
        ("F5-TTS/vocos/config.yaml", "vocos-config"),
        ("F5-TTS\\vocos\\config.yaml", "vocos-config"),
        ("config.yaml", None),
        ("", None),
        (".", None),
        ("/", None),
        ("stranger.safetensors", None),
        ("I load wan_2.1_vae.safetensors", None),
    ],
)
def test_models_by_the_names_in_workflows(name: str, model: str | None, shipped: Manifest) -> None:
    found = shipped.find(name)
    assert (found.id if found else None) == model
    used = models_of({"1": {"class_type": "X", "inputs": {"name": name}}}, shipped)
    assert (used[0].id if used else None) == model


def test_what_is_told_of_a_video(shipped: Manifest) -> None:
    made = graph(
        "wav2lip_gan.pth",
        "wan_2.1_vae.safetensors",
        "wan_2.1_vae.safetensors",
        ["0", 0],
        5,
        None,
        {"a": ["ae.safetensors"]},
    )
    told = sidecar("clip.mp4", made, {}, shipped)
    assert told == {"video": "clip.mp4", "models": [record(model) for model in models_of(made, shipped)]}
    assert [entry["id"] for entry in told["models"]] == ["wav2lip-gan", "wan-vae", "flux-vae"]
    assert told["models"][0]["reason"].startswith("For research")
    assert "reason" not in told["models"][1]
    assert names_models(made)
    assert not names_models(graph())
    assert sidecar("clip.mp4", graph(), {}, shipped) == {}


def test_what_stages_chose_when_they_ran_is_told_too(shipped: Manifest) -> None:
    vae, lips = (record(shipped.models[key]) for key in ("wan-vae", "wav2lip"))
    outputs = {"7": {"provenance": [{"stage": "Speech"}], "models": [vae, lips]}, "8": {"models": 5}, "9": {}}
    told = sidecar("clip.mp4", graph("wan_2.1_vae.safetensors"), outputs, shipped)
    assert told == {"video": "clip.mp4", "provenance": [{"stage": "Speech"}], "models": [vae, lips]}
    assert sidecar("clip.mp4", {}, outputs, None)["models"] == [vae, lips]


def test_what_one_node_repeats_of_another_is_told_once(shipped: Manifest) -> None:
    """Each Write Provenance in a chain gives its predecessor's list again, with its own stage after it."""
    vae, lips = (record(shipped.models[key]) for key in ("wan-vae", "wav2lip"))
    speech, head = {"stage": "Speech"}, {"stage": "Talking head"}
    outputs = {
        "7": {"provenance": [speech], "models": [lips]},
        "8": {"provenance": [speech, head], "models": [lips, vae]},
        "9": {"models": [lips | {"file": "other.pth"}]},
    }
    content = sidecar("clip.mp4", {}, outputs, None)
    assert content == {"video": "clip.mp4", "provenance": [speech, head], "models": [lips, vae]}


def test_needed_files_are_told_too(shipped: Manifest) -> None:
    used = models_of(graph("F5-TTS/F5TTS_v1_Base/model_1250000.safetensors"), shipped)
    assert [model.id for model in used] == ["f5-v1-base", "f5-v1-base-vocab", "vocos", "vocos-config"]


def test_only_jobs_of_ours_are_touched() -> None:
    foreign = {"prompt": {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "ae.safetensors"}}}}
    assert add_provenance(foreign) is foreign
    assert "extra_data" not in foreign
    ours = add_provenance({"prompt": graph("ae.safetensors"), "extra_data": {"extra_pnginfo": {"workflow": 1}}})
    assert ours["extra_data"]["extra_pnginfo"]["workflow"] == 1
    assert ours["extra_data"]["extra_pnginfo"]["models"][0]["id"] == "flux-vae"
    for odd in ({}, {"prompt": None}, {"prompt": {"1": None}}, {"prompt": graph("ae.safetensors"), "extra_data": None}):
        add_provenance(odd)


@pytest.mark.parametrize("way", ["the repository linked", "the pack linked", "the pack copied"])
def test_a_missing_model_is_said_however_the_nodes_are_installed(tmp_path: Path, way: str, shipped: Manifest) -> None:
    target = tmp_path / "custom_nodes" / "anything"
    target.parent.mkdir()
    if way == "the repository linked":
        target.symlink_to(ROOT, target_is_directory=True)
        target = target / "custom_nodes" / "myspinbot"
    elif way == "the pack linked":
        target.symlink_to(PACK, target_is_directory=True)
    else:
        shutil.copytree(PACK, target)
    installation = find_installation()
    code = (
        "import sys, types\n"
        f"sys.path.insert(0, {str(installation.comfyui)!r})\n"
        f"sys.argv = ['x', '--cpu', '--base-directory', {str(tmp_path)!r}]\n"
        "import comfy.options; comfy.options.enable_args_parsing()\n"
        f"pack = types.ModuleType('pack'); pack.__path__ = [{str(target)!r}]; sys.modules['pack'] = pack\n"
        "from pack.comfyui import model_files as m\n"
        "for key in ('wan-vae', 'vocos'):\n"
        "    try: print(m.find_model(key))\n"
        "    except m.MissingModelError as error: print(error)\n"
    )
    vocos = tmp_path / "models" / "TTS" / "F5-TTS" / "vocos" / "pytorch_model.bin"
    vocos.parent.mkdir(parents=True)
    vocos.write_bytes(b"x")
    done = subprocess.run(
        [str(installation.python), "-c", code],
        cwd=installation.comfyui,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.splitlines()[-2:] == [shipped.models["wan-vae"].missing, str(vocos)]


def test_a_model_of_a_users_own_has_words_too() -> None:
    mine = Model("m", "Mine", "voice", "vae", "a/m.pt", "pickle", ("https://x/y",), None, None, "MIT", True, ())
    assert mine.missing == (
        "Mine is missing: m.pt (size unknown, licence MIT). Fetch it with `myspinbot models get m`, "
        "or put it into ComfyUI's models/vae/a."
    )
