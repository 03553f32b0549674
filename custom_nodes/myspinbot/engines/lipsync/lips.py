"""Faces that say what is heard, in batches of the size that caches like."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ...media.faces import Pixels
from .generator import SIDE, WHOLE, Generator, Window
from .mel import Mel, first_column

BATCH = 8  # measured: on processors larger ones are slower


class Lips:
    """Draws faces for frames of one sound.

    `model` may be a copy in half precision; faces go to its device and type.
    """

    def __init__(self, model: Generator, mel: Mel, fps: Fraction) -> None:
        self._model, self._mel, self._fps = model, mel, fps
        weight = next(model.parameters())
        self._device, self._dtype = weight.device, weight.dtype
        self._seen: tuple[bytes, list[Tensor]] | None = None

    def draw(self, faces: Sequence[Pixels], indices: Sequence[int], window: Window = WHOLE) -> list[Pixels]:
        """`faces` (96, 96, 3) RGB saying what the frames `indices` hear; one that recurs is encoded once.

        They are drawn within `window`, and black around it.
        """
        top, bottom, left, right = window
        heard = self._mel.heard([first_column(index, self._fps) for index in indices])
        with torch.inference_mode():
            heard = heard.to(self._device, self._dtype)
            if len(faces) > 1 and all(face is faces[0] for face in faces):
                seen = [part.expand(len(faces), -1, -1, -1) for part in self._see_one(faces[0])]
            else:
                seen = self._model.see(self._tensor(faces))
            drawn = self._model.draw(seen, heard, window)
            pixels = (drawn.float() * 255).round_().clamp_(0, 255).byte().flip(1).permute(0, 2, 3, 1)
        whole = np.zeros((len(faces), SIDE, SIDE, 3), np.uint8)
        whole[:, top:bottom, left:right] = pixels.cpu().numpy()
        return list(whole)

    def _see_one(self, face: Pixels) -> list[Tensor]:
        key = face.tobytes()
        if self._seen is None or self._seen[0] != key:
            self._seen = key, self._model.see(self._tensor([face]))
        return self._seen[1]

    def _tensor(self, faces: Sequence[Pixels]) -> Tensor:
        stacked = torch.from_numpy(np.stack(faces)[..., ::-1].copy())  # BGR
        tensor = stacked.to(self._device).permute(0, 3, 1, 2).to(self._dtype) / 255  # channels last in memory
        return tensor
