"""The talking mouth: lips and jaw bent out of the portrait, and what shows between them.

Everything happens in the mouth's own units: half its width, 0 where the lips part. The picture is split
there: what lies above follows the upper lip, what lies below follows the jaw, and the gap is painted.
"""

from dataclasses import replace

import torch
from torch import Tensor

from ...media.faces import FacePoints
from .patch import Patch, fade_at_edges, over, ramp
from .visemes import Pose

WIDEST_GAP = 0.92  # between the lips, in half mouth widths
_TO_OUTLINE = 0.68  # from the mouth's middle to the face's outline beside it, in eye distances
_CAVITY = (58.0, 20.0, 22.0)
_TONGUE = (168.0, 84.0, 82.0)
_TEETH = (236.0, 228.0, 214.0)


class Mouth:
    """Draws a mouth in any pose into copies of one portrait (1, 3, H, W), values 0 to 255."""

    def __init__(self, picture: Tensor, points: FacePoints) -> None:
        half = points.mouth_width / 2
        self._chin = max((points.chin[1] - points.mouth[1]) / half, 0.7)
        self._lip = min(points.lip_height / half, 0.6 * self._chin)
        self._teeth = points.teeth_height / half
        self._patch = Patch.around(picture, points.mouth, half, points.roll, u=(-2.6, 2.6), v=(-1.5, self._chin + 1.6))
        self._pixel = 1.0 / half
        self._light = _light(picture, points)
        self._fade = fade_at_edges(self._patch.u.shape[0], self._patch.u.shape[1], 0.12)
        # A smile that shows teeth is parted along a curve: the straight coordinate runs along it.
        self._smile = 0.85 * self._teeth
        u = self._patch.u
        self._v = v = self._patch.v + self._smile * (u**2).clamp(max=1.2)
        self._cheek = torch.exp(-((u / 1.65).abs() ** 3)) * self._fade
        # Lips go narrow within the face: the pull fades from the lips to before the jaw's outline, and is
        # never so strong that the skin beside them would fold.
        beside = min(max(_TO_OUTLINE * points.eye_distance / half - 1, 0.15), 0.7)
        self._narrowest = -0.6 * (0.4 + beside) / (1 + 0.6 * (0.4 + beside))
        self._round_lips = torch.exp(-((v / 0.75) ** 2)) * (1 - ramp(u.abs(), 0.6, 1 + beside)) * self._fade

    def draw(self, frame: Tensor, pose: Pose) -> None:
        """Paint the mouth in `pose` into `frame` (3, H, W)."""
        pose = replace(pose, wide=max(pose.wide, self._narrowest))
        self._patch.of(frame).copy_(self._drawn(pose))

    def _drawn(self, pose: Pose) -> Tensor:
        u, v = self._patch.u, self._v
        corner = 0.94 * (1 + pose.wide)
        arch = (1 - (u / corner) ** 2).clamp(min=0)
        arch = arch ** (0.75 if pose.wide > -0.1 else 0.6)
        gap = WIDEST_GAP * pose.open
        upper = (0.16 * gap + 0.12 * pose.lift) * arch
        lower = (gap - 0.16 * gap - 0.05 * pose.tuck - self._teeth * pose.press) * arch

        above = self._above(pose, upper)
        below = self._below(pose, lower, 0.55 * gap)
        soft = 0.8 * self._pixel
        picture = over(above, below, ramp(v - lower, -soft, soft) if self._teeth else ramp(v, -soft, soft))
        height = upper + lower
        inside = ramp(v + upper, -soft, soft) * (1 - ramp(v - lower, -soft, soft)) * ramp(height, 0, 3 * soft)
        return over(picture, self._inside(pose, upper, lower), inside)

    def _above(self, pose: Pose, upper: Tensor) -> Tensor:
        """The upper lip and all above it: raised at the edge, less and less towards the nose."""
        v = self._v
        start = v + upper
        raised = upper * ramp(start, -0.75, -0.05)
        return self._sample(pose, v + raised * self._fade)

    def _below(self, pose: Pose, lower: Tensor, jaw: float) -> Tensor:
        """The lower lip, which drops as one, the chin, which follows the jaw, and the neck, which stays."""
        v = self._v
        dropped = lower
        for _ in range(2):  # a fixed point: how far a spot has moved depends on where it came from
            at = v - dropped
            to_chin = ramp(at, self._lip, self._lip + 0.6 * (self._chin - self._lip))
            dropped = torch.lerp(lower, jaw * self._cheek, to_chin)
            dropped = dropped * (1 - ramp(at, self._chin, self._chin + 1.1)) * self._fade
        tucked = 0.10 * pose.tuck * torch.exp(-(((v - lower) / 0.25) ** 2)) * self._round_lips
        return self._sample(pose, v - dropped + tucked)

    def _sample(self, pose: Pose, v: Tensor) -> Tensor:
        """The portrait at heights `v`, with the mouth made wide or narrow as well."""
        u = self._patch.u * (1 - pose.wide / (1 + pose.wide) * self._round_lips)
        return self._patch.sample(u, self._pressed(pose, v) - self._smile * (u**2).clamp(max=1.2))

    def _pressed(self, pose: Pose, v: Tensor) -> Tensor:
        """Pressed lips are thinner, pursed lips fuller."""
        thinner = (0.25 * pose.press + 0.45 * min(pose.wide, 0.0)) * (1 if not self._teeth else 0)
        return v * (1 + thinner * torch.exp(-((v / 0.35) ** 2)) * self._round_lips)

    def _inside(self, pose: Pose, upper: Tensor, lower: Tensor) -> Tensor:
        u, v = self._patch.u, self._v
        height = (upper + lower).clamp(min=1e-3)
        depth = ((v + upper) / height).clamp(0, 1)
        cavity = self._paint(_CAVITY, 0.55 + 0.6 * depth)

        # The tongue's back lies low; its tip rises to the teeth for t, l and th.
        top = lower - (0.16 + 0.22 * pose.tongue) * (1 - (u / 0.62) ** 2).clamp(min=0).sqrt()
        tongue = ramp(v - top, -0.03, 0.06) * ramp(height, 0.1, 0.3) * (1 - ramp(u.abs(), 0.45, 0.68))
        picture = over(cavity, self._paint(_TONGUE, 0.55 + 0.35 * ramp(v - top, 0, 0.2)), tongue * 0.9)

        if self._teeth == 0:
            long = (0.09 + 0.16 * pose.lift + 0.07 * pose.open + 0.2 * min(pose.wide, 0.0)) * (1 - 0.3 * (u / 0.8) ** 2)
            edge = long - upper
            teeth = (1 - ramp(v - edge, -0.02, 0.035)) * (1 - ramp(u.abs(), 0.55, 0.82))
            gaps = 1 - 0.10 * (1 - ramp(torch.remainder(u + 0.085, 0.17).sub(0.085).abs(), 0.0, 0.02))
            shade = (0.78 + 0.22 * ramp(depth, -0.1, 0.45)) * (1 - 0.4 * (u / 0.85) ** 2) * gaps
            picture = over(picture, self._paint(_TEETH, shade.clamp(min=0.2)) / self._light**0.4, teeth * 0.96)
        shadow = 0.35 * (1 - ramp(v + upper, 0, 0.10)) + 0.3 * (1 - ramp(lower - v, 0, 0.08))
        return picture * (1 - shadow.clamp(0, 0.6))

    def _paint(self, colour: tuple[float, float, float], shade: Tensor) -> Tensor:
        return torch.tensor(colour).view(3, 1, 1) * self._light * shade


def _light(picture: Tensor, points: FacePoints) -> Tensor:
    """How bright the face is lit, per channel (3, 1, 1), from the middle of its cheeks."""
    radius = max(int(points.eye_distance * 0.12), 1)
    samples: list[Tensor] = []
    for eye in (points.left_eye, points.right_eye):
        x, y = int((eye[0] + points.mouth[0] * 0.2) / 1.2), int(eye[1] * 0.45 + points.mouth[1] * 0.55)
        samples.append(picture[0, :, max(y - radius, 0) : y + radius, max(x - radius, 0) : x + radius].reshape(3, -1))
    brightness = torch.cat(samples, dim=1).median(dim=1).values.mean() / 195
    return brightness.clamp(0.45, 1.05).view(1, 1, 1)
