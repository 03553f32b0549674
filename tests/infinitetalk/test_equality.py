"""What InfiniteTalk makes is, bit for bit, what core nodes chained by hand make."""

from pathlib import Path

import av
import numpy as np

from myspinbot.media.lossless import read_lossless
from myspinbot_runner import Client
from tests.runner.helpers import tag

from .graphs import FRESH, LENGTH, by_hand, jobs, talk


def test_windows_equal_core_nodes_chained_by_hand(talker, tmp_path):
    base = Path(talker.base_directory)
    before, client = jobs(base), Client(talker.url)
    job = client.submit(talk())
    job.result()
    (name,) = jobs(base) - before
    chunks = sorted((base / "user" / "myspinbot" / "work" / name).glob("*.mkv"))
    ours = np.stack([frame for chunk in chunks for frame in read_lossless(chunk)])
    assert len(ours) == 50  # two seconds at 25 frames a second
    assert len(chunks) == 4
    hand = f"hand-{tag()}"
    client.submit(by_hand(3, hand)).result()
    theirs = np.load(base / "output" / f"{hand}.npy")
    assert len(theirs) == LENGTH + 2 * FRESH
    assert np.array_equal(ours[: len(theirs)], theirs)
    assert theirs.std() > 5, "the miniature draws something"

    (video,) = [path for path in job.save(tmp_path) if path.suffix == ".mp4"]
    with av.open(str(video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 50
        assert abs(container.streams.audio[0].duration * container.streams.audio[0].time_base - 2) < 0.05
