"""The manifest `models.yaml`: every weight file, its source, its hash and its licence."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from myspinbot_runner.errors import BadInput

from .reader import Mistakes, Table, parse

NAME = "models.yaml"
FORMATS = ("safetensors", "pickle", "text")
_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
_HASH = re.compile(r"[0-9a-f]{64}")
_BAD_NAME = re.compile(r'[\\:*?"<>|\x00-\x1f]')


class BadManifest(BadInput):
    """`models.yaml` breaks its own rules; the message names each line and field."""

    kind: ClassVar[str] = "bad_manifest"


@dataclass(frozen=True)
class Model:
    """One file.

    Attributes:
        file: Path below the folder, with `/`, as ComfyUI's loaders list it.
        bytes: Size; None where no source gives it.
        sha256: Hash in lower-case hex; None where no source gives it.
        open: Under a licence that OSI approves; `reason` says why not.
        cpu: Of use without a graphics card.
        languages: Codes of those that a speech model speaks.
    """

    id: str
    role: str
    stage: str
    folder: str
    file: str
    format: str
    urls: tuple[str, ...]
    bytes: int | None
    sha256: str | None
    licence: str
    open: bool
    sets: tuple[str, ...]
    reason: str = ""
    needs: tuple[str, ...] = ()
    cpu: bool = False
    page: str = ""
    note: str = ""
    languages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return PurePosixPath(self.file).name


@dataclass(frozen=True)
class ModelSet:
    """A named set. `vram_gb` and `ram_gb` are what a machine should have for it."""

    name: str
    about: str
    vram_gb: int
    ram_gb: int


@dataclass(frozen=True)
class LanguageModel:
    """A model that Ollama serves."""

    name: str
    licence: str
    open: bool


@dataclass(frozen=True)
class Wording:
    """The sentences that the nodes and the runner share, with fields in braces."""

    missing: str
    missing_by_hand: str
    not_open: str


@dataclass(frozen=True)
class Manifest:
    """All of `models.yaml`. `stages` maps the name of each stage to its title."""

    models: Mapping[str, Model]
    sets: Mapping[str, ModelSet]
    stages: Mapping[str, str]
    language_models: tuple[LanguageModel, ...]
    wording: Wording

    def in_set(self, name: str) -> list[Model]:
        """The files of a set."""
        return [model for model in self.models.values() if name in model.sets]

    def choose(self, names: Iterable[str]) -> list[Model]:
        """The files that ids, sets and file names stand for, each once, with the files that they need.

        Raises BadInput for a name that is none of these.
        """
        chosen: dict[str, Model] = {}

        def add(model: Model) -> None:
            if model.id not in chosen:
                chosen[model.id] = model
                for needed in model.needs:
                    add(self.models[needed])

        for model in self.named(names):
            add(model)
        return list(chosen.values())

    def named(self, names: Iterable[str]) -> list[Model]:
        """As `choose`, without the files that they need."""
        return list({model.id: model for name in names for model in self._named(name)}.values())

    def _named(self, name: str) -> list[Model]:
        if name in self.models:
            return [self.models[name]]
        if name in self.sets:
            return self.in_set(name)
        found = [model for model in self.models.values() if name in (model.file, model.name)]
        if len(found) == 1:
            return found
        import difflib

        known = [*self.sets, *self.models]
        near = difflib.get_close_matches(name, known, 3, 0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"The sets are {', '.join(self.sets)}."
        raise BadInput(f"{name!r} is no model and no set. {hint} `myspinbot models list` shows all.")


def find_manifest(path: str | Path | None = None) -> Path:
    """Where `models.yaml` is: the argument, else MYSPINBOT_MODELS, else this clone, else a folder above.

    Raises BadInput when it is nowhere.
    """
    named = path or os.environ.get("MYSPINBOT_MODELS")
    if named:
        return Path(named).expanduser()
    for folder in (Path(__file__).absolute().parents[2], Path.cwd(), *Path.cwd().parents):
        if (folder / NAME).is_file():
            return folder / NAME
    raise BadInput(f"{NAME} wasn't found. Run this in the MySpinBot folder, or name the file in MYSPINBOT_MODELS.")


def load(path: str | Path | None = None) -> Manifest:
    """Read the manifest. Raises BadManifest with a line for each mistake, BadInput when it can't be read."""
    path = find_manifest(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} can't be read ({error}).") from None
    return read(text, path.name)


def read(text: str, name: str = NAME) -> Manifest:
    """The manifest in a text. Raises BadManifest with a line for each mistake."""
    mistakes = Mistakes(name)
    node = parse(text, mistakes)
    if node is None:
        raise BadManifest("\n".join(mistakes.found))
    manifest = _manifest(Table(node, "", mistakes))
    if mistakes.found:
        raise BadManifest("\n".join(mistakes.found))
    return manifest


def _manifest(table: Table) -> Manifest:
    if table.number("version") not in (None, 1):
        table.wrong("version", "must be 1; this program is older than the file.")
    wording = Wording(*(table.text(name) or "" for name in ("missing", "missing_by_hand", "not_open")))
    titles = table.table("stages")
    stages = {name: titles.text(name) or "" for name in titles.names()}
    sets = {name: _set(name, fields) for name, fields in table.table("sets").tables()}
    served = tuple(_language_model(name, fields) for name, fields in table.table("language_models").tables())
    every = table.table("models")
    models = {name: _model(name, fields, stages, sets) for name, fields in every.tables()}
    places: dict[tuple[str, str], str] = {}
    for model in models.values():
        for needed in model.needs:
            if needed not in models:
                every.wrong(f"{model.id}.needs", f"names {needed!r}, which isn't a model.")
        other = places.setdefault((model.folder, model.file.lower()), model.id)
        if other != model.id:
            every.wrong(f"{model.id}.file", f"is the same as that of {other}.")
        if model.id in sets:
            every.wrong(model.id, "is the name of a set too.")
    table.close()
    return Manifest(models, sets, stages, served, wording)


def _set(name: str, table: Table) -> ModelSet:
    found = ModelSet(name, table.text("about") or "", table.number("vram_gb") or 0, table.number("ram_gb") or 0)
    table.close()
    return found


def _language_model(name: str, table: Table) -> LanguageModel:
    found = LanguageModel(name, table.text("licence") or "", table.flag("open"))
    table.close()
    return found


def _model(name: str, table: Table, stages: Mapping[str, str], sets: Mapping[str, ModelSet]) -> Model:
    before = len(table.mistakes.found)
    model = Model(
        id=name,
        role=table.text("role") or "",
        stage=table.text("stage") or "",
        folder=table.text("folder") or "",
        file=table.text("file") or "",
        format=table.text("format") or "",
        urls=table.texts("urls"),
        bytes=table.number("bytes", optional=True),
        sha256=_hash(table),
        licence=table.text("licence") or "",
        open=table.flag("open"),
        sets=table.texts("sets"),
        reason=table.text("reason", required=False) or "",
        needs=table.texts("needs", required=False),
        cpu=table.flag("cpu", default=False),
        page=table.text("page", required=False) or "",
        note=table.text("note", required=False) or "",
        languages=table.texts("languages", required=False),
    )
    if len(table.mistakes.found) == before:
        _check(model, table, stages, sets)  # else it would complain about what stands in for wrong values
    table.close()
    return model


def _hash(table: Table) -> str | None:
    node = table.take("sha256")
    value = getattr(node, "value", None)
    if node is None or (value in ("null", "~", "") and not getattr(node, "style", None)):
        return None
    if isinstance(value, str) and _HASH.fullmatch(value):
        return value
    table.wrong("sha256", f"must be 64 hexadecimal digits in lower case, or null, not {value!r}.", node)
    return None


def _check(model: Model, table: Table, stages: Mapping[str, str], sets: Mapping[str, ModelSet]) -> None:
    if not _ID.fullmatch(model.id):
        table.wrong("id", "must be lower-case letters, digits, dots and hyphens.")
    if model.stage and model.stage not in stages:
        table.wrong("stage", f"must be one of {', '.join(stages)}, not {model.stage!r}.")
    if model.format and model.format not in FORMATS:
        table.wrong("format", f"must be one of {', '.join(FORMATS)}, not {model.format!r}.")
    for name in model.sets:
        if name not in sets:
            table.wrong("sets", f"names {name!r}, which isn't a set.")
    if "open" in model.sets and not model.open:
        table.wrong("sets", "can't hold `open`: the licence isn't open.")
    if model.open == bool(model.reason):
        table.wrong("reason", "must say why the licence isn't open, and only then.")
    if not model.urls and not model.page:
        table.wrong("urls", "is empty, so `page` must say where people get the file.")
    for field, value in (("folder", model.folder), ("file", model.file)):
        parts = value.split("/")
        if value and (_BAD_NAME.search(value) or any(part in ("", ".", "..") for part in parts)):
            table.wrong(field, f"must be a relative path with `/` that stays inside, not {value!r}.")
    for url in (*model.urls, *filter(None, [model.page])):
        if not re.fullmatch(r"https?://[^\s/]+/\S+", url):
            table.wrong("urls", f"must hold web addresses, not {url!r}.")
