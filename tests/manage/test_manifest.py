"""The manifest's rules: every mistake is named by its line and field; the shipped file keeps them."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myspinbot_manage.models.manifest import BadManifest, chosen, find_manifest, load
from myspinbot_runner.errors import BadInput, RunnerError
from myspinbot_shared.manifest import (
    PATH,
    SCHEMA,
    LanguageModel,
    Manifest,
    ManifestError,
    Model,
    ModelSet,
    Package,
    UnknownModelError,
    read,
)
from tests.model_properties import disagreements, property_of

ROOT = Path(__file__).parents[2]
GOOD = """\
version: 1
stages: {voice: Voice}
sets: {open: {about: Open., vram_gb: 0, ram_gb: 4}}
language_models: {}
models:
  a:
    role: The model
    stage: voice
    folder: vae
    file: a.safetensors
    format: safetensors
    urls: [https://example.org/a]
    bytes: 5
    sha256: null
    licence: MIT
    open: true
    sets: [open]
"""
HASH = "0" * 63


def test_the_good_one_is_good() -> None:
    assert read(GOOD).models["a"].bytes == 5


def test_the_schema_and_the_classes_have_the_same_fields() -> None:
    parts = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    for name, kind, key in (
        ("model", Model, "id"),
        ("set", ModelSet, "name"),
        ("language_model", LanguageModel, "name"),
        ("package", Package, "id"),
    ):
        fields = {field.name: field.default is dataclasses.MISSING for field in dataclasses.fields(kind)}
        assert fields.pop(key)
        assert set(parts[name]["properties"]) == set(fields)
        assert set(parts[name]["required"]) == {field for field, required in fields.items() if required}


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("bytes: 5", "bytes: many", 13, "models.a.bytes must be a whole number or null, not 'many'"),
        ("bytes: 5", "bytes: -5", 13, "models.a.bytes must be a whole number or null, not '-5'"),
        ("bytes: 5", "bytes: 5.5", 13, "models.a.bytes must be a whole number"),
        ("bytes: 5", "bytes: true", 13, "models.a.bytes must be a whole number"),
        ("bytes: 5", "bytes: [5]", 13, "models.a.bytes must be a whole number or null, not a list"),
        ("    bytes: 5\n", "", 6, "models.a.bytes is missing"),
        ("sha256: null", f"sha256: {HASH}", 14, "models.a.sha256 must be 64 hexadecimal digits"),
        ("sha256: null", f"sha256: {'A' * 64}", 14, "models.a.sha256 must be 64 hexadecimal digits in lower case"),
        ("sha256: null", "sha256: '?'", 14, "models.a.sha256 must be"),
        ("open: true", "open: perhaps", 16, "models.a.open must be true or false"),
        ("open: true", "open: false", 6, "models.a.reason must say why the licence isn't open"),
        ("open: true", "open: false\n    reason: Because.", 18, "models.a.sets can't hold `open`"),
        ("open: true", "open: true\n    reason: Because.", 17, "models.a.reason must say why"),
        ("sets: [open]", "sets: [fast]", 17, "models.a.sets names 'fast', which isn't a set"),
        ("sets: [open]", "sets: [open, open]", 17, "models.a.sets names something twice"),
        ("sets: [open]", "sets: open", 17, "models.a.sets must be a list, not 'open'"),
        ("sets: [open]", "sets: [{}]", 17, "models.a.sets must hold texts only, not a mapping"),
        ("sets: [open]", "sets: [open]\n    color: red", 18, "models.a.color is not a known field"),
        ("sets: [open]", "sets: [open]\n    bytes: 6", 18, "models.a.bytes is given twice"),
        ("sets: [open]", "sets: [open]\n    needs: [b]", 18, "models.a.needs names 'b', which isn't a model"),
        ("file: a.safetensors", "file: ../a.safetensors", 10, "models.a.file must be a relative path"),
        ("file: a.safetensors", "file: 'a\\b'", 10, "models.a.file must be a relative path"),
        ("file: a.safetensors", "file: /a", 10, "models.a.file must be a relative path"),
        ("file: a.safetensors", "file: ''", 10, "models.a.file must be text"),
        ("format: safetensors", "format: gguf", 11, "models.a.format must be one of"),
        ("stage: voice", "stage: song", 8, "models.a.stage must be one of voice"),
        ("urls: [https://example.org/a]", "urls: [file:///etc/passwd]", 12, "models.a.urls must hold web addresses"),
        ("urls: [https://example.org/a]", "urls: []", 12, "models.a.urls is empty, so `page`"),
        ("sets: [open]", "sets: &x [open]\n    needs: *x", 18, "models.a.needs refers to another part"),
        ("bytes: 5", "bytes: 5.0", 13, "models.a.bytes must be a whole number"),
        ("role: The model", "role: 2020-13-45", 7, "models.a.role must be text, not '2020-13-45'"),
        ("sets: [open]", "sets: [open]\n    pieces: [p x.bin]", 18, "models.a.pieces names 'p', which isn't a package"),
        ("sets: [open]", "sets: [open]\n    pieces: [p]", 18, "models.a.pieces must hold packages with a path in each"),
        ("sets: [open]", "sets: [open]\n    pieces: [p x.bin]", 18, "models.a.pieces can't be checked: the hash"),
        (
            "version: 1",
            "version: 1\npackages: {p: {registry: disk}}",
            2,
            "packages.p.registry must be one of pypi, npm",
        ),
        (
            "version: 1",
            "version: 1\npackages: {p: {registry: pypi, wheel: linux}}",
            2,
            "packages.p.wheel must be a wheel's tag",
        ),
        ("version: 1", "version: 2", 1, "version must be 1"),
        ("language_models: {}", "language_models: []", 4, "language_models must be a mapping"),
        ("  a:\n", "  a:\n  - x\n", 0, "is not YAML"),
        ("  a:\n", "  A!:\n", 6, "models.A!.id must be lower-case"),
        ("  a:\n", "  open:\n", 6, "models.open is the name of a set too"),
    ],
)
def test_a_mistake_is_named_by_line_and_field(old: str, new: str, line: int, said: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(ManifestError) as caught:
        read(GOOD.replace(old, new))
    assert said in str(caught.value)
    if line:
        assert f"models.yaml, line {line}: {said}" in str(caught.value)


def test_all_mistakes_are_named_at_once() -> None:
    text = (
        GOOD.replace("version: 1", "version: one").replace("bytes: 5", "bytes: many").replace("open: true", "open: 7")
    )
    with pytest.raises(ManifestError) as caught:
        read(text)
    assert [line.split(" must ")[0] for line in str(caught.value).splitlines()] == [
        "models.yaml, line 1: version",
        "models.yaml, line 13: models.a.bytes",
        "models.yaml, line 16: models.a.open",
    ]


def test_two_models_in_one_place_are_refused() -> None:
    block = GOOD[GOOD.index("  a:\n") :]
    with pytest.raises(ManifestError, match="the same as that of a"):
        read(GOOD + block.replace("  a:\n", "  b:\n").replace("a.safetensors", "A.safetensors"))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), st.sampled_from(GOOD.split("\n")).map(lambda line: GOOD.replace(line, "", 1))))
def test_no_text_gives_a_traceback(text: str) -> None:
    try:
        read(text)
    except ManifestError as error:
        assert str(error)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD)), st.sampled_from(list(":[]{}#'\"\n- &*!|>%@`\t\0é")))
def test_no_slip_of_a_key_gives_a_traceback(index: int, char: str) -> None:
    try:
        read(GOOD[:index] + char + GOOD[index:])
    except ManifestError as error:
        assert str(error)


def test_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_manifest() == PATH
    monkeypatch.setenv("MYSPINBOT_MODELS", str(tmp_path / "mine.yaml"))
    assert find_manifest() == tmp_path / "mine.yaml"
    with pytest.raises(BadInput, match=r"mine\.yaml can't be read"):
        load()
    (tmp_path / "mine.yaml").write_text(GOOD.replace("version: 1", "version: one"))
    with pytest.raises(BadManifest, match="line 1: version must be 1"):
        load()


def test_names_stand_for_ids_sets_and_files(shipped: Manifest) -> None:
    assert [model.id for model in shipped.choose(["wan-vae"])] == ["wan-vae"]
    assert [model.id for model in shipped.choose(["wan_2.1_vae.safetensors"])] == ["wan-vae"]
    assert [model.id for model in shipped.choose(["vocos", "vocos"])] == ["vocos", "vocos-config"]
    assert shipped.choose(["draft"]) == []
    assert [model.id for model in shipped.named(["vocos"])] == ["vocos"]
    with pytest.raises(BadInput, match=r"'vae'.* no model .*wan-vae"):
        chosen(shipped, ["vae"])
    with pytest.raises(BadInput, match="The sets are draft, low-vram, speed, quality, open, voices"):
        chosen(shipped, ["xxxxxxxx"], with_needs=False)
    with pytest.raises(UnknownModelError):
        shipped.choose(["config.yaml"])  # several have it


def test_the_shipped_sets(shipped: Manifest) -> None:
    assert list(shipped.sets) == ["draft", "low-vram", "speed", "quality", "open", "voices"]
    assert shipped.in_set("draft") == []
    for name in shipped.sets:
        chosen = shipped.in_set(name)
        assert all(model.open for model in chosen), name
        # A set is complete: it brings what its files need.
        assert {model.id for model in shipped.choose([name])} == {model.id for model in chosen}
    stages = {model.stage for model in shipped.in_set("open")}
    assert stages == {"faces", "portrait", "voice", "talking-head", "upscale"}


def test_the_shipped_addresses_are_safe(shipped: Manifest) -> None:
    for model in shipped.models.values():
        for url in model.urls:
            assert url.startswith("https://")
            assert url.partition("?")[0].rsplit("/", 1)[-1] == model.name, (
                "the address and the file have different names"
            )
        assert model.format == ("safetensors" if model.name.endswith(".safetensors") else model.format)
        assert model.open or "--accept" not in model.reason


def test_licences_are_told_consistently(shipped: Manifest) -> None:
    openness: dict[str, bool] = {}
    for model in shipped.models.values():
        assert openness.setdefault(model.licence, model.open) == model.open, model.licence
    assert {name for name, is_open in openness.items() if is_open} == {"Apache-2.0", "MIT", "BSD-3-Clause"}


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.json")), ids=lambda path: path.name)
def test_the_shipped_workflows_agree_with_the_manifest(path: Path, shipped: Manifest) -> None:
    from myspinbot_runner.workflow import Workflow

    assert disagreements(Workflow.load(path).content, shipped) == []


def test_disagreements_are_found(shipped: Manifest) -> None:
    vae = shipped.models["wan-vae"]
    good = {"id": 1, "type": "VAELoader", "widgets_values": [vae.name], "properties": {"models": [property_of(vae)]}}
    assert disagreements({"nodes": [good]}, shipped) == []
    inner = {"nodes": [], "definitions": {"subgraphs": [{"nodes": [{**good, "properties": {}}]}]}}
    assert "lacks" in disagreements(inner, shipped)[0]
    wrong_url = {**good, "properties": {"models": [{**property_of(vae), "url": "https://example.org/x"}]}}
    assert "has the url" in disagreements({"nodes": [wrong_url]}, shipped)[0]
    wrong_folder = {**good, "properties": {"models": [{**property_of(vae), "directory": "loras"}]}}
    assert "has the directory" in disagreements({"nodes": [wrong_folder]}, shipped)[0]
    foreign = {**good, "widgets_values": ["foreign.safetensors"], "properties": {}}
    assert "isn't in the manifest" in disagreements({"nodes": [foreign]}, shipped)[0]
    unused = {**good, "widgets_values": []}
    assert "no widget uses" in disagreements({"nodes": [unused]}, shipped)[0]


def test_the_errors_are_the_runners_own() -> None:
    assert issubclass(BadManifest, RunnerError)


def test_the_readme_says_the_sizes_that_the_manifest_has(shipped: Manifest) -> None:
    """Of each pipeline with a command of its own: the gigabytes that are known, and whether some aren't."""
    pattern = r"^\| `(\w+)\.app\.json` \|[^|]*\|[^|]*\|[^|]*\| ([^|]*) \|[^|]*\| `([a-z0-9 -]+?)(?: --[^`]*)?`"
    rows = re.findall(pattern, (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) >= 7
    for name, disk, ids in rows:
        sizes = [model.bytes for model in shipped.choose(ids.split())]
        known = sum(size or 0 for size in sizes) / 1e9
        if disk == "the same":
            continue
        assert ("not known" in disk) is (None in sizes), name
        assert re.findall(r"([\d.]+) GB", disk) == ([f"{known:.1f}"] if known >= 0.05 else []), name
