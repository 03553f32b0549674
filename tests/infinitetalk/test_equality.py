"""InfiniteTalk's windows are, bit for bit, what core nodes chained by hand make; its audio features are MeiGen's.

The original is MeiGen-AI/InfiniteTalk, `src/audio_analysis/wav2vec2.py` and `get_embedding` of its script.
"""

import sys
from pathlib import Path

import av
import numpy as np
import torch

from myspinbot.media.audio import read_sound
from myspinbot.media.lossless import read_lossless
from myspinbot_runner import Client
from tests.miniatures import wan, wav2vec2
from tests.runner.helpers import tag

from .graphs import FRESH, LENGTH, by_hand, jobs, kept_features, talk, write_sound


def test_windows_equal_core_nodes_chained_by_hand(talker, tmp_path):
    base = Path(talker.base_directory)
    before, client = jobs(base), Client(talker.url)
    job = client.submit(talk(audio_features="core"))
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


def test_the_stock_encoder_gives_the_originals_features(talker):
    """By default, with the weights that ComfyUI's loader read; transformers has the same ones."""
    base = Path(talker.base_directory)
    write_sound(base / "input" / "one.wav", 1.0)
    before = jobs(base)
    Client(talker.url).submit(talk("one.wav", steps=1, frame_window_size=25)).result()
    (name,) = jobs(base) - before
    (wave,) = read_sound(base / "input" / "one.wav").samples
    expected = wav2vec2.upstream(wav2vec2.base(wan.wav2vec2()), torch.from_numpy(wave), 25)
    differences = [
        np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
        for ours, theirs in zip(kept_features(base, name)[:, :25], torch.stack(expected).numpy(), strict=True)
    ]
    sys.stdout.write(f"audio features: {max(differences):.1e} from the original's\n")
    assert max(differences) < 1e-5
