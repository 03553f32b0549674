"""Files and folders on this machine that become inputs of a workflow on the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from .api import Api
from .contents import look_into
from .errors import BadInput
from .workflow.inputs import UPLOADS, kind_of, parse
from .workflow.schema import Spec

OnFile = Callable[[Path], None]
# What ComfyUI's loaders can do nothing with. An image is read out of a video too, and a sound.
UNFIT = {"image file": ("a sound",), "video file": ("a sound",), "audio file": ("an image",)}
UNFIT_FOR_ALL = ("text", "a web page", "a packed archive", "a program", "a PDF document")


def takes_file(spec: Spec) -> bool:
    """Whether the input is chosen from the files in the server's input folder."""
    return spec.has(*UPLOADS)


def check(text: str, spec: Spec, name: str, api: Api | None = None) -> None:
    """Raises BadInput when the value can't be used, without uploading anything.

    A file must be here and readable, and hold what the input takes as far as its first bytes tell, or be on the server:
    among the input's choices, or, where `api` is given to ask, anywhere else (`folder/x.png`, `x.png [output]`).
    """
    path = Path(text).expanduser()
    if takes_file(spec):
        if path.is_file():
            _check_content(_readable(path, name), kind_of(spec), name)
        elif text not in spec.choices and not (api and api.has_file(text)):
            raise BadInput(
                f"{name} takes {a(kind_of(spec))}: there is no file {text} here{_here(path)}, nor one of that name on "
                "the server."
            )
    elif _is_folder(text, spec):
        if not path.is_dir():
            raise BadInput(f"{name}: there is no folder {text} here{_here(path)}.")
        _files_in(path, name)
    else:
        parse(text, spec, name)


def resolve(api: Api, text: str, spec: Spec, name: str, on_file: OnFile = lambda _: None) -> object:
    """The value for an input that `check` passed, after uploading the file or the folder that it names here."""
    path = Path(text).expanduser()
    if takes_file(spec):
        if not path.is_file():
            return text
        on_file(path)
        return api.upload(path)
    if _is_folder(text, spec):
        return upload_folder(api, path, name, on_file)
    return parse(text, spec, name)


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def _check_content(path: Path, kind: str, name: str) -> None:
    """Raises BadInput for a file that holds something else than its name may say, such as text in a `.jpg`."""
    found = look_into(path) if kind in UNFIT else ""
    if found in UNFIT_FOR_ALL or found in UNFIT.get(kind, ()):
        raise BadInput(f"{name} takes {a(kind)}, and {path} holds {found}. Choose another file.")


def _is_folder(text: str, spec: Spec) -> bool:
    """Whether a choice among the server's folders names a folder instead that is here, or by its slash should be."""
    choice = kind_of(spec) == "choice" and text not in map(str, spec.choices)
    return choice and (text.endswith(("/", "\\")) or Path(text).expanduser().is_dir())


def upload_folder(api: Api, folder: Path, name: str, on_file: OnFile = lambda _: None) -> str:
    """Upload a folder's files and return the name of the folder that they have on the server.

    The name ends in a sum over the contents, so that two folders of the same name never mix.
    """
    files = _files_in(folder, name)
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(folder).as_posix()).encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    target = f"{folder.resolve().name}-{digest.hexdigest()[:8]}"
    for path in files:
        on_file(path)
        inner = path.parent.relative_to(folder).as_posix()
        api.upload(path, subfolder=target if inner == "." else f"{target}/{inner}")
    return target


def _files_in(folder: Path, name: str) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise BadInput(f"{name}: the folder {folder} is empty.")
    return [_readable(path, name) for path in files]


def _here(path: Path) -> str:
    """What a path is relative to, for a message; empty for one that isn't."""
    return "" if path.is_absolute() else f" (in {Path.cwd()})"


def _readable(path: Path, name: str) -> Path:
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise BadInput(f"{name}: the file {path} is empty.")
    except OSError as error:
        raise BadInput(f"{name}: {path} can't be read ({error.strerror}).") from None
    return path
