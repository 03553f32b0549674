"""Upscalers and restorers in miniature for all of these tests."""

from __future__ import annotations

import pytest
import torch

from tests.engines import one_thread  # noqa: F401


def load(state: dict[str, torch.Tensor], *, exact: bool = True):
    """A network from a state dict, through spandrel."""
    from spandrel import ModelLoader

    from myspinbot.engines.enhance.upscale_network import load_network

    return load_network(ModelLoader().load_from_state_dict(dict(state)), device=torch.device("cpu"), exact=exact)


class Scarce:
    """A network that runs out of memory above so many pixels at once."""

    def __init__(self, network, pixels: int) -> None:
        self._network, self._pixels = network, pixels
        self.refused = 0

    def __getattr__(self, name: str):
        return getattr(self._network, name)

    def __call__(self, pictures):
        if pictures.shape[0] * pictures.shape[1] * pictures.shape[2] > self._pixels:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self._network(pictures)


@pytest.fixture(scope="session")
def compact():
    """A fast model that enlarges twice."""
    from tests.miniatures import upscale as miniature

    return load(miniature.compact())


@pytest.fixture(scope="session")
def dense():
    """An RRDB of two blocks that enlarges twice and folds 2 x 2 pixels."""
    from tests.miniatures import upscale as miniature

    return load(miniature.rrdb(features=16, blocks=2))


@pytest.fixture
def upscaled(tmp_path, compact):
    """Call it with a clip and settings for the path of the upscaled clip; `.remarks` and `.steps` are of the last."""

    from myspinbot.engines.enhance.clip import Settings, enhance
    from myspinbot.shared.work_store import Store

    class Call:
        def __init__(self) -> None:
            self.count, self.remarks, self.steps = 0, [], []

        def __call__(self, source, network=compact, on_step=None, restoration=None, ready=lambda: None, **settings):
            self.count += 1
            self.steps = []
            path = tmp_path / f"out{self.count}.mp4"
            report = enhance(
                source,
                path,
                network,
                Settings(**settings),
                Store(tmp_path / "work", 10**9),
                memory=10**9,
                on_step=on_step or (lambda done, total: self.steps.append((done, total))),
                restoration=restoration,
                ready=ready,
            )
            self.remarks, self.report = report.remarks, report
            return path

    return Call()
