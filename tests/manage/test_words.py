"""The nodes and the runner say the same of each model, and know the same models in a workflow."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from myspinbot_manage.models import words
from myspinbot_manage.models.manifest import Manifest
from myspinbot_manage.models.uses import find, models_of_graph, provenance
from tests.manage.conftest import make_model

ROOT = Path(__file__).parents[2]
NODES = ROOT / "custom_nodes" / "myspinbot" / "nodes"


def load_file(path: Path, name: str) -> ModuleType:
    """A module of the pack by itself: the pack's own `__init__` needs ComfyUI."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def nodes_missing() -> ModuleType:
    return load_file(NODES / "missing.py", "alone.missing")


@pytest.fixture(scope="module")
def nodes_credits(nodes_missing: ModuleType) -> ModuleType:
    sys.modules["alone"] = ModuleType("alone")
    return load_file(NODES / "credits.py", "alone.credits")


def test_the_same_words_for_every_model(shipped: Manifest, nodes_missing: ModuleType) -> None:
    assert set(nodes_missing.manifest()["models"]) == set(shipped.models)
    for key, model in shipped.models.items():
        assert nodes_missing.missing(key) == words.missing(shipped, model)
        assert nodes_missing.not_open(key) == ("" if model.open else words.not_open(shipped, model))


def test_the_words_say_all_that_is_needed(shipped: Manifest) -> None:
    assert words.missing(shipped, shipped.models["wan-vae"]) == (
        "Wan's VAE is missing: wan_2.1_vae.safetensors (253.8 MB, licence Apache-2.0). Fetch it with "
        "`myspinbot models get wan-vae`, or put it into ComfyUI's models/vae."
    )
    assert words.missing(shipped, shipped.models["f5-v1-base-vocab"]) == (
        "F5-TTS v1's vocabulary is missing: vocab.txt (size unknown, licence CC-BY-NC-4.0). Fetch it with "
        "`myspinbot models get f5-v1-base-vocab --accept-licence CC-BY-NC-4.0`, "
        "or put it into ComfyUI's models/TTS/F5-TTS/F5TTS_v1_Base."
    )
    by_hand = words.missing(shipped, shipped.models["wav2lip"])
    assert "https://github.com/Rudrabha/Wav2Lip" in by_hand
    assert "myspinbot" not in by_hand


def test_the_runner_finds_the_words_by_the_name_in_a_workflow(shipped: Manifest) -> None:
    assert words.way_to("wan_2.1_vae.safetensors") == words.missing(shipped, shipped.models["wan-vae"])
    assert words.way_to("stranger.safetensors") == ""


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
def test_models_by_the_names_in_workflows(
    name: str, model: str | None, shipped: Manifest, nodes_credits: ModuleType
) -> None:
    found = find(name, shipped)
    assert (found.id if found else None) == model
    graph: dict[str, Any] = {"1": {"class_type": "X", "inputs": {"name": name}}}
    told = nodes_credits.models_of(graph)
    assert [entry["id"] for entry in told] == [used.id for used in models_of_graph(graph, shipped)]
    assert (told[0]["id"] if told else None) == model


def graph(*names: Any) -> dict[str, Any]:
    nodes = {str(i): {"class_type": "Loader", "inputs": {"model": name}} for i, name in enumerate(names)}
    return {**nodes, "ours": {"class_type": "MySpinBotScript", "inputs": {"topic": "x"}}}


def test_both_tell_the_same_of_a_video(shipped: Manifest, nodes_credits: ModuleType) -> None:
    made = graph(
        "wav2lip_gan.pth",
        "wan_2.1_vae.safetensors",
        "wan_2.1_vae.safetensors",
        ["0", 0],
        5,
        None,
        {"a": ["ae.safetensors"]},
    )
    told = provenance(made, shipped)
    assert told == {"models": nodes_credits.models_of(made)}
    assert [entry["id"] for entry in told["models"]] == ["wav2lip-gan", "wan-vae", "flux-vae"]
    assert told["models"][0]["reason"].startswith("For research")
    assert "reason" not in told["models"][1]
    assert provenance(graph(), shipped) is None


def test_needed_files_are_told_too(shipped: Manifest) -> None:
    used = models_of_graph(graph("F5-TTS/F5TTS_v1_Base/model_1250000.safetensors"), shipped)
    assert [model.id for model in used] == ["f5-v1-base", "f5-v1-base-vocab", "vocos", "vocos-config"]


def test_only_jobs_of_ours_are_touched(nodes_credits: ModuleType) -> None:
    foreign = {"prompt": {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "ae.safetensors"}}}}
    assert nodes_credits.add_provenance(foreign) is foreign
    assert "extra_data" not in foreign
    ours = nodes_credits.add_provenance(
        {"prompt": graph("ae.safetensors"), "extra_data": {"extra_pnginfo": {"workflow": 1}}}
    )
    assert ours["extra_data"]["extra_pnginfo"]["workflow"] == 1
    assert ours["extra_data"]["extra_pnginfo"]["models"][0]["id"] == "flux-vae"
    for odd in ({}, {"prompt": None}, {"prompt": {"1": None}}, {"prompt": graph("ae.safetensors"), "extra_data": None}):
        nodes_credits.add_provenance(odd)


@pytest.mark.parametrize("way", ["the repository linked", "the pack linked", "the pack copied with the manifest"])
def test_the_nodes_find_the_manifest_however_they_are_installed(tmp_path: Path, way: str) -> None:
    target = tmp_path / "custom_nodes" / "anything"
    target.parent.mkdir()
    pack = ROOT / "custom_nodes" / "myspinbot"
    if way == "the repository linked":
        target.symlink_to(ROOT, target_is_directory=True)
        file = target / "custom_nodes" / "myspinbot" / "nodes" / "missing.py"
    elif way == "the pack linked":
        target.symlink_to(pack, target_is_directory=True)
        file = target / "nodes" / "missing.py"
    else:
        shutil.copytree(pack / "nodes", target / "nodes")
        shutil.copy(ROOT / "models.yaml", target)
        file = target / "nodes" / "missing.py"
    module = load_file(file, f"installed.{way.replace(' ', '_')}")
    assert "wan-vae" in module.manifest()["models"]


def test_a_pack_copied_without_the_manifest_says_so(tmp_path: Path) -> None:
    shutil.copytree(NODES, tmp_path / "pack" / "nodes")
    module = load_file(tmp_path / "pack" / "nodes" / "missing.py", "installed.without")
    with pytest.raises(FileNotFoundError, match=r"models\.yaml is missing; copy it"):
        module.manifest()


def test_neither_side_imports_the_other() -> None:
    for folder, foreign in ((ROOT / "custom_nodes", "runner"), (ROOT / "runner", "myspinbot")):
        for path in folder.rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                first = line.split()[:2]
                assert first not in (["import", foreign], ["from", foreign]), path
                assert not (first[:1] == ["from"] and first[1].startswith(f"{foreign}.")), path


def test_a_missing_model_is_the_same_error_in_a_node(tmp_path: Path, shipped: Manifest) -> None:
    from myspinbot_runner.locate import find_installation

    installation = find_installation()
    path = NODES / "missing.py"
    code = (
        "import sys; sys.argv = ['x', '--cpu', '--base-directory', sys.argv[2]]\n"
        f"sys.path.insert(0, {str(installation.comfyui)!r})\n"
        "import comfy.options; comfy.options.enable_args_parsing()\n"
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('m', {str(path)!r})\n"
        "m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)\n"
        "for key in ('wan-vae', 'vocos'):\n"
        "    try: print(m.find_model(key))\n"
        "    except m.MissingModelError as error: print(error)\n"
    )
    vocos = tmp_path / "models" / "TTS" / "F5-TTS" / "vocos" / "pytorch_model.bin"
    vocos.parent.mkdir(parents=True)
    vocos.write_bytes(b"x")
    done = subprocess.run(
        [str(installation.python), "-c", code, "-", str(tmp_path)],
        cwd=installation.comfyui,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.splitlines()[-2:] == [words.missing(shipped, shipped.models["wan-vae"]), str(vocos)]


def test_a_model_made_for_a_test_has_words_too(shipped: Manifest) -> None:
    assert "`myspinbot models get m`" in words.missing(shipped, make_model(None, "https://x/y"))
