"""How the runner speaks of models. The sentences are the manifest's own; the nodes fill in the same ones."""

from __future__ import annotations

from pathlib import PurePosixPath

from myspinbot_shared.disk import format_size

from .manifest import Manifest, Model


def folder(model: Model) -> str:
    """Where the file belongs, such as `models/vae`."""
    return str(PurePosixPath("models", model.folder, model.file).parent)


def command(model: Model) -> str:
    """What fetches the file."""
    accept = "" if model.open else f" --accept-licence {model.licence}"
    return f"myspinbot models get {model.id}{accept}"


def missing(manifest: Manifest, model: Model) -> str:
    """What to say when the file is needed and isn't there."""
    sentence = manifest.wording.missing if model.urls else manifest.wording.missing_by_hand
    return sentence.format(
        role=model.role,
        file=model.name,
        size=format_size(model.bytes),
        licence=model.licence,
        command=command(model),
        folder=folder(model),
        page=model.page,
    )


def not_open(manifest: Manifest, model: Model) -> str:
    """What to say of weights whose licence isn't open."""
    return manifest.wording.not_open.format(role=model.role, licence=model.licence, reason=model.reason)


def way_to(file: str) -> str:
    """What to say of a missing file by the name that a workflow gives it; empty when it isn't in the manifest."""
    from myspinbot_runner.errors import BadInput

    from .manifest import load
    from .uses import find

    try:
        manifest = load()
    except BadInput:
        return ""
    model = find(file, manifest)
    return missing(manifest, model) if model else ""
