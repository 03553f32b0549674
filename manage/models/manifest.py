"""The manifest as the command line reads it: another file if the user names one, and its errors as the command's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from myspinbot_runner.errors import BadInput
from myspinbot_shared import manifest
from myspinbot_shared.manifest import Manifest, ManifestError, Model, UnknownModelError


class BadManifest(BadInput):
    """The manifest can't be read, or breaks its own rules; the message names each line and field."""

    kind: ClassVar[str] = "bad_manifest"


def find_manifest() -> Path:
    """The file that MYSPINBOT_MODELS names, else the one that is shipped."""
    named = os.environ.get("MYSPINBOT_MODELS")
    return Path(named).expanduser() if named else manifest.PATH


def load() -> Manifest:
    """Read the manifest. Raises BadManifest with a line for each mistake."""
    try:
        return manifest.load(find_manifest())
    except ManifestError as error:
        raise BadManifest(str(error)) from None


def chosen(known: Manifest, names: Iterable[str], *, with_needs: bool = True) -> list[Model]:
    """The files that ids, sets and file names stand for, with the files that they need or without.

    Raises BadInput for a name that is none of these.
    """
    try:
        return known.choose(names) if with_needs else known.named(names)
    except UnknownModelError as error:
        raise BadInput(str(error)) from None
