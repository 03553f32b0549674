"""A mouth in any pose, bent out of a portrait.

The picture is split along the seam of the lips: what lies above follows the upper lip, what lies below follows the
jaw, and the gap is painted, or shows the portrait's own teeth. Heights are in half mouth widths, 0 at the seam.
"""

from dataclasses import replace

import torch
from torch import Tensor

from ...media.faces import FacePoints
from .contours import mouth_shape
from .drawing import Patch, fade_at_edges, over, ramp
from .visemes import Pose

WIDEST_GAP = 0.92  # between the lips, in half mouth widths
_TO_OUTLINE = 0.68  # from the mouth's middle to the face's outline beside it, in eye distances
_MEET = 0.55  # of the way between parted lips, where they meet: so much of it the lower one moves
_CAVITY = (52.0, 17.0, 18.0)
_TONGUE = (172.0, 86.0, 84.0)
_GUMS = (176.0, 92.0, 92.0)
_TEETH = (238.0, 229.0, 213.0)
_LOWER_TEETH = (214.0, 194.0, 172.0)
# Widths of the upper teeth from the middle outward as they are seen from the front, and how much shorter each is.
_UPPER_ROW = ((0.31, 0.0), (0.23, 0.03), (0.22, 0.0), (0.17, 0.04), (0.13, 0.06))
_LOWER_ROW = ((0.19, 0.0), (0.20, 0.0), (0.21, -0.01), (0.17, 0.02))


class Mouth:
    """Draws a mouth in any pose into copies of one portrait (1, 3, H, W), values 0 to 255."""

    def __init__(self, picture: Tensor, points: FacePoints) -> None:
        self._shape = shape = mouth_shape(points)
        self._patch = Patch.around(
            picture, shape.origin, shape.unit, shape.roll, u=(-2.6, 2.6), v=(-1.7, shape.chin + 1.6)
        )
        self._pixel = 1.0 / shape.unit
        self._light = _light(picture, points)
        self._fade = fade_at_edges(self._patch.u.shape[0], self._patch.u.shape[1], 0.12)
        u = self._patch.u
        v = self._patch.v - shape.seam.at(u)
        self._cheek = torch.exp(-((u / 1.65).abs() ** 3)) * self._fade
        # Lips go narrow within the face: the pull fades from the lips to before the jaw's outline, and is
        # never so strong that the skin beside them would fold.
        beside = min(max(_TO_OUTLINE * points.eye_distance / shape.unit - 1, 0.15), 0.7)
        self._narrowest = -0.6 * (0.4 + beside) / (1 + 0.6 * (0.4 + beside))
        if shape.parted:
            self._narrowest *= 0.6  # a smile's cheeks fold sooner
        self._round_lips = torch.exp(-((v / 0.75) ** 2)) * (1 - ramp(u.abs(), 0.6, 1 + beside)) * self._fade

    def draw(self, frame: Tensor, pose: Pose) -> None:
        """Paint the mouth in `pose` into `frame` (3, H, W)."""
        pose = replace(pose, wide=max(pose.wide, self._narrowest))
        # Where each spot lies across the portrait's own mouth, whose outlines go wide and narrow with it.
        self._u = u = self._patch.u * (1 - pose.wide / (1 + pose.wide) * self._round_lips)
        shape = self._shape
        self._v = self._patch.v - shape.seam.at(u)
        self._gap = shape.gap.at(u) * (1 - ramp(u.abs(), 0.97, 1.0))
        self._upper, self._lower = shape.upper.at(u), shape.lower.at(u)
        self._patch.of(frame).copy_(self._posed(pose))

    def _posed(self, pose: Pose) -> Tensor:
        u, v = self._u, self._v
        arch = (1 - (u / 0.94) ** 2).clamp(min=0)
        arch = arch ** (0.75 if pose.wide > -0.1 else 0.6)
        gap = WIDEST_GAP * pose.open
        # A parted mouth shuts from both sides, a little further than to where the lips touch.
        shut = min(pose.press + 0.5 * pose.tuck, 1.0)
        closing = (self._gap + 1.5 * self._pixel * (self._gap > 0)) * shut
        raised = (0.16 * gap + 0.12 * pose.lift) * arch
        edge_above = -self._gap + (1 - _MEET) * closing - raised
        dropped = (0.84 * gap - 0.05 * pose.tuck) * arch - _MEET * closing

        above = self._above(pose, edge_above + self._gap)
        below = self._below(pose, dropped, 0.55 * gap)
        soft = 0.8 * self._pixel
        seam = torch.maximum(edge_above, dropped) if self._shape.parted else torch.zeros_like(v)
        picture = over(above, below, ramp(v - seam, -soft, soft))
        height = dropped - edge_above
        inside = ramp(v - edge_above, -soft, soft) * (1 - ramp(v - dropped, -soft, soft)) * ramp(height, 0, 3 * soft)
        return over(picture, self._inside(pose, edge_above, dropped), inside)

    def _above(self, pose: Pose, lowered: Tensor) -> Tensor:
        """The upper lip, which moves as one, and all above it: less and less towards the nose."""
        v, nose = self._v, self._shape.nose
        start = v - lowered
        for _ in range(2):  # a fixed point: how far a spot has moved depends on where it came from
            lip = -self._gap - self._upper
            within = 1 - 0.25 * ramp(-start, self._gap, self._gap + self._upper)
            moved = lowered * torch.where(start > lip, within, 0.75 * ramp(start, nose, lip.clamp(min=nose + 0.1)))
            start = v - moved * self._fade
        return self._sample(pose, start)

    def _below(self, pose: Pose, lower: Tensor, jaw: float) -> Tensor:
        """The lower lip, which drops as one, the chin, which follows the jaw, and the neck, which stays."""
        v, chin = self._v, self._shape.chin
        dropped = lower
        for _ in range(2):
            at = v - dropped
            to_chin = ramp(at, self._lower, self._lower + 0.6 * (chin - self._lower).clamp(min=0.1))
            dropped = torch.lerp(lower, jaw * self._cheek, to_chin)
            dropped = dropped * (1 - ramp(at, chin, chin + 1.1)) * self._fade
        tucked = 0.10 * pose.tuck * torch.exp(-(((v - lower) / 0.25) ** 2)) * self._round_lips
        return self._sample(pose, v - dropped + tucked)

    def _sample(self, pose: Pose, v: Tensor) -> Tensor:
        """The portrait at heights `v`, with the mouth made wide or narrow as well."""
        return self._patch.sample(self._u, self._pressed(pose, v) + self._shape.seam.at(self._u))

    def _pressed(self, pose: Pose, v: Tensor) -> Tensor:
        """Pressed lips are thinner, pursed lips fuller."""
        if self._shape.parted:
            return v
        thinner = 0.25 * pose.press + 0.45 * min(pose.wide, 0.0)
        return v * (1 + thinner * torch.exp(-((v / 0.35) ** 2)) * self._round_lips)

    def _inside(self, pose: Pose, above: Tensor, below: Tensor) -> Tensor:
        """What is seen between the lips, whose edges are at heights `above` and `below`."""
        u, v = self._u, self._v
        height = (below - above).clamp(min=1e-3)
        depth = ((v - above) / height).clamp(0, 1)
        # Far back it is dark; light comes in from the front and below.
        back = torch.exp(-((u / 0.55) ** 2) - ((depth - 0.45) / 0.4) ** 2)
        picture = self._paint(_CAVITY, 1.25 - 0.95 * back * ramp(height, 0.15, 0.6))

        # The tongue's back lies low; its tip rises to the teeth for t, l and th.
        top = below - (0.17 + 0.24 * pose.tongue) * (1 - (u / 0.66) ** 2).clamp(min=0).sqrt()
        tongue = ramp(v - top, -0.03, 0.08) * ramp(height, 0.1, 0.3) * (1 - ramp(u.abs(), 0.42, 0.68))
        groove = 1 - 0.16 * torch.exp(-((u / 0.05) ** 2)) * ramp(v - top, 0.02, 0.12)
        dome = 0.50 + 0.42 * torch.exp(-(((v - top - 0.13) / 0.12) ** 2)) * (1 - 0.6 * (u / 0.66) ** 2)
        picture = over(picture, self._paint(_TONGUE, dome * groove), tongue * 0.95)

        low_edge = below - 0.02 - 0.10 * ramp(height, 0.12, 0.5) * (1 - pose.tuck)
        alpha, relief = self._row(_LOWER_ROW, v - low_edge, height=0.3, upward=True)
        alpha = alpha * 0.85 * ramp(height, 0.3, 0.6) * (1 - ramp(u.abs(), 0.32, 0.6))
        picture = over(picture, self._paint(_LOWER_TEETH, 0.75 * relief), alpha)

        if self._shape.parted:
            return self._own_teeth(picture, below)
        picture = self._upper_teeth(pose, picture, depth)
        shadow = 0.45 * (1 - ramp(v - above, 0, 0.14)) + 0.3 * (1 - ramp(below - v, 0, 0.08))
        return picture * (1 - shadow.clamp(0, 0.65))

    def _own_teeth(self, picture: Tensor, below: Tensor) -> Tensor:
        """`picture` with what the portrait shows between its lips, which stays with the head."""
        v = self._v
        # Once the lower lip has left them, the teeth end a little above where it was.
        left = ramp(below, 0.0, 0.08)
        seen = torch.minimum(torch.maximum(v, -self._gap + 0.02 * left), 0.05 * (1 - left))
        own = self._patch.sample(self._u, seen + self._shape.seam.at(self._u))
        shown = (1 - ramp(v + 0.05 * left, 0, 0.05)) * (1 - left * (1 - ramp(self._gap, 0.02, 0.08)))
        return over(picture, own, shown)

    def _upper_teeth(self, pose: Pose, picture: Tensor, depth: Tensor) -> Tensor:
        """`picture` with the upper teeth, which stay with the head."""
        u, v = self._u, self._v
        edge = 0.10 + 0.05 * pose.open + 0.10 * pose.lift - 0.05 * (u / 0.8) ** 2
        alpha, relief = self._row(_UPPER_ROW, edge - v, height=0.42, upward=False)
        shade = (0.80 + 0.20 * ramp(depth, -0.1, 0.45)) * (1 - 0.5 * (u / 0.95) ** 2).clamp(min=0.15)
        gums = ramp(edge - v, 0.38, 0.44) * (1 - ramp(u.abs(), 0.7, 0.95))
        picture = over(picture, self._paint(_GUMS, shade), gums)
        return over(picture, self._paint(_TEETH, shade * relief) / self._light**0.4, alpha * 0.97)

    def _row(
        self, teeth: tuple[tuple[float, float], ...], inward: Tensor, *, height: float, upward: bool
    ) -> tuple[Tensor, Tensor]:
        """Where a row of teeth is, 0 to 1, and how bright each spot of it.

        Args:
            teeth: width and shortness of each, from the middle outward.
            inward: (h, w) from the row's free edge towards its gums.
            height: of the teeth.
            upward: for the lower row, whose free edges are flatter.
        """
        away = self._u.abs()
        alpha, relief = torch.zeros_like(away), torch.ones_like(away)
        start, soft = 0.0, 1.2 * self._pixel
        for width, shorter in teeth:
            across = (away - start - width / 2) / (width / 2)
            within = ramp(away, start - soft, start + soft) * (
                1 - ramp(away, start + width - soft, start + width + soft)
            )
            # Free edges are round at their corners, necks are narrow.
            rounded = (0.02 if upward else 0.05) * across.abs() ** 4 + shorter
            tooth = within * ramp(inward - rounded, -soft, soft) * (1 - ramp(inward, height - 0.04, height))
            alpha = torch.maximum(alpha, tooth)
            hollow = 1 - 0.30 * across.abs() ** 6 - 0.06 * across**2 - 0.10 * ramp(inward, 0.5 * height, height)
            relief = torch.where(within > 0.5, hollow, relief)
            start += width
        return alpha * (1 - ramp(away, start - 0.15, start)), relief.clamp(min=0.3)

    def _paint(self, color: tuple[float, float, float], shade: Tensor) -> Tensor:
        return torch.tensor(color).view(3, 1, 1) * self._light * shade


def _light(picture: Tensor, points: FacePoints) -> Tensor:
    """How bright the face is lit, per channel (3, 1, 1), from the middle of its cheeks."""
    radius = max(int(points.eye_distance * 0.12), 1)
    samples: list[Tensor] = []
    for eye in (points.left_eye, points.right_eye):
        x, y = int((eye[0] + points.mouth[0] * 0.2) / 1.2), int(eye[1] * 0.45 + points.mouth[1] * 0.55)
        samples.append(picture[0, :, max(y - radius, 0) : y + radius, max(x - radius, 0) : x + radius].reshape(3, -1))
    brightness = torch.cat(samples, dim=1).median(dim=1).values.mean() / 195
    return brightness.clamp(0.45, 1.05).view(1, 1, 1)
