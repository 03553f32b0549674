"""Frame rates as people write them, made exact."""

from fractions import Fraction

_NTSC = Fraction(1000, 1001)


def exact_rate(fps: float) -> Fraction:
    """The rate that is meant: 23.976 is 24000/1001, 29.97 is 30000/1001, 12.5 is itself.

    Raises:
        ValueError: it is not between 1 and 240.
    """
    if not 1 <= fps <= 240:
        raise ValueError(f"A frame rate must be between 1 and 240 frames a second, not {fps:g}.")
    whole = round(fps)
    if abs(fps - whole) < 1e-6:
        return Fraction(whole)
    ntsc = round(fps / float(_NTSC)) * _NTSC
    return ntsc if abs(float(ntsc) - fps) < 2e-3 else Fraction(fps).limit_denominator(1001)
