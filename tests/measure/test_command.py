"""`myspinbot measure` on a real server, and its table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from myspinbot_manage import cli
from myspinbot_manage.measure import _print_table, _text

ROOT = Path(__file__).resolve().parents[2]


def test_two_clips_against_a_reference(server, talk, tmp_path):
    good = talk.write(tmp_path / "good.mp4", talk.frames[:60], talk.samples[: 60 * talk.rate // 25])
    dark = [frame // 2 for frame in talk.frames[:60]]
    other = talk.write(tmp_path / "dark.mp4", dark, talk.samples[: 60 * talk.rate // 25])
    command = [sys.executable, "-m", "myspinbot_manage", "measure", str(good), str(other), "--reference", str(good)]
    command += ["--json", "--out", str(tmp_path / "out"), "--server", server.url, "--script", "The sky."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = map(json.loads, done.stdout.splitlines())
    assert (one["clip"]["name"], two["clip"]["name"]) == ("good.mp4", "dark.mp4")
    assert one["values"]["ssim"] == 1 > two["values"]["ssim"]
    assert one["values"]["words_per_minute"] > 0
    assert len(one["curves"]["ssim"]) == 60
    assert Image.open(one["picture"]).width == 1200


def test_the_table_shows_clips_side_by_side(capsys):
    measures = {
        "blinks": {"title": "blinks", "unit": "/min", "digits": 1},
        "ssim": {"title": "SSIM", "unit": "", "digits": 4},
        "none": {"title": "nothing", "unit": "", "digits": 0},
    }
    common = {"measures": measures, "missing": {"identity": "a network"}}
    one = {
        "clip": {"name": "a.mp4"},
        "values": {"blinks": 12.34, "ssim": None, "none": None},
        "remarks": ["It [is] so."],
    }
    two = {"clip": {"name": "b.mp4"}, "values": {"blinks": 3.0, "ssim": 0.9, "none": None}, "remarks": []}
    _print_table([one | common, two | common])
    told = capsys.readouterr().out
    assert "a.mp4" in told
    rows = {line.split("  ")[0].strip(): line.split()[-2:] for line in told.splitlines()}
    assert rows["blinks, /min"] == ["12.3", "3.0"]
    assert rows["SSIM"] == ["-", "0.9000"]
    assert "nothing" not in told
    assert "a.mp4: It [is] so." in told
    assert "Not measured: identity." in told


def test_a_clip_that_is_not_here_is_named_before_a_server_is_asked(capsys):
    assert cli.call(["measure", "nowhere.mp4", "--no-start", "--server", "http://127.0.0.1:9"]) != 0
    assert "nowhere.mp4" in capsys.readouterr().err


def test_a_script_longer_than_a_files_name_may_be_is_a_text():
    text = "The sky is blue. " * 40
    assert _text(text) == text
