"""The mouth in a window on the lower face: where the lips part, how wide they are, whether teeth show."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .geometry import UNIT, Plane

MOUTH_WIDTH, LIP_HEIGHT = 0.80, 0.15  # of an average face, in distances between the eyes
_SMILE_WIDTH = 0.96
_RED_ENOUGH = 0.04  # red minus green above the skin's, as a share of the skin's brightness
_TEETH_TINT = 0.385  # red in red + green + blue: white has 0.333, skin 0.39 to 0.5


@dataclass(frozen=True, slots=True)
class MouthRows:
    """In a window's pixels: the parting line's row and shift off the axis, and the sizes."""

    row: float
    shift: float
    half_width: float
    lip: float
    teeth: float


def find_mouth(window: Plane, expected: float) -> MouthRows:
    """The mouth in `window` (h, w, 3), whose middle column is the face's axis."""
    light = ndimage.gaussian_filter(window.mean(axis=2), (0.8, 1.2))
    skin = float(np.median(light))
    # Redness as a difference, since in a ratio every shadow is red; paleness as a ratio, as teeth are lit unevenly.
    red = ndimage.gaussian_filter((window[..., 0] - window[..., 1]) / max(skin, 1.0), 1.2)
    tint = ndimage.gaussian_filter(window[..., 0] / np.maximum(window.sum(axis=2), 1.0), 1.2)
    centre = window.shape[1] // 2
    core = slice(centre - int(0.18 * UNIT), centre + int(0.18 * UNIT) + 1)
    rows = np.arange(window.shape[0])
    row_light, row_red, row_tint = (plane[:, core].mean(axis=1) for plane in (light, red, tint))

    reach = max(int(0.09 * UNIT), 1)
    line = (np.roll(row_light, reach) + np.roll(row_light, -reach)) / 2 - row_light
    line[:reach] = line[-reach:] = 0
    prior = np.exp(-0.5 * ((rows - expected) / (0.17 * UNIT)) ** 2)
    lips = ndimage.gaussian_filter1d(row_red - float(np.median(red)), 2.0)
    if lips.max() > _RED_ENOUGH:  # the parting line lies within the red of the lips
        crest = int(np.argmax(lips * prior))
        prior = prior * (lips > 0.5 * lips[crest]) * np.exp(-0.5 * ((rows - crest) / (0.08 * UNIT)) ** 2)
    best = int(np.argmax((np.clip(line, 0, None) + 0.1) * prior))

    teeth, row = _teeth(row_light / skin, row_tint, best, float(np.median(tint)))
    half_width, shift = _reach(light, red, row, skin, smile=teeth > 0)
    lip = _lower_lip(row_red, row, float(np.median(red)))
    return MouthRows(float(row), shift, half_width, lip, teeth)


def _teeth(light: Plane, tint: Plane, best: int, skin_tint: float) -> tuple[float, int]:
    """Height of a band of rows as bright as skin and less red, near row `best`, and the parting line below it."""
    reach = int(0.2 * UNIT)
    low, high = max(best - reach, 1), min(best + reach, len(tint) - 1)
    palest = low + int(np.argmin(tint[low:high]))
    if tint[palest] > min(_TEETH_TINT, skin_tint - 0.01) or light[palest] < 0.7:
        return 0.0, best
    level = (float(tint[palest]) + float(tint[low:high].max())) / 2
    start = end = palest
    while start > 0 and tint[start - 1] < level:
        start -= 1
    while end < len(tint) - 1 and tint[end + 1] < level:
        end += 1
    height = end - start + 1
    return (float(height), end + 1) if height < 0.32 * UNIT else (0.0, best)


def _reach(light: Plane, red: Plane, row: int, skin: float, *, smile: bool) -> tuple[float, float]:
    """Half the mouth's width and how far its middle is off the axis: its line is darker or redder than skin."""
    band = slice(max(row - 3, 0), row + 4)
    dark = np.clip((skin - light[band].min(axis=0)) / max(skin, 1.0), 0, None)
    rosy = np.clip(red[band].max(axis=0) - np.median(red), 0, None)
    mouth = dark + rosy
    centre = len(mouth) // 2
    level = 0.42 * float(np.median(mouth[centre - 10 : centre + 11]))
    reaches: list[int] = []
    for step in (-1, 1):
        at = centre
        while 0 < at < len(mouth) - 1 and mouth[at] > level:
            at += step
        reaches.append(abs(at - centre))
    average = (_SMILE_WIDTH if smile else MOUTH_WIDTH) / 2 * UNIT
    half = 0.5 * average + 0.5 * sum(reaches) / 2
    return float(np.clip(half, 0.8 * average, 1.2 * average)), _mirror_axis(mouth) - centre


def _mirror_axis(profile: Plane) -> float:
    """The column, near the middle, about which `profile` (w,) is most like its mirror image."""
    centre, reach, limit = len(profile) // 2, int(0.5 * UNIT), int(0.12 * UNIT)
    profile = ndimage.gaussian_filter1d(profile, 1.5)

    def unlikeness(axis: int) -> float:
        left, right = profile[axis - reach : axis][::-1], profile[axis + 1 : axis + 1 + reach]
        return float(np.abs(left - right).mean()) + 0.001 * abs(axis - centre)

    return float(min(range(centre - limit, centre + limit + 1), key=unlikeness))


def _lower_lip(row_red: Plane, row: int, skin_red: float) -> float:
    """Rows from the parting line to where the red of the lower lip ends."""
    lip = row_red[row : row + int(0.32 * UNIT)] - skin_red
    average = LIP_HEIGHT * UNIT
    if lip.size < 3 or lip.max() < _RED_ENOUGH:
        return average
    below = np.nonzero(lip < 0.45 * lip.max())[0]
    after_peak = below[below > int(np.argmax(lip))]
    end = float(after_peak[0]) if after_peak.size else average
    return float(np.clip(end, 0.5 * average, 1.6 * average))
