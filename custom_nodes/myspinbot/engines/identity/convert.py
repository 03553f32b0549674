"""A LoRA's file in another layout, beside the one that there is."""

import os
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ..weights import REFUSED, WeightsError, load_weights, read_header
from .layouts import DIFFERENCES, Layout, LayoutError, convert, family_of, own_layout, read
from .lora import Identity, IdentityError, network, read_metadata, write_lora
from .settings import ARCHITECTURES, Family


def convert_file(path: Path, layout: Layout | None = None) -> tuple[Path, int]:
    """Write a LoRA in another layout as `NAME-kohya.safetensors` or `NAME-diffusers.safetensors`.

    Its numbers and types stay, and its header says what other programs read. The original stays too.

    Args:
        path: A safetensors file in ComfyUI's or kohya's layout.
        layout: What is wanted; where it isn't given, the one that ComfyUI and others read.

    Returns:
        The new file, and how many changes to norms and biases were left out of it, which no layout has.

    Raises:
        FileExistsError: The new file is there already.
        LayoutError: It is in the layout already, or no LoRA that can be converted.
        OSError: The disk is full.
        WeightsError: The file is damaged.
    """
    lora = load_weights(path)
    family = family_of(lora)
    wanted = layout or own_layout(family)
    if wanted == "kohya" and all(key.startswith("lora_unet_") for key in lora):
        raise LayoutError("It is in kohya's layout already.")
    converted = convert(lora, family, wanted)
    target = path.with_name(f"{path.stem}-{wanted}.safetensors")
    write_lora(target, converted, _header(path, family, wanted, max(pair.rank for pair in read(lora).values())))
    return target, sum(key.endswith(DIFFERENCES) for key in lora)


def _header(path: Path, family: Family, layout: Layout, rank: int) -> Mapping[str, str]:
    """The file's own header with what other programs read; of an identity's all that is written now."""
    facts: dict[str, Any] = read_metadata(path)
    fields: dict[str, Any] = {name: facts[name] for name in Identity.__dataclass_fields__ if name in facts}
    fields["images"] = tuple(fields.get("images", ()))
    try:
        identity = Identity(**fields)
        known = identity.metadata(date.fromisoformat(str(facts.get("created"))), layout=layout)
    except (TypeError, ValueError, KeyError):
        known = {"modelspec.architecture": f"{ARCHITECTURES[family]}/lora"}
    return read_header(path) | known | network(family, layout, rank)


def main(path: str, layout: str) -> int:
    """`myspinbot models convert` for a LoRA.

    Args:
        path: The file.
        layout: `kohya`, `diffusers`, or nothing for the one that ComfyUI and others read.

    Returns:
        0, or `REFUSED` where it can't be converted.
    """
    file = Path(path)
    try:
        target, left_out = convert_file(file, layout or None)  # pyright: ignore[reportArgumentType]
    except LayoutError as error:
        sys.stderr.write(f"{file.name} is a safetensors file, and no LoRA that could be converted. {error}\n")
        return REFUSED
    except (IdentityError, WeightsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    sys.stdout.write(f"{target}{os.linesep}")
    if left_out:
        sys.stdout.write(
            f"Left out: {left_out} changes to norms and biases, which other programs don't read; pictures may differ "
            f"from those with {file.name}.{os.linesep}"
        )
    return 0
