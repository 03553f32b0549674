"""Colours: what drifts is brought back, seams stay level, and neutral inputs stay what they are."""

import pytest
import torch

from myspinbot.engines.infinitetalk.color_match import match_colors, to_lab, to_rgb


def face(seed: int = 0) -> torch.Tensor:
    """A smooth picture of many colours, (48, 48, 3)."""
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed)) * 0.8 + 0.1
    return torch.nn.functional.interpolate(coarse, size=(48, 48), mode="bicubic")[0].movedim(0, -1).clamp(0, 1)


def test_lab_is_cie_lab():
    known = {
        (1.0, 1.0, 1.0): (100, 0, 0),
        (1.0, 0.0, 0.0): (53.24, 80.09, 67.20),
        (0.0, 0.0, 1.0): (32.30, 79.19, -107.86),
    }
    for rgb, lab in known.items():
        assert torch.allclose(to_lab(torch.tensor(rgb)), torch.tensor(lab, dtype=torch.float32), atol=0.05)


def test_there_and_back():
    rgb = torch.rand(1000, 3, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(to_rgb(to_lab(rgb)), rgb, atol=1e-4)


@pytest.mark.parametrize("method", ["lab", "mkl"])
def test_what_has_the_colours_already_keeps_them(method):
    frames = face().expand(30, -1, -1, -1)
    assert torch.allclose(match_colors(frames, face(), method), frames, atol=2e-3)


@pytest.mark.parametrize(("method", "limit"), [("lab", 9), ("mkl", 0.5)])
def test_drift_over_many_windows_does_not_add_up(method, limit):
    """A model that fades, reddens and flattens what it goes on from by a little in every frame."""

    def window(before: torch.Tensor, frames: int) -> torch.Tensor:
        fade = torch.tensor([1.0005, 0.9995, 0.999])
        made = [before[-1]]
        for _ in range(frames):
            made.append((0.5 + (made[-1] - 0.5) * 0.9995) * fade)
        return torch.stack(made[1:]).clamp(0, 1)

    portrait = face()
    free = kept = portrait[None].expand(9, -1, -1, -1)
    jumps = []
    for _ in range(12):
        free = window(free, 24)
        made = match_colors(torch.cat([kept[-9:], window(kept, 24)]), portrait, method, known=9)
        assert made.shape[0] == 24
        jumps.append(float((made[0] - kept[-1]).abs().mean()))
        kept = made
    away = float((to_lab(free[-1]) - to_lab(portrait)).norm(dim=-1).mean())
    still = float((to_lab(kept[-1]) - to_lab(portrait)).norm(dim=-1).mean())
    assert away > 15, "the model does drift"
    assert still < limit
    assert max(jumps) < 1 / 255, "no seam is seen"


def test_speech_does_not_make_the_picture_flicker():
    """A mouth that opens and closes changes a frame's statistics; what isn't mouth must hardly follow it."""
    frames = face().repeat(50, 1, 1, 1)
    frames[::5, 30:40, 16:32] = 0.05
    made = match_colors(frames, face(), "lab")
    away = (made[1:, :20] - made[:-1, :20]).abs().mean(dim=(1, 2, 3))
    assert float(away.max()) < 1.25 / 255
