"""Wav2Lip's published files, checked and made ready to run."""

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from ...media.fingerprint import fingerprint
from ..precision import Prepared, prepare
from ..weights import WeightsError, load_weights
from .generator import BANDS, COLUMNS, SIDE, Generator

ONE_LEVEL = 1 / 255  # of a picture in 8 bits: how far half precision may be off on average
_COUNTER = "num_batches_tracked"  # of the batch norms; no part of what they compute


def load_generator(path: Path) -> Generator:
    """The network of a checkpoint (safetensors or PyTorch, with or without `module.` before each name), folded.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is damaged, isn't made of weights alone, or is no Wav2Lip.
    """
    state = {name.removeprefix("module."): value for name, value in load_weights(path).items()}
    with torch.device("meta"):
        model = Generator()
    counters = {name: value for name, value in model.state_dict().items() if name.endswith(_COUNTER)}
    state |= {name: torch.zeros((), dtype=value.dtype) for name, value in counters.items() if name not in state}
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{path.name} is no Wav2Lip generator: {_first_difference(model, state)}.") from error
    model.float().eval().requires_grad_(False)
    model.fold()
    return model


def prepared(model: Generator, device: torch.device, types: tuple[torch.dtype, ...] | None = None) -> Prepared:
    """`model` on `device` in the precision that is fast there, if the picture stays within a level on average."""
    generator = torch.Generator().manual_seed(0)
    example = torch.rand((2, 3, SIDE, SIDE), generator=generator)
    heard = 8 * torch.rand((2, 1, BANDS, COLUMNS), generator=generator) - 4

    def run(network: nn.Module, faces: Tensor) -> Tensor:
        return network(faces, heard.to(faces))

    ready = prepare(model, run, example, device=device, types=types, tolerance=ONE_LEVEL)
    if ready.dtype == torch.float32:
        cast(Generator, ready.model).fold_residuals()
    return ready


def _first_difference(model: Generator, state: dict[str, Tensor]) -> str:
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in state:
            return f"{name} is missing"
        if state[name].shape != value.shape:
            return f"{name} has the shape {tuple(state[name].shape)} instead of {tuple(value.shape)}"
    return f"{next(name for name in state if name not in wanted)} does not belong to it"


def identity(model: Generator) -> str:
    """A name for these weights, the same for every form of their file."""
    few = [value.detach().numpy() for value in model.state_dict().values() if value.ndim == 1]
    return fingerprint(*few)[:16]
