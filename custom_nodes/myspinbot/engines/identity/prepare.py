"""From pictures to a training set: looked at, cropped, captioned, and a few held out."""

from collections.abc import Iterable
from dataclasses import dataclass

from ...media.faces import Box, Pixels
from ..progress import OnStep
from . import checks
from .captions import caption
from .checks import Bits, Finding
from .crop import cropped, seen
from .read import Picture, Unreadable
from .settings import LEAST, MOST, Settings

_HELD_OUT_EVERY = 8  # of so many pictures one is held out


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
    return sorted(findings, key=lambda finding: ("left out", "doubtful", "good").index(finding.verdict))


def prepare(
    pictures: Iterable[Picture | Unreadable],
    count: int,
    settings: Settings,
    *,
    trigger: str,
    template: str,
    on_step: OnStep = lambda done, total: None,
) -> TrainingSet:
    """The training set in `count` pictures, which are looked at one by one.

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
    kept: list[Example] = []
    hashes: dict[str, Bits] = {}
    for done, picture in enumerate(pictures):
        on_step(done, count)
        box, found = _looked_at(picture, settings.resolution, hashes)
        findings += found or [Finding(picture.name, "good", "One face, sharp.")]
        if box and isinstance(picture, Picture):
            crop = cropped(picture.pixels, box, settings.resolution, settings.step)
            kept.append(Example(picture.name, crop, caption(picture.caption, template, trigger)))
    on_step(count, count)
    if len(kept) < LEAST:
        said = "\n".join(map(str, worst_first(findings)))
        raise TrainingSetError(
            f"Only {len(kept)} of {count} pictures can be used, and {LEAST} are the least. What was found:\n{said}"
        )
    held = tuple(kept[_HELD_OUT_EVERY - 1 :: _HELD_OUT_EVERY])
    del kept[_HELD_OUT_EVERY - 1 :: _HELD_OUT_EVERY]
    return TrainingSet(tuple(kept), held, tuple(findings))


def _looked_at(
    picture: Picture | Unreadable, resolution: int, hashes: dict[str, Bits]
) -> tuple[Box | None, list[Finding]]:
    """The face to learn, None where the picture is left out, and what is doubtful or wrong."""
    name = picture.name
    if isinstance(picture, Unreadable):
        return None, [Finding(name, "left out", f"It can't be used: {picture.reason}.")]
    pixels = picture.pixels
    found = [small] if (small := checks.size(name, pixels, resolution)) else []
    if any(finding.verdict == "left out" for finding in found):
        return None, found
    own = checks.perceptual_hash(pixels)
    twin = next((other for other, bits in hashes.items() if checks.alike(own, bits)), None)
    if twin:
        return None, [Finding(name, "left out", f"It is nearly the same as {twin}.")]
    boxes = seen(pixels)
    blurred = checks.blur(name, pixels, boxes[0]) if boxes else None
    found += [finding for finding in (checks.faces(name, boxes), blurred) if finding]
    if any(finding.verdict == "left out" for finding in found):
        return None, found
    hashes[name] = own  # only now, so that nothing is left out for being like a picture that isn't learned
    return boxes[0], found
