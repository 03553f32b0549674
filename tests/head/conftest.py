"""The pack's engines and media without ComfyUI: as a package whose own `__init__` isn't run."""

import tests.engines  # noqa: F401
