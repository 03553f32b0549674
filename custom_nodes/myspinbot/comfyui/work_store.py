"""The work store in ComfyUI's user folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..media.work import Store


def work_store() -> "Store":
    """Where stages keep what an interrupted run goes on from: ComfyUI's user folder, within a bound.

    `MYSPINBOT_WORK_GB` sets the bound; 20 GB without it.

    Raises:
        ValueError: it is no number.
    """
    import folder_paths

    from ..media.work import Store

    bound = os.environ.get("MYSPINBOT_WORK_GB", "20")
    try:
        cap = int(float(bound) * 10**9)
    except ValueError as error:
        raise ValueError(f"MYSPINBOT_WORK_GB must be a number of gigabytes, not {bound!r}.") from error
    return Store(Path(folder_paths.get_user_directory()) / "myspinbot" / "work", cap)
