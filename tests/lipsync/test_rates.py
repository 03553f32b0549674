"""Frame rates as people write them."""

from fractions import Fraction

import pytest

from myspinbot.engines.lipsync.rates import exact_rate


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(2398, 100)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (25, Fraction(25)),
        (12.5, Fraction(25, 2)),
        (60.0, Fraction(60)),
    ],
)
def test_what_is_written_is_what_is_meant(written, meant):
    assert exact_rate(written) == meant


@pytest.mark.parametrize("wrong", [0.5, 0, 300, -25, float("nan")])
def test_what_no_clip_has_is_refused(wrong):
    with pytest.raises(ValueError, match="between 1 and 240"):
        exact_rate(wrong)
