"""A face bent out of its own picture: a mouth in any pose, lids that shut, a head that sways.

Each part works on a patch of the portrait in units of its own. The mouth's are half its width, 0 where the lips part.
The picture is split there: what lies above follows the upper lip, what lies below follows the jaw, and the gap is
painted.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as functional
from torch import Tensor

from ...media.faces import FacePoints, Point
from .visemes import Pose

WIDEST_GAP = 0.92  # between the lips, in half mouth widths
_TO_OUTLINE = 0.68  # from the mouth's middle to the face's outline beside it, in eye distances
_CAVITY = (58.0, 20.0, 22.0)
_TONGUE = (168.0, 84.0, 82.0)
_TEETH = (236.0, 228.0, 214.0)


@dataclass(frozen=True, slots=True)
class Patch:
    """Part of a picture, `y:y+h, x:x+w`, seen in units of `unit` pixels around `origin`, turned by `roll`.

    Attributes:
        u, v: (h, w) each pixel's coordinates; u runs along the eye line, v down the face.
        picture: (1, 3, H, W) the whole portrait, float.
    """

    picture: Tensor
    x: int
    y: int
    u: Tensor
    v: Tensor
    origin: Point
    unit: float
    roll: float

    @classmethod
    def around(
        cls,
        picture: Tensor,
        origin: Point,
        unit: float,
        roll: float,
        *,
        u: tuple[float, float],
        v: tuple[float, float],
    ) -> "Patch":
        """The patch that holds a turned box, cut at the picture's edges.

        Args:
            picture: (1, 3, H, W) float.
            origin: of the coordinates, in pixels.
            unit: pixels of a step of 1.
            roll: by which the coordinates are turned, radians clockwise.
            u: where the box begins and ends along the eye line.
            v: where it begins and ends down the face.
        """
        height, width = picture.shape[2:]
        cos, sin = math.cos(roll) * unit, math.sin(roll) * unit
        xs = [origin[0] + a * cos - b * sin for a in u for b in v]
        ys = [origin[1] + a * sin + b * cos for a in u for b in v]
        x0, x1 = max(int(min(xs)), 0), min(int(max(xs)) + 1, width)
        y0, y1 = max(int(min(ys)), 0), min(int(max(ys)) + 1, height)
        dy = (torch.arange(y0, max(y1, y0 + 1)) - origin[1]).unsqueeze(1)
        dx = (torch.arange(x0, max(x1, x0 + 1)) - origin[0]).unsqueeze(0)
        return cls(
            picture,
            x0,
            y0,
            (dx * cos + dy * sin) / unit**2,
            (dy * cos - dx * sin) / unit**2,
            origin,
            unit,
            roll,
        )

    def sample(self, u: Tensor, v: Tensor) -> Tensor:
        """The portrait at coordinates (h, w): (3, h, w), bicubic."""
        height, width = self.picture.shape[2:]
        cos, sin = math.cos(self.roll) * self.unit, math.sin(self.roll) * self.unit
        x = (u * cos - v * sin + (self.origin[0] + 0.5)) * (2 / width) - 1
        y = (u * sin + v * cos + (self.origin[1] + 0.5)) * (2 / height) - 1
        grid = torch.stack((x, y), dim=-1).unsqueeze(0)
        return functional.grid_sample(self.picture, grid, mode="bicubic", padding_mode="border", align_corners=False)[0]

    def of(self, frame: Tensor) -> Tensor:
        """This patch's part of `frame` (3, H, W), as a view."""
        height, width = self.u.shape
        return frame[:, self.y : self.y + height, self.x : self.x + width]


def ramp(value: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, a smooth step between."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def over(below: Tensor, above: Tensor, alpha: Tensor) -> Tensor:
    """`above` laid on `below` (3, h, w) where `alpha` (h, w) is 1."""
    return torch.lerp(below, above, alpha)


def fade_at_edges(height: int, width: int, share: float) -> Tensor:
    """(height, width): 0 on the border, so that nothing jumps or is pulled in there; 1 from `share` of a side on."""

    def along(size: int) -> Tensor:
        inward = torch.arange(size)
        return ramp(torch.minimum(inward, inward.flip(0)) / max(share * size, 1), 0, 1)

    return along(height).unsqueeze(1) * along(width).unsqueeze(0)


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
        self._patch.of(frame).copy_(self._posed(pose))

    def _posed(self, pose: Pose) -> Tensor:
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


class Lid:
    """Shuts one eye of a portrait (1, 3, H, W); units are half the eye's width, 0 at its middle."""

    def __init__(self, picture: Tensor, eye: Point, points: FacePoints) -> None:
        half = points.eye_width / 2
        self._height = points.eye_height / 2 / half * 1.25
        self._skin = max(0.34, 0.7 * self._height)  # how much skin above the eye is there to be drawn down
        self._patch = Patch.around(picture, eye, half, points.roll, u=(-1.55, 1.55), v=(-1.7, 1.3))
        self._pixel = 1 / half
        u = self._patch.u
        # Wider and rounder than many eyes are: of those too nothing may show at the corners.
        self._arch = (1 - (u / 1.36) ** 2).clamp(min=0) ** 0.8
        self._sides = 1 - ramp(u.abs(), 1.1, 1.4)
        self._lashes = 1 - ramp(u.abs(), 0.8, 1.3)

    def clear(self, frame: Tensor) -> None:
        """Give `frame` (3, H, W) the portrait's own eye back."""
        self._patch.of(frame).copy_(self._patch.of(self._patch.picture[0]))

    def draw(self, frame: Tensor, shut: float) -> None:
        """Paint the eye, `shut` from 0 (as it is) to 1, into `frame` (3, H, W)."""
        if shut < 0.02:
            return
        target = self._patch.of(frame)
        u, v = self._patch.u, self._patch.v
        top = -self._height * self._arch
        bottom = self._height * 1.3 * self._arch  # over the lower lid rather than short of it
        edge = torch.lerp(top, bottom, shut)
        fold = top - self._skin
        # Out of [fold, edge] back into [fold, top]: the lid's skin, stretched.
        stretch = (top - fold) / (edge - fold).clamp(min=1e-3)
        skin = self._patch.sample(u, fold + (v - fold) * stretch - 0.10 * shut)
        shade = 1 - 0.16 * shut * torch.exp(-(((v - edge) / 0.22) ** 2))
        soft = 1.2 * self._pixel
        covered = ramp(v - fold, 0, 0.25) * (1 - ramp(v - edge, -soft, soft)) * self._sides
        picture = over(target, skin * shade, covered)
        lash = torch.exp(-(((v - edge) / max(0.07, 1.3 * self._pixel)) ** 2)) * self._lashes * min(shut * 1.6, 1.0)
        target.copy_(picture * (1 - 0.55 * lash))


class Sway:
    """Moves the head of a picture of `height` by `width` pixels around its neck."""

    def __init__(self, height: int, width: int, points: FacePoints) -> None:
        distance = points.eye_distance
        pivot_x, pivot_y = points.chin[0], points.chin[1] + 0.5 * distance
        y = torch.arange(height, dtype=torch.float32).unsqueeze(1)
        x = torch.arange(width, dtype=torch.float32).unsqueeze(0)
        middle_x = (points.left_eye[0] + points.right_eye[0] + points.mouth[0]) / 3
        middle_y = (points.left_eye[1] + points.right_eye[1]) / 2
        far = torch.sqrt(((x - middle_x) / (1.5 * distance)) ** 2 + ((y - middle_y) / (2.0 * distance)) ** 2)
        weight = (1 - ramp(far, 0.95, 2.1)) * fade_at_edges(height, width, 0.06)
        self._unit, self._size = distance, (height, width)
        dx, dy = (x - pivot_x) * weight, (y - pivot_y) * weight
        zero = torch.zeros(height, width)
        # Where each pixel is read from: its own place, less the head's movement there; in grid_sample's units.
        place = torch.stack(((x + 0.5 + zero) * 2 / width - 1, (y + 0.5 + zero) * 2 / height - 1), -1)
        self._place = place.view(-1, 2)  # (H*W, 2)
        self._lever = torch.stack((dx, dy, weight), -1).view(-1, 3)  # (H*W, 3)
        self._to_grid = torch.tensor([2 / width, 2 / height])

    def move(self, frame: Tensor, shift_x: float, shift_y: float, roll: float, zoom: float) -> Tensor:
        """A frame with the head moved.

        Args:
            frame: (3, H, W).
            shift_x: to the right, in eye distances.
            shift_y: down, in eye distances.
            roll: radians, clockwise.
            zoom: relative growth.
        """
        movement = torch.tensor(
            [[zoom, roll], [-roll, zoom], [shift_x * self._unit, shift_y * self._unit]]
        )  # (3, 2): for small angles a turn is its own matrix
        grid = torch.addmm(self._place, self._lever, movement * -self._to_grid).view(1, *self._size, 2)
        return functional.grid_sample(
            frame.unsqueeze(0), grid, mode="bicubic", padding_mode="border", align_corners=False
        )[0]
