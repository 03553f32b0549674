"""Storing the audio features of a long speech takes hardly any memory beside the sound itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# An encoder of the real size in all but its own work: twelve layers of 768 channels, 50 times a second.
KEEP = """
import sys, types
from pathlib import Path
import numpy as np, torch
package = types.ModuleType("myspinbot")
package.__path__ = [sys.argv[1]]
sys.modules["myspinbot"] = package
from myspinbot.engines.infinitetalk import audio_features
from myspinbot.engines.infinitetalk.start_images import spooled
from myspinbot.engines.infinitetalk.settings import Settings
from myspinbot.engines.infinitetalk.work import Work, key_of
from myspinbot.media.audio import Sound
from myspinbot.shared.work_store import Store

torch.set_num_threads(1)
minutes, settings = int(sys.argv[3]), Settings(
    width=256, height=256, fps=25, steps=6, cfg=1.0, shift=11.0,
    sampler_name="euler", scheduler="simple", seed=1, frame_window_size=81, motion_frame=25,
    audio_scale=1.6, color_match="mkl", vae_tiling="auto",
)
sound = Sound(np.zeros((1, minutes * 60 * 16000), np.float32), 16000)
track = audio_features.Track(sound)
work = Work.open(Store(Path(sys.argv[2]), 10**12), key_of(settings, minutes * 60 * 25, {}))

def encode(wave):
    count = (wave.shape[-1] - audio_features.FIELD) // audio_features.HOP + 1
    return [torch.full((1, count, 768), float(layer)) for layer in range(13)]

(wave,) = audio_features.waveforms([track], normalize=False)
picture = np.zeros((256, 256, 3), np.uint8)
with spooled((picture for _ in work.plan.windows()), Path(sys.argv[2])) as images:
    features = audio_features.extract_features(wave, encode, 25, lambda done, total: None, work.job.folder)
    silence = audio_features.silence_features(encode)
    work.save_inputs(images=images, masks=[], features=[features], silence=silence, sound=sound)
window = work.plan.window(work.plan.count // 2)
(slice_,), start = work.audio_features(window, 2)
assert slice_.shape == (85, 12, 768) and start == 2
assert slice_[40].unique().tolist() == [float(layer) for layer in range(1, 13)]
# Not ru_maxrss, which a process inherits from the one that started it.
status = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024)
"""


def peak(folder: Path, minutes: int) -> float:
    """MiB."""
    folder.mkdir()
    pack = ROOT / "custom_nodes" / "myspinbot"
    command = [sys.executable, "-c", KEEP, str(pack), str(folder), str(minutes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.usefixtures("starts_processes")
def test_a_minute_more_takes_little_more(tmp_path):
    few, many = peak(tmp_path / "few", 2), peak(tmp_path / "many", 6)
    each = (many - few) / 4
    sys.stdout.write(f"audio features: {few:.0f} MiB for 2 minutes, {many:.0f} for 6: {each:.1f} a minute\n")
    # 110 MiB of features at 50 a second, 55 at 25, 5 of pictures, and 3.7 for each copy of the sound
    assert each < 12
