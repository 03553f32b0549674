"""What the user sees while windows are made: a bar over all of them, the time left, and a picture."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from torch import Tensor

    from ...engines.infinitetalk.work import Work

_SIDE = 512  # pixels of a preview


class Show:
    """For one window: the steps of sampling and, as one more, what follows them."""

    def __init__(self, talk: Work, index: int, seconds: tuple[float, ...], model: Any, node: str) -> None:
        """`seconds` is how long each window took that was made in this run, `node` where text is shown."""
        from comfy.utils import ProgressBar
        from latent_preview import get_previewer

        self.index = index
        self._count, self._steps, self._node = talk.plan.count, talk.settings.sampling_steps + 1, node
        self._earlier, self._began = seconds, time.monotonic()
        self._bar = ProgressBar(self._count * self._steps)
        self._previewer = get_previewer(model.load_device, model.model.latent_format)
        self._show(0, None)

    def sampled(self, step: int, latents: Tensor) -> None:
        """After a step; `latents` (1, 16, T, h, w) are the window as it would be at the end."""
        from comfy.model_management import throw_exception_if_processing_interrupted

        throw_exception_if_processing_interrupted()
        picture = None
        if self._previewer:
            middle = latents.shape[2] // 2  # the first ones hardly differ from the window before
            picture = self._previewer.decode_latent_to_preview_image("JPEG", latents[:, :, middle : middle + 1])
        self._show(step, picture)

    def finished(self, frame: Tensor) -> None:
        """When the window is kept; `frame` (H, W, 3) is its last."""
        from PIL import Image

        pixels = frame.mul(255).round().clamp(0, 255).byte().cpu().numpy()
        self._show(self._steps, ("JPEG", Image.fromarray(pixels), _SIDE))

    def _show(self, step: int, picture: Any) -> None:
        from server import PromptServer

        text = f"Window {self.index + 1} of {self._count}"
        done = len(self._earlier) * self._steps + step
        if done:
            spent = sum(self._earlier) + time.monotonic() - self._began
            text += f", {_about(spent / done * ((self._count - self.index) * self._steps - step))} left"
        server = PromptServer.instance
        server.send_progress_text(text, self._node, server.client_id)
        self._bar.update_absolute(self.index * self._steps + step, preview=picture)


def _about(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {seconds / 3600:.1f} h"
