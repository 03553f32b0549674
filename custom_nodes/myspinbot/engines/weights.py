"""Weight files, loaded without running what may hide in them.

A pickle is a program; PyTorch's restricted loader runs none of it but what rebuilds tensors.
"""

import errno
import json
import os
import pickle
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..shared.disk import full_disk, is_full
from ..shared.files import atomic_write

# Where checkpoints keep their weights beside optimizer states and counters, the averaged ones first.
WRAPPERS = ("ema_model_state_dict", "params_ema", "state_dict", "params", "model_state_dict", "model")
REFUSED = 4
_OS_ERROR = re.compile(r"os error (\d+)")
_FORBIDDEN = re.compile(r"GLOBAL (\S+)")


class WeightsError(ValueError):
    """A weight file can't be loaded: damaged, of another kind, or with more than numbers in it."""


def load_weights(path: Path, device: str | torch.device = "cpu") -> dict[str, Tensor]:
    """The tensors of a safetensors or PyTorch file by name, whatever its suffix says.

    Of a PyTorch checkpoint only the weights are given, the averaged ones where it has such.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is damaged, holds no weights, or wants to run code.
    """
    if is_safetensors(path):
        return _load_safetensors(path, device)
    content = _unpickle(path, device)
    weights = tensors(content)
    if not weights:
        raise WeightsError(f"{path.name} holds no weights.")
    return weights


def save_weights(path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors, each of them contiguous and with its own memory, as safetensors; all of them or no file.

    The same tensors and metadata give the same bytes.
    `path` is a new file, or one aside that is renamed afterwards: what was there is lost when it can't be written.

    Raises:
        OSError: The file can't be written; where the disk is full, the message says so.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(dict(weights), path, metadata=dict(metadata) if metadata else None)
        _put_in_order(path)
    except BaseException as error:
        path.unlink(missing_ok=True)
        found = _OS_ERROR.search(str(error)) if isinstance(error, SafetensorError) else None
        if found is None:
            raise
        raise _of_the_system(int(found[1]), path) from error


def _put_in_order(path: Path) -> None:
    """Sort a file's metadata, which safetensors writes in another order in each process."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        if "__metadata__" not in header:
            return
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode().ljust(length)
        if len(ordered) == length:  # of the same members, so that only their places change
            file.seek(8)
            file.write(ordered)


def _of_the_system(number: int, path: Path) -> OSError:
    """The error that Python itself would have raised; `number` is Windows's own there."""
    error = OSError(0, os.strerror(number), str(path), number) if os.name == "nt" else None
    error = error or OSError(number, os.strerror(number), str(path))
    if not is_full(error):
        return error
    advice = "Nothing was left there half written. Make room, then do the same again"
    return OSError(errno.ENOSPC, full_disk(path.parent, advice))


def read_header(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself beside its tensors.

    Raises:
        WeightsError: It is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path.name} is damaged or incomplete. Fetch it again.") from error


def is_safetensors(path: Path) -> bool:
    """Whether a file begins like safetensors: the length of its header, then JSON."""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and start[:4] != b"PK\x03\x04"


def tensors(content: Any) -> dict[str, Tensor]:
    """The weights in what a checkpoint holds; what isn't a tensor is left out."""
    if isinstance(content, torch.nn.Module):
        return dict(content.state_dict())
    if not isinstance(content, Mapping):
        return {}
    for name in WRAPPERS:
        inner = content.get(name)
        if isinstance(inner, Mapping) and (found := tensors(inner)):
            return found
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def convert(path: Path) -> Path:
    """Write a PyTorch file's weights as safetensors beside it and return the new file's path.

    The original stays. Names, shapes, types and numbers are the same as `load_weights` gives.

    Raises:
        FileExistsError: The new file is there already.
        WeightsError: As `load_weights`, or the file is safetensors already.
        OSError: The disk is full.
    """
    target = path.with_suffix(".safetensors")
    if is_safetensors(path):
        raise WeightsError(f"{path.name} is a safetensors file already.")
    with atomic_write(target) as aside:
        weights = load_weights(path)
        # safetensors refuses tensors that share memory, so each gets its own.
        whole = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in weights.items()}
        save_weights(aside, whole, {"format": "pt", "converted_from": path.name})
    return target


def _load_safetensors(path: Path, device: str | torch.device) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device=str(device))
    except SafetensorError as error:
        raise WeightsError(f"{path.name} is damaged or incomplete. Fetch it again.") from error


def _unpickle(path: Path, device: str | torch.device) -> Any:
    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            return torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise
    except pickle.UnpicklingError as error:
        named = _FORBIDDEN.search(str(error))
        if named is None:
            raise _damaged(path) from error
        raise WeightsError(
            f"{path.name} holds more than numbers: loading it would run {named[1]}, so it was not loaded. "
            "Get it from its makers as safetensors."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> WeightsError:
    return WeightsError(f"{path.name} is damaged or not a PyTorch file. Fetch it again.")


def _numpy_scalars() -> list[Any]:
    """What NumPy numbers, such as a loss that was saved along, are rebuilt with; none of it runs code."""
    import numpy as np

    kinds = [type(np.dtype(name)) for name in ("float16", "float32", "float64", "int32", "int64", "bool")]
    scalar = np.float32(0).__reduce__()[0]
    return [np.dtype, *kinds, scalar, (scalar, "numpy.core.multiarray.scalar")]  # its name before NumPy 2


def main(path: str) -> int:
    """`myspinbot models convert` for a PyTorch file.

    Returns:
        0, or `REFUSED` where it can't be converted.
    """
    try:
        sys.stdout.write(f"{convert(Path(path))}{os.linesep}")
    except (WeightsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    return 0
