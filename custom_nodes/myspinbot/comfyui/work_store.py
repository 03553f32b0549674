"""The work store in ComfyUI's user folder."""

import os
from pathlib import Path

from ..shared.work_store import FOLDER, Store


def work_store() -> Store:
    """Where stages put what an interrupted run goes on from: ComfyUI's user folder, within a bound.

    `MYSPINBOT_WORK_GB` sets the bound; 20 GB without it.

    Raises:
        ValueError: it is no number.
    """
    import folder_paths

    bound = os.environ.get("MYSPINBOT_WORK_GB", "20")
    try:
        cap = int(float(bound) * 10**9)
    except ValueError as error:
        raise ValueError(f"MYSPINBOT_WORK_GB must be a number of gigabytes, not {bound!r}.") from error
    return Store(Path(folder_paths.get_user_directory()) / FOLDER, cap)
