"""Subtitles drawn into the frames of a clip, which is read and written as a stream."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ...media.clip import at_rate, probe, read
from ...media.prefetch import prefetch
from ...media.sound_tracks import SoundFrom
from ...media.video import VideoWriter
from ..progress import OnStep
from ..timings import Timings
from .caption import Caption, Pixels, Style, draw_caption
from .cues import LINE, OTHER_TEXT, Cue, cues
from .fonts import Fit, Fonts, needs_shaping, script_name, shapes, system_folders


@dataclass(frozen=True, slots=True)
class Burnt:
    """Whether a clip was written (there was something to draw), what the user should know, and how it was read."""

    written: bool
    remarks: list[str]
    reading: tuple[str, ...] = ()


def burn(
    source: Path,
    target: Path,
    timings: Timings,
    text: str = "",
    *,
    style: Style | None = None,
    folders: Sequence[Path] = (),
    on_step: OnStep | None = None,
) -> Burnt:
    """Write `source` to `target` with the subtitles of `timings` in its frames, at its average rate.

    What no font of this computer can show is left out, and the remarks say so. The sound is copied as it is.

    Args:
        source: The video of the speech.
        target: Where the new one is written.
        timings: When each word is spoken.
        text: As for `cues.cues`.
        style: How the subtitles look.
        folders: Where fonts are looked for before the system's own folders.
        on_step: called with frames done and frames in all; what it raises ends the work.

    Raises:
        ValueError: `source` is no video, or the color of `style` isn't one.
        FileExistsError: `target` exists.
    """
    style = style or Style()
    style.check()
    info = probe(source)
    width, height = info.width // 2 * 2, info.height // 2 * 2  # H.264 needs them even
    wanted, used = cues(timings, text, line=min(style.columns(width, height), LINE))
    remarks = [] if used else [OTHER_TEXT]
    total = max(round(info.duration * info.fps), 1)
    fitted, lost = _fit_fonts(wanted, [*folders, *system_folders()], lambda: on_step(0, total) if on_step else None)
    remarks += lost
    if not fitted:
        return Burnt(written=False, remarks=[*remarks, "Nothing was written into the video, which stays as it is."])
    sound = SoundFrom(source) if info.has_audio else None
    with (
        closing(prefetch(at_rate(read(source), info.fps))) as frames,
        VideoWriter(target, width=width, height=height, fps=info.fps, sound=sound) as video,
    ):
        cropped = (frame[:height, :width] for frame in frames)
        for index, frame in enumerate(_captioned(cropped, fitted, info.fps, style)):
            video.write(frame)
            if on_step:
                on_step(min(index + 1, total), total)
    return Burnt(written=True, remarks=remarks, reading=info.remarks)


def _fit_fonts(
    cues: Sequence[Cue], folders: Sequence[Path], between: Callable[[], None]
) -> tuple[list[tuple[Cue, Fit]], list[str]]:
    """The subtitles that can be drawn, each with its font, and remarks on the rest."""
    fonts = Fonts("".join(line for cue in cues for line in cue.lines), folders, between)
    fitted: list[tuple[Cue, Fit]] = []
    unwritten: dict[str, dict[str, None]] = {}  # script -> its letters that no font has
    shapeless, dropped = False, dict[str, None]()
    for cue in cues:
        text = unicodedata.normalize("NFC", "".join(cue.lines))
        fit = fonts.of(text)
        letters = [letter for letter in text if letter in fit.missing and letter.isalnum()]
        for letter in letters:
            unwritten.setdefault(script_name(letter), {})[letter] = None
        if needs_shaping(text) and not shapes():
            shapeless = True
        elif not letters:
            dropped |= dict.fromkeys(letter for letter in text if letter in fit.missing)
            fitted.append((cue, fit))
    remarks = [
        f"No font on this computer has the {name} letters {' '.join(list(letters)[:8])}, so subtitles with them aren't "
        "written into the video. Put a font that has them into models/fonts."
        for name, letters in unwritten.items()
    ]
    if shapeless:
        remarks.append(
            "Pillow can't lay out this script here, because the library FriBiDi is missing, so subtitles in it aren't "
            "written into the video. Install it: libfribidi0 on Debian and Ubuntu, fribidi with Homebrew."
        )
    if dropped:
        remarks.append(f"The font of the subtitles lacks these signs, which are left out: {' '.join(dropped)}")
    return fitted, remarks


def _captioned(
    frames: Iterable[Pixels], fitted: Sequence[tuple[Cue, Fit]], fps: Fraction, style: Style
) -> Iterator[Pixels]:
    """`frames` at a constant rate, with the subtitle of the middle of each one's time."""
    waiting = iter(fitted)
    cue, fit = next(waiting)
    caption: Caption | None = None
    drawn_for: Cue | None = None
    for index, frame in enumerate(frames):
        time = (index + Fraction(1, 2)) / fps
        while time >= cue.end and (following := next(waiting, None)) is not None:
            cue, fit = following
        if not cue.start <= time < cue.end:
            yield frame
            continue
        if drawn_for is not cue:
            caption, drawn_for = draw_caption(cue.lines, fit, style, frame.shape[1], frame.shape[0]), cue
        yield caption.over(frame) if caption else frame
