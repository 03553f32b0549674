"""Model folders: ours must be those that ComfyUI itself finds, asked in ComfyUI's own code."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from myspinbot_manage.models.places import Places, places
from myspinbot_runner.errors import BadInput, ServerUnreachable
from myspinbot_runner.locate import Installation, find_installation
from myspinbot_shared.manifest import Manifest
from tests.conftest import missing
from tests.manage.conftest import make_model
from tests.manage.host import safetensors

ASK = """
import json, sys
sys.argv = [sys.argv[0], *json.loads(sys.argv[1])]
import comfy.options
comfy.options.enable_args_parsing()
import folder_paths, itertools
from comfy.cli_args import args
from utils.extra_config import load_extra_path_config
for path in itertools.chain(*(args.extra_model_paths_config or [])):
    load_extra_path_config(path)
print(json.dumps({kind: paths for kind, (paths, _) in folder_paths.folder_names_and_paths.items()}))
"""


@pytest.fixture(scope="module")
def installation() -> Installation:
    try:
        return find_installation()
    except ServerUnreachable as error:
        missing(str(error))
        raise


def comfyui_says(installation: Installation, *args: str) -> dict[str, list[str]]:
    command = [str(installation.python), "-c", ASK, json.dumps(["--cpu", *args])]
    done = subprocess.run(command, cwd=installation.comfyui, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


EXTRA = """\
first:
  base_path: {base}/other
  loras: models/loras
  unet: models/unet
  clip: |
    models/clip
    models/more
  TTS: speech
empty:
second:
  base_path: below
  is_default: true
  vae: vae
  loras: models/../loras
third:
  vae: |
    a
    b
  is_default: yes
fourth:
  checkpoints: {base}/absolute
  diffusion_models: $MODELS_TEST/here
"""


@pytest.mark.parametrize("way", ["base directory", "models directory", "neither"])
def test_the_folders_are_comfyuis_own(
    tmp_path: Path, installation: Installation, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELS_TEST", str(tmp_path / "env"))
    settings = tmp_path / "settings" / "mine.yaml"
    settings.parent.mkdir()
    settings.write_text(EXTRA.format(base=tmp_path), encoding="utf-8")
    args = ["--extra-model-paths-config", str(settings)]
    options: dict[str, Any] = {"extra": [settings]}
    if way == "base directory":
        args += ["--base-directory", str(tmp_path / "base")]
        options["base"] = tmp_path / "base"
        (tmp_path / "base").mkdir()
    if way == "models directory":
        args += ["--models-directory", str(tmp_path / "my models")]
        options["models"] = tmp_path / "my models"
        (tmp_path / "my models").mkdir()
    truth = comfyui_says(installation, *args)
    ours = places(installation.comfyui, **options)
    for kind in ("loras", "vae", "text_encoders", "diffusion_models", "checkpoints", "controlnet", "model_patches"):
        assert [str(path) for path in ours.folders(kind)] == truth[kind], kind
    assert str(ours.folders("TTS")[-1]) == truth["TTS"][0]


def test_every_folder_of_the_manifest_is_known_or_ours(installation: Installation, shipped: Manifest) -> None:
    known = set(comfyui_says(installation))
    ours = {model.folder for model in shipped.models.values()} - known
    assert ours == {"TTS", "wav2lip", "facerestore_models", "facedetection", "whisper", "wav2vec2"}


def test_new_files_go_below_models_or_where_the_settings_say(tmp_path: Path) -> None:
    model = make_model(b"", folder="diffusion_models", file="sub/m.safetensors")
    plain = Places(tmp_path)
    assert plain.target(model) == tmp_path / "diffusion_models" / "sub" / "m.safetensors"
    plain.extra.append(("diffusion_models", tmp_path / "shared", False))
    assert plain.target(model) == tmp_path / "diffusion_models" / "sub" / "m.safetensors"
    plain.extra.append(("diffusion_models", tmp_path / "fast", True))
    assert plain.target(model) == tmp_path / "fast" / "sub" / "m.safetensors"


def test_files_are_found_in_every_folder(tmp_path: Path) -> None:
    content = safetensors(100)
    model = make_model(content, folder="text_encoders")
    found = Places(tmp_path, [("text_encoders", tmp_path / "elsewhere", False)])
    assert found.find(model) is None
    for folder in ("elsewhere", "clip", "text_encoders"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / model.file).write_bytes(content)
        assert found.find(model) == tmp_path / folder / model.file


def test_a_link_to_nowhere_is_absent(tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "m.safetensors").symlink_to(tmp_path / "gone")
    assert Places(tmp_path).find(make_model(b"x")) is None


def test_a_file_in_the_wrong_subfolder_is_pointed_out(tmp_path: Path) -> None:
    content = safetensors(100)
    path = tmp_path / "vae" / "wan" / "m.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert Places(tmp_path).stray(make_model(content)) == path
    path.write_bytes(content + b"x")
    assert Places(tmp_path).stray(make_model(content)) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "line 2: is not YAML"),
        ("- a", "must hold groups"),
        ("group: text", "'group' must be a group"),
        ("\0", "is not YAML"),
    ],
)
def test_broken_settings_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "extra.yaml"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        places(None, models=tmp_path, extra=[path])
    with pytest.raises(BadInput, match="can't be read"):
        places(None, models=tmp_path, extra=[tmp_path / "none.yaml"])
