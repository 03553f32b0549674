"""From pictures to a training set: checked, cropped around the face, captioned, and a few held out."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...media.faces import Box, Pixels
from ...media.faces.cascade import find_faces
from ...media.faces.portrait import find_points
from ...media.picture import fitted
from ..progress import OnStep
from . import checks
from .checks import Bits, Finding
from .read import Picture, Unreadable
from .settings import LEAST, MOST, Settings

TRIGGER = "{trigger}"
_HELD_OUT_EVERY = 8  # of so many pictures one is held out
_ASPECTS = (3 / 4, 1.0, 4 / 3)  # width to height
_ROOM = 4.5  # sides of a face that a crop's shorter side spans at most: head, shoulders and some of the place
_FACE_HEIGHT = 0.42  # of the crop's height, where the face's middle is wished
_SEARCH_SIDE = 1024


class CaptionError(ValueError):
    """A trigger word or template can't be used; the message says why."""


class TrainingSetError(ValueError):
    """There aren't enough usable pictures, or too many; the message holds the report."""


@dataclass(frozen=True, slots=True)
class Example:
    """A crop (h, w, 3) uint8 and the words that it is learned with."""

    name: str
    pixels: Pixels
    caption: str


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What is trained on, what the training is only measured on, and what was found in the pictures."""

    examples: tuple[Example, ...]
    held_out: tuple[Example, ...]
    findings: tuple[Finding, ...]

    def report(self) -> str:
        """What was found, one line each, the worst first."""
        total = len(self.examples) + len(self.held_out)
        lines = [f"{total} pictures are used: {len(self.examples)} to learn, {len(self.held_out)} to measure."]
        if not self.held_out:
            lines.append(f"No picture is held out to measure with; from {_HELD_OUT_EVERY} pictures on, one is.")
        return "\n".join([*lines, *map(str, worst_first(self.findings))])


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: ("left out", "doubtful", "good").index(finding.rating))


def prepare_training_set(
    pictures: Iterable[Picture | Unreadable],
    count: int,
    settings: Settings,
    *,
    trigger: str,
    template: str,
    on_step: OnStep = lambda done, total: None,
) -> TrainingSet:
    """The training set in some pictures, which are read and checked one by one.

    Args:
        pictures: With the captions that the user wrote.
        count: How many they are.
        settings: Whose resolution the crops have.
        trigger: The words that stand for the person.
        template: The caption of a picture without one; `{trigger}` stands for the trigger.
        on_step: Called with pictures done and pictures in all.

    Raises:
        TrainingSetError: Fewer than 5 pictures are usable, or there are more than 50.
        CaptionError: The template has no place for the trigger.
    """
    caption("", template, trigger)  # a bad template is refused before work starts
    if count > MOST:
        raise TrainingSetError(f"There are {count} pictures, and {MOST} are the most. Choose the best of them.")
    if count < LEAST:
        raise TrainingSetError(
            f"There {'is only 1 picture' if count == 1 else f'are only {count} pictures'}, and {LEAST} are the least; "
            "10 to 20 in different light and from different sides give a better likeness."
        )
    findings: list[Finding] = []
    usable: list[Example] = []
    hashes: dict[str, Bits] = {}
    for done, picture in enumerate(pictures):
        on_step(done, count)
        box, found = _check(picture, settings.resolution, hashes)
        findings += found or [Finding(picture.name, "good", "One face, sharp.")]
        if box and isinstance(picture, Picture):
            crop = crop_to_face(picture.pixels, box, settings.resolution, settings.step)
            usable.append(Example(picture.name, crop, caption(picture.caption, template, trigger)))
    on_step(count, count)
    if len(usable) < LEAST:
        details = "\n".join(map(str, worst_first(findings)))
        raise TrainingSetError(
            f"Only {len(usable)} of {count} pictures can be used, and {LEAST} are the least. What was found:\n{details}"
        )
    held = tuple(usable[_HELD_OUT_EVERY - 1 :: _HELD_OUT_EVERY])
    del usable[_HELD_OUT_EVERY - 1 :: _HELD_OUT_EVERY]
    return TrainingSet(tuple(usable), held, tuple(findings))


def _check(picture: Picture | Unreadable, resolution: int, hashes: dict[str, Bits]) -> tuple[Box | None, list[Finding]]:
    """The face to learn, None where the picture is left out, and what is doubtful or wrong."""
    name = picture.name
    if isinstance(picture, Unreadable):
        return None, [Finding(name, "left out", f"It can't be used: {picture.reason}.")]
    pixels = picture.pixels
    found = [small] if (small := checks.size(name, pixels, resolution)) else []
    if any(finding.rating == "left out" for finding in found):
        return None, found
    own = checks.perceptual_hash(pixels)
    twin = next((other for other, bits in hashes.items() if checks.alike(own, bits)), None)
    if twin:
        return None, [Finding(name, "left out", f"It is nearly the same as {twin}.")]
    boxes = detect_faces(pixels)
    blurred = checks.blur(name, pixels, boxes[0]) if boxes else None
    found += [finding for finding in (checks.faces(name, boxes), blurred) if finding]
    if any(finding.rating == "left out" for finding in found):
        return None, found
    hashes[name] = own  # only now, so that nothing is left out for being like a picture that isn't learned
    return boxes[0], found


def checked_trigger(trigger: str) -> str:
    """The trigger with single spaces.

    Raises:
        CaptionError: It is empty, long, or has characters that prompts give a meaning to.
    """
    trigger = " ".join(trigger.split())
    if not trigger or len(trigger) > 60 or any(mark in trigger for mark in "(){}[]:,\\"):
        raise CaptionError(
            f"The trigger can't be {trigger!r}. Use a word or a few that are rare, such as `ohwx person`, "
            "without brackets, commas and colons."
        )
    return trigger


def caption(written: str, template: str, trigger: str) -> str:
    """What the user wrote about a picture, else the template; with the trigger in any case.

    Raises:
        CaptionError: The template has no place for the trigger.
    """
    if written:
        return written if trigger.casefold() in written.casefold() else f"{trigger}, {written}"
    if TRIGGER not in template:
        raise CaptionError(f"The caption {template!r} has no {TRIGGER} in it, which stands for the trigger word.")
    return " ".join(template.replace(TRIGGER, trigger).split())


def detect_faces(pixels: Pixels) -> list[Box]:
    """The faces in a picture (H, W, 3), largest first; a tilted one too where no upright one is found."""
    small, scale = fitted(pixels, _SEARCH_SIDE)
    boxes = find_faces(small) or _tilted(small)
    return [Box(box.x / scale, box.y / scale, box.side / scale) for box in boxes]


def _tilted(pixels: Pixels) -> list[Box]:
    try:
        points = find_points(pixels).points
    except ValueError:
        return []
    side = 2.6 * points.eye_distance  # as wide as the boxes of upright faces are
    x = (points.left_eye[0] + points.right_eye[0] + 2 * points.mouth[0]) / 4
    y = (points.left_eye[1] + points.right_eye[1] + 2 * points.mouth[1]) / 4
    return [Box(x - side / 2, y - side / 2, side)]


def buckets(resolution: int, step: int) -> list[tuple[int, int]]:
    """Sizes (w, h) of about `resolution` squared pixels, multiples of `step`."""
    sizes = ((resolution * math.sqrt(aspect), resolution / math.sqrt(aspect)) for aspect in _ASPECTS)
    return [(max(round(width / step), 1) * step, max(round(height / step), 1) * step) for width, height in sizes]


def crop_to_face(pixels: Pixels, box: Box, resolution: int, step: int) -> Pixels:
    """The surroundings of a face.

    Args:
        pixels: (H, W, 3) uint8.
        box: The face.
        resolution: Side of a square crop in pixels.
        step: What both sides of a crop are multiples of.

    Returns:
        (h, w, 3), in the bucket that is nearest the picture's own shape.
    """
    height, width = pixels.shape[:2]
    aspect = width / height
    size = min(buckets(resolution, step), key=lambda size: abs(math.log(size[0] / size[1] / aspect)))
    scale = min(width / size[0], height / size[1], _ROOM * box.side / min(size))
    crop_width, crop_height = size[0] * scale, size[1] * scale
    x, y = box.centre
    left = float(np.clip(x - crop_width / 2, 0, width - crop_width))
    top = float(np.clip(y - _FACE_HEIGHT * crop_height, 0, height - crop_height))
    region = (left, top, left + crop_width, top + crop_height)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, region))
