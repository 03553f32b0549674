"""InfiniteTalk at full size within 16 GiB of graphics memory: 480p, and 720p tile by tile.

The files have the real shapes and types and hold zeros, as holes, which take no space on disk; memory doesn't depend
on the numbers. It needs 32 GB of memory and some minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from myspinbot_runner import Client
from tests.conftest import make_server
from tests.infinitetalk.graphs import furnish, node, talk
from tests.miniatures import wan

GIB = 16
pytestmark = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module", params=[(), ("--disable-dynamic-vram",)], ids=["dynamic", "estimated"])
def card(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server that may take 16 GiB of the card, with models at full size, in both of ComfyUI's ways to load them."""
    base: Path = tmp_path_factory.mktemp("gpu")
    models = base / "models"
    wan.write_holes(models, wan.MODEL, wan.video_model(dim=5120, ffn=13824, layers=40), "F8_E4M3", 1)
    wan.write_holes(models, wan.PATCH, wan.infinitetalk(dim=5120, inner=512, out=768), "F16", 2)
    wan.write_holes(models, wan.VAE, wan.vae(dim=96), "BF16", 2)
    wan.write(models, wan.ENCODER, wan.wav2vec2())
    furnish(base)
    total = torch.cuda.get_device_properties(0).total_memory / 2**30
    # The fraction is a wall for what PyTorch takes; the reserve makes ComfyUI plan for what lies within it.
    server = make_server(base, "--reserve-vram", f"{max(total - GIB, 1):.1f}", *request.param)
    server.cpu = False
    with server.start() as running:
        yield running


@pytest.mark.parametrize(("width", "height"), [(832, 480), (576, 576), (1280, 720)])
def test_two_windows_fit(card, width, height):
    work = talk(width=width, height=height, frame_window_size=81, motion_frame=25, steps=2, color_match="mkl",
                vae_tiling="auto")  # fmt: skip
    work["40"] = node("TestLimitMemory", model=["1", 0], gib=float(GIB))
    work["20"]["inputs"]["model"] = ["40", 0]
    work["41"] = node("TestPeakMemory", video=["20", 0])
    work["42"] = node("PreviewAny", source=["41", 0])
    peak = float(Client(card.url).submit(work).result().texts["42"][0])
    assert 0 < peak <= GIB, f"{width}x{height}: {peak:.2f} GiB"
