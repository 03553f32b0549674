"""What to do when a device's memory doesn't suffice."""

import gc

import torch

_SAID = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed", "allocation_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` is a device or the system saying that there is not enough memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID)


def release() -> None:
    """Give back what PyTorch keeps for later."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
