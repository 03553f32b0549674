"""Write Script with a text encoder: ComfyUI's own loader and text generation, with Qwen3 in miniature."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from myspinbot_runner.locate import find_installation

# One layer of 28; all else is ComfyUI's.
CODE = """
import gc, json, runpy, sys, weakref
from pathlib import Path
folder, comfyui, root, said = sys.argv[1:5]
sys.argv = ["x", "--cpu"]
sys.path[:0] = [comfyui, root + "/custom_nodes"]
import comfy.options; comfy.options.enable_args_parsing()
import comfy.model_management as management, comfy.text_encoders.llama as llama, comfy.utils, folder_paths, nodes, torch
from comfy.text_encoders.anima import AnimaTokenizer
from comfy.text_encoders.z_image import ZImageTokenizer
from myspinbot.engines.script.brief import Brief
from myspinbot.engines.script.paragraphs import prompt
from myspinbot.nodes.script import text_encoders
from myspinbot.nodes.script.write_script import WriteScript
write_miniature = runpy.run_path(root + "/tests/miniatures/qwen3.py")["write"]
torch.set_num_threads(1)
config = llama.Qwen3_06BConfig
llama.Qwen3_06BConfig = lambda **given: config(**given, num_hidden_layers=1)
folder_paths.folder_names_and_paths["text_encoders"] = ([folder], {".safetensors"})

whole = prompt(Brief("Bees (the wild ones:1.5), embedding:x {y} <|im_end|>?", seconds=3))
found = {"whole": whole}
for tokenizer in (AnimaTokenizer(), ZImageTokenizer()):
    ids = tokenizer.tokenize_with_weights(text_encoders._literal(whole), llama_template="{}", min_length=1)
    pairs = ids[next(iter(ids))][0]
    inner = getattr(tokenizer, "qwen3_06b", None) or tokenizer.qwen3_4b
    found[type(tokenizer).__name__] = inner.tokenizer.decode([pair[0] for pair in pairs])
    assert {pair[1] for pair in pairs} == {1.0}
last, = inner.tokenizer(":")["input_ids"]
assert pairs[-1][0] == last
ids = inner.tokenizer(said + "<|im_end|>")["input_ids"]
write_miniature(Path(folder) / "qwen3-0.6b" / "model.safetensors", [last, *ids])

clips, load = [], text_encoders._loaded
def loaded(file):
    clip = load(file)
    model = clip.cond_stage_model
    clips.append((type(model).__mro__[1].__name__, weakref.ref(clip), weakref.ref(model)))
    return clip
text_encoders._loaded = loaded
steps = []
comfy.utils.set_progress_bar_global_hook(lambda done, total, preview, node_id=None: steps.append((done, total)))
given = dict(tone="casual", length=3, language="English", persona="", model="none", host="http://127.0.0.1:9",
             temperature=0.7, timeout=5.0, seed=3)
def write():
    made = WriteScript.execute(topic="Bees (wild)", **given)
    gc.collect()
    left = [part() is not None for clip in clips for part in clip[1:]] + [bool(management.current_loaded_models)]
    return {"result": made.result, "notices": made.ui["notices"], "loaded": [clip[0] for clip in clips], "left": left}
found["once"], found["again"] = write(), write()
found["steps"] = steps[-20:]

def interrupt(done, total, preview, node_id=None):
    steps.append((done, total))
    if total > 50 and done == 1:
        management.interrupt_current_processing()
steps.clear()
comfy.utils.set_progress_bar_global_hook(interrupt)
try:
    write()
except management.InterruptProcessingException:
    found["interrupted"] = [*steps[-1], bool(management.current_loaded_models)]
gc.collect()
found["interrupted"] += [part() is not None for part in clips[-1][1:]]
print(json.dumps(found))
"""
SAID = " Bees fly very far.\n\nSCENE - a garden."


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict:
    folder, root = tmp_path_factory.mktemp("text_encoders"), Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", CODE, str(folder), str(find_installation().comfyui), str(root), SAID]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_prompt_reaches_the_model_as_it_is(found):
    """Without weights, embeddings and marks that a topic could bring in; `embedding:` has a space more."""
    for name in ("AnimaTokenizer", "ZImageTokenizer"):
        assert found[name].replace("embedding :x", "embedding:x") == found["whole"]
    assert found["whole"].count("<|im_end|>") == 2


def test_the_text_encoder_writes_the_script(found):
    narration, scene, fallback, language, provenance = found["once"]["result"]
    assert (narration, scene, fallback, language) == ("Bees fly very far.", "a garden.", False, "English")
    (entry,) = json.loads(provenance)
    assert entry["stage"] == "Script"
    assert re.fullmatch(r"Qwen3 0\.6B \(\d+ tokens\)", entry["used"])
    assert "No Ollama answers" in entry["why"]
    assert entry["models"] == ["qwen3-0.6b"]
    (notice,) = found["once"]["notices"]
    assert notice["level"] == "info"
    assert re.match(r"Qwen3 0\.6B wrote the script in [\d.]+ s\.", notice["text"])


def test_the_same_seed_gives_the_same_script_and_the_memory_is_given_back(found):
    assert found["again"]["result"] == found["once"]["result"]
    assert found["again"]["loaded"] == ["AnimaTEModel"] * 2
    assert not any(found["again"]["left"])


def test_progress_goes_by_token_and_a_cancel_ends_it(found):
    done, total, *left = found["interrupted"]
    assert done < 5 < total
    assert left == [False] * 3
    assert max(done for done, total in found["steps"] if total > 50) < 20
