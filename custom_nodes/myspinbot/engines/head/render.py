"""A still portrait and a motion into frames."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from ...media.faces import FacePoints, Pixels
from .lids import Lid
from .motion import Motion
from .mouth import Mouth
from .sway import Sway
from .visemes import Pose


def render(portrait: Pixels, points: FacePoints, motion: Motion) -> Iterator[npt.NDArray[np.uint8]]:
    """Frames (H, W, 3) uint8 of `portrait` (H, W, 3) in `motion`, one at a time.

    The face comes first and the head's sway after it, so that each part is drawn where the portrait has it.
    """
    picture = torch.from_numpy(portrait.copy()).permute(2, 0, 1).float().unsqueeze(0)
    mouth = Mouth(picture, points)
    lids = [Lid(picture, eye, points) for eye in (points.left_eye, points.right_eye)]
    sway = Sway(portrait.shape[0], portrait.shape[1], points)
    frame = picture[0].clone()
    for index in range(len(motion)):
        for lid in lids:
            lid.clear(frame)
        mouth.draw(frame, Pose(*motion.poses[index].tolist()))
        for lid in lids:
            lid.draw(frame, float(motion.blink[index]))
        moved = sway.move(
            frame,
            float(motion.shift_x[index]),
            float(motion.shift_y[index]),
            float(motion.roll[index]),
            float(motion.zoom[index]),
        )
        yield moved.add_(0.5).clamp_(0, 255).byte().permute(1, 2, 0).contiguous().numpy()
