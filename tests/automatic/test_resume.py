"""Pipelines whose server is killed in the middle of their stages: nothing is made twice, the result is the same."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from myspinbot_runner import Client
from myspinbot_runner.events import Progress
from myspinbot_runner.server import LocalServer
from tests.conftest import StartServer
from tests.identity import portraits
from tests.runner.helpers import held_after, tag, until

from .conftest import QUICKER, write_models
from .pipelines import FINETUNE, RECORDING, TRAIN, WORDS, guided, only, used

PORTRAIT = "portrait"
SMALL = {"Portrait": {"steps": 1}, "TalkingHead": {"width": 128, "height": 128, "steps": 2}}


class Killed:
    """A server that is killed and started again, over one folder."""

    def __init__(self, start_server: StartServer, base: Path) -> None:
        self._start_server = start_server
        self.base, self.sampled = base, base / "sampled.txt"
        self._server: LocalServer | None = None

    def start(self) -> LocalServer:
        self._server = self._start_server(self.base, QUICKER, env={"MYSPINBOT_TEST_SAMPLED": str(self.sampled)}).start()
        return self._server

    def kill(self) -> None:
        """As a crash or a power cut would end it."""
        if self._server is not None:
            if self._server.running():
                os.kill(self._server.pid, signal.SIGKILL)
            self._server.stop()

    def count(self, what: str) -> int:
        """How often something was sampled, by all servers so far: `portrait` or `window`."""
        return self.sampled.read_text().split().count(what) if self.sampled.exists() else 0

    def kept(self, pattern: str) -> dict[Path, tuple[int, int]]:
        """The finished pieces of kept work, each with its inode and the moment it was written."""
        found = (self.base / "user" / "myspinbot" / "work").glob(pattern)
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found if path.name[0] != "."}


@pytest.fixture
def killed(start_server: StartServer, tmp_path: Path) -> Iterator[Callable[[Path | None], Killed]]:
    """Call it with a folder of models to share, or None for miniatures of its own."""
    made: list[Killed] = []

    def make(models: Path | None) -> Killed:
        base = tmp_path / "killed"
        base.mkdir()
        if models is None:
            write_models(base / "models")
        else:
            (base / "models").symlink_to(models, target_is_directory=True)
        made.append(Killed(start_server, base))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def content(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The frames (N, H, W, 3) and the samples of a video."""
    with av.open(str(path)) as clip:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)])
    with av.open(str(path)) as clip:
        return frames, np.concatenate([frame.to_ndarray() for frame in clip.decode(audio=0)], axis=1)


def video(server: Any, graph: dict[str, Any], out: Path) -> Path:
    job = Client(server.url).submit(graph)
    job.result()
    job.save(out)
    return only(out, ".mp4")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_guided_killed_while_it_draws_talks_and_enlarges(
    furnished: Any, bot: str, killed: Callable[[Path | None], Killed], tmp_path: Path
) -> None:
    own = killed(Path(furnished.base_directory) / "models")

    server = own.start()
    graph = guided(server, bot, length=8, **SMALL)
    hold = own.base / "hold-portrait"
    hold.touch()
    Client(server.url).submit(graph)
    assert until(lambda: own.count(PORTRAIT) == 1), "it draws"
    own.kill()
    hold.unlink()
    assert (own.count(PORTRAIT), own.count("window")) == (1, 0)

    server = own.start()
    with held_after(1, "infinitetalk-*/*.mkv", own.base) as stopped:
        Client(server.url).submit(graph)
        stopped()
        own.kill()
    assert own.count("window") == 2
    windows = own.kept("infinitetalk-*/*.mkv")
    assert len(windows) == 1, "it was killed in the second window"

    server = own.start()
    with held_after(1, "upscale-*/[0-9]*.mp4", own.base) as stopped:
        Client(server.url).submit(graph)
        stopped()
        own.kill()
    pieces, windows_then = own.kept("upscale-*/*.mp4"), own.kept("infinitetalk-*/*.mkv")
    whole = len(windows_then)
    assert windows.items() <= windows_then.items(), "the window that was done stays as it was"
    assert own.count("window") == 1 + whole, "only the one that was broken off is begun again"

    server = own.start()
    resumed = video(server, graph, tmp_path / "resumed")
    pieces_then = own.kept("upscale-*/*.mp4")
    assert pieces.items() < pieces_then.items(), "the pieces that were done stay, and some were missing"
    assert own.kept("infinitetalk-*/*.mkv") == windows_then
    assert own.count("window") == 1 + whole
    assert len({path.parent for path in (*windows_then, *pieces_then)}) == 2, "each stage went on with one work"

    unbroken = video(furnished, graph, tmp_path / "unbroken")
    assert used(resumed) == used(unbroken) == ["SD 1.5", "Speak (F5-TTS)", "InfiniteTalk", "Upscale Video"]
    for one, other in zip(content(resumed), content(unbroken), strict=True):
        assert np.array_equal(one, other)
    works = {path.name for path in (Path(furnished.base_directory) / "user" / "myspinbot" / "work").iterdir()}
    mine = {path.parent.name for path in (*windows_then, *pieces_then)}
    assert mine <= works, "portrait and speech are the same bits"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_train_bot_killed_in_the_identitys_training(
    furnished: Any, killed: Callable[[Path | None], Killed], tmp_path: Path
) -> None:
    own, name, folder = killed(None), f"ben-{tag()}", f"photos-{tag()}"

    def graph(server: LocalServer) -> dict[str, Any]:
        portraits.write(Path(server.base_directory or "") / "input" / folder, 5)
        client = Client(server.url)
        workflow = client.open(TRAIN)
        flags = {"recording": str(RECORDING), "transcript": WORDS, "name": name, "consent": "true"}
        for flag, value in flags.items():
            client.set_inputs(workflow, {flag: value})
        settings = {"folder": folder, "steps": 6, "sample_every": 2, "resolution": 64, "rank": 2}
        for key, value in settings.items():
            workflow.set(f"Train Identity (LoRA).{key}", value)
        return workflow.api()

    server = own.start()
    work = graph(server)
    with held_after(1, "identity-*/stage-*.safetensors", own.base) as stopped:
        Client(server.url).submit(work)
        stopped()
        own.kill()
    stages = own.kept("identity-*/stage-*.safetensors")
    assert len(stages) == 1, "it was killed before the end"

    server = own.start()
    Client(server.url).submit(work).result()
    assert stages.items() < own.kept("identity-*/stage-*.safetensors").items()

    Client(furnished.url).submit(graph(furnished)).result()
    for kind in ("loras/myspinbot", "voices"):
        one, other = (
            load_file(Path(one.base_directory or "") / "models" / kind / f"{name}.safetensors")
            for one in (server, furnished)
        )
        assert one.keys() == other.keys()
        assert all(torch.equal(value, other[key]) for key, value in one.items()), kind
    assert name in str(Client(server.url).api.object_info({"MySpinBotLoadBot"}))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_finetune_voice_killed_in_the_voices_training(
    furnished: Any, killed: Callable[[Path | None], Killed], tmp_path: Path
) -> None:
    own, name = killed(None), f"ben-{tag()}"

    def graph(server: LocalServer) -> dict[str, Any]:
        client = Client(server.url)
        workflow = client.open(FINETUNE)
        flags = {"recording": str(RECORDING), "transcript": WORDS, "name": name, "trained-name": f"{name}, trained"}
        flags |= {"consent": "true", "steps": "60", "learning-rate": "0.01", "speech-steps": "5"}
        for flag, value in flags.items():
            client.set_inputs(workflow, {flag: value})
        return workflow.api()

    def trained(server: LocalServer) -> Path:
        return Path(server.base_directory or "") / "models" / "voices" / f"{name}, trained.safetensors"

    server = own.start()
    work = graph(server)
    training = next(key for key, node in work.items() if node["class_type"] == "MySpinBotTrainVoice")
    with held_after(6, "train-voice-*/training.safetensors", own.base) as stopped:
        Client(server.url).submit(work)
        stopped()
        own.kill()
    (kept,) = {path.parent for path in own.kept("train-voice-*/*")}
    assert not trained(server).exists(), "it was killed before the end"
    copy = shutil.copytree(kept, tmp_path / "kept")
    assert any(path.suffix == ".safetensors" for path in copy.iterdir())

    server = own.start()
    job = Client(server.url).submit(work)
    first = next(e.value for e in job.events() if isinstance(e, Progress) and e.node == training)
    assert first > 15, "it goes on where it was"
    job.result()

    Client(furnished.url).submit(graph(furnished)).result()
    one, other = load_file(trained(server)), load_file(trained(furnished))
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[key]) for key, value in one.items())
