"""Encoding and storing a long speech takes the memory of a block, beside the sound itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A network of the real width whose parts cost nothing, but for attention; blocks of 20 s.
KEEP = """
import sys, types
from pathlib import Path
import numpy as np, torch
from torch import nn
package = types.ModuleType("myspinbot")
package.__path__ = [sys.argv[1]]
sys.modules["myspinbot"] = package
from myspinbot.engines import wav2vec2
from myspinbot.engines.infinitetalk import audio_features
from myspinbot.engines.infinitetalk.start_images import spooled
from myspinbot.engines.infinitetalk.settings import Settings
from myspinbot.engines.infinitetalk.work import Work, key_of
from myspinbot.media.audio import Sound
from myspinbot.shared.work_store import Store

torch.set_num_threads(1)
wav2vec2._ROWS = 500

class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 400, 320)
    def forward(self, x):
        return self.conv(x)

class Position(Convolution):
    def forward(self, x):
        return torch.zeros_like(x)

class Attention(nn.Module):
    num_heads = 12
    q_proj = k_proj = v_proj = out_proj = nn.Identity()

class Layer(nn.Module):
    attention, layer_norm, final_layer_norm, feed_forward = Attention(), nn.Identity(), nn.Identity(), nn.Identity()

class Encoder(nn.Module):
    do_stable_layer_norm = False
    def __init__(self):
        super().__init__()
        self.pos_conv_embed, self.layer_norm = Position(), nn.LayerNorm(768)
        self.layers = nn.ModuleList([Layer(), Layer()])

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.feature_extractor = nn.Module()
        self.feature_extractor.conv_layers = nn.ModuleList([Convolution()])
        self.feature_projection, self.encoder = nn.Linear(8, 768), Encoder()

minutes, settings = float(sys.argv[3]), Settings(
    width=256, height=256, fps=25, steps=6, cfg=1.0, shift=11.0,
    sampler_name="euler", scheduler="simple", seed=1, frame_window_size=81, motion_frame=25,
    audio_scale=1.6, color_match="mkl", vae_tiling="auto", audio_features="upstream",
)
sound = Sound(np.zeros((1, int(minutes * 60 * 16000)), np.float32), 16000)
track = audio_features.Track(sound)
work = Work.open(Store(Path(sys.argv[2]), 10**12), key_of(settings, int(minutes * 60 * 25), {}))
encoder = audio_features.Encoder(wav2vec2.Network(Network()), lambda wave: [])
(wave,) = audio_features.waveforms([track], "upstream", normalize=False)
picture = np.zeros((256, 256, 3), np.uint8)

def memory(field):
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024

with spooled(iter([picture]), Path(sys.argv[2])) as images:
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    features = audio_features.extract_features(
        wave, encoder, "upstream", 25, lambda done, total: None, work.job.folder
    )
    work.save_inputs(images=images, masks=[], features=[features], silence=torch.zeros(2, 768), sound=sound)
    after = memory("VmHWM")
window = work.plan.window(work.plan.count // 2)
(slice_,), start = work.audio_features(window, 2)
assert slice_.shape == (85, 2, 768) and start == 2
print(after - before)
"""


def peak(folder: Path, minutes: float) -> float:
    """MiB beyond what is held before."""
    folder.mkdir()
    pack = ROOT / "custom_nodes" / "myspinbot"
    command = [sys.executable, "-c", KEEP, str(pack), str(folder), str(minutes)]
    given_back = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # at once, not when the allocator likes
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=given_back)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.usefixtures("starts_processes")
def test_minutes_more_take_no_more(tmp_path):
    few, many = peak(tmp_path / "few", 4 / 3), peak(tmp_path / "many", 10 / 3)
    sys.stdout.write(f"audio features: {few:.0f} MiB for 1.3 minutes, {many:.0f} for 3.3\n")
    assert many - few < 4, "a layer of the two minutes more would be 9 MiB, its keys and values 18"
