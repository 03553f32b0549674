"""What ComfyUI's Python knows of this machine, as JSON. Run by that Python, not imported."""

import json
import platform
import sys
from typing import Any


def main() -> None:
    """Print one JSON object in the shape of the server's `/system_stats`."""
    system: dict[str, Any] = {"os": sys.platform, "python_version": platform.python_version()}
    devices: list[dict[str, Any]] = []
    try:
        import psutil

        memory = psutil.virtual_memory()
        system |= {"ram_total": memory.total, "ram_free": memory.available}
    except ImportError:
        pass
    try:
        import torch

        system["pytorch_version"] = torch.__version__
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            devices.append(
                {
                    "name": torch.cuda.get_device_name(index),
                    "type": "cuda",
                    "vram_total": total,
                    "vram_free": free,
                }
            )
        if not devices and torch.backends.mps.is_available():
            devices.append({"name": "Apple GPU", "type": "mps", "vram_total": system.get("ram_total", 0)})
    except (ImportError, OSError, RuntimeError) as error:
        system["pytorch_error"] = f"{type(error).__name__}: {error}"
    sys.stdout.write(json.dumps({"system": system, "devices": devices}))


if __name__ == "__main__":
    main()
