"""Writes the pictures of this folder and the bundled portrait: ``python -m tests.media.render [name ...]``.

Needs a Chromium (``CHROMIUM`` or the first on PATH) and Pillow. Each picture is rendered at twice its size
and reduced, so that edges are soft.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image

from tests.media.faces import Look, Picture
from tests.media.landscape import landscape

HERE = Path(__file__).resolve().parent
PORTRAIT = HERE.parents[1] / "workflows" / "media" / "portrait.jpg"

PORTRAIT_PICTURE = Picture(
    [
        Look(
            (384, 322),
            1.32,
            skin="light",
            hair="#5b331d",
            style="long",
            iris="#4f7a63",
            lash=0.9,
            jaw=0.94,
            eye=1.17,
            freckles=0.6,
            brow=1.0,
            lips=1.08,
            nose=0.92,
            neck=0.88,
            clothes="#2f7079",
            seed=7,
        )
    ],
    768,
    ("#f0dcc0", "#bfa58f", "#5f5660"),
)
_BEARDED = Look(
    (256, 222),
    0.9,
    skin="fair",
    hair="#7a4322",
    style="short",
    iris="#4a7fa5",
    beard=True,
    jaw=1.06,
    brow=1.35,
    lips=0.8,
    nose=1.08,
    neck=1.18,
    lash=0.1,
    clothes="#39435c",
    collar="shirt",
    seed=3,
)
_SMILING = Look(
    (256, 228),
    0.87,
    skin="dark",
    hair="#2c1a14",
    style="curls",
    iris="#5a3218",
    mouth="smile",
    lash=0.9,
    jaw=0.96,
    eye=1.06,
    brow=0.9,
    lips=1.3,
    nose=1.18,
    neck=0.92,
    clothes="#d9913c",
    seed=5,
)
_GLASSES = Look(
    (256, 222),
    0.9,
    skin="brown",
    hair="#20120f",
    style="bob",
    iris="#5a3418",
    glasses=True,
    lash=0.8,
    jaw=0.95,
    brow=0.9,
    lips=1.1,
    nose=0.98,
    neck=0.9,
    clothes="#9b3f55",
    seed=11,
)
_ELDER = Look(
    (256, 216),
    0.9,
    skin="light",
    hair="#d9d6d0",
    style="thin",
    iris="#5d7d92",
    mouth="open",
    age=0.85,
    jaw=1.02,
    eye=0.94,
    brow=1.25,
    lips=0.75,
    nose=1.14,
    neck=1.08,
    lash=0.05,
    clothes="#6d6a52",
    collar="shirt",
    seed=13,
)
_CHILD = Look(
    (262, 236),
    0.86,
    tilt=9,
    skin="fair",
    hair="#c08a45",
    style="fringe",
    iris="#5b86a8",
    jaw=1.03,
    chin=132,
    eye=1.2,
    brow=0.7,
    lips=0.9,
    nose=0.8,
    neck=0.78,
    lash=0.5,
    clothes="#c75b4a",
    seed=17,
)
_MAN = Look(
    (252, 222),
    0.92,
    tilt=-7,
    skin="dark",
    hair="#17100e",
    style="cropped",
    iris="#4a2a16",
    jaw=1.05,
    brow=1.2,
    lips=1.15,
    nose=1.22,
    neck=1.18,
    lash=0.15,
    clothes="#e4ded2",
    seed=19,
)
_YOUNG = Look(
    (256, 222),
    0.9,
    skin="brown",
    hair="#1d1412",
    style="short",
    iris="#4b2c17",
    mouth="smile",
    jaw=1.02,
    brow=1.3,
    lips=0.95,
    nose=1.08,
    neck=1.1,
    lash=0.15,
    clothes="#4f7d5c",
    seed=23,
)

PICTURES: dict[str, Picture] = {
    "bearded_man": Picture([_BEARDED], backdrop=("#dfe4df", "#9fb0ae", "#46535a")),
    "smiling_woman": Picture([_SMILING], backdrop=("#f1e3cf", "#cbb49c", "#6f5f5c")),
    "woman_with_glasses": Picture([_GLASSES], backdrop=("#dcd6e6", "#a79fb8", "#4c4760"), seed=2),
    "elderly_man": Picture([_ELDER], backdrop=("#cfd6dc", "#8d9aa6", "#3d4650"), seed=3),
    "tilted_child": Picture([_CHILD], backdrop=("#e6efe2", "#a9c2a4", "#52695a"), seed=4),
    "tilted_man": Picture([_MAN], backdrop=("#c9d3dc", "#7f93a3", "#364450"), seed=5),
    "smiling_man": Picture([_YOUNG], backdrop=("#efe0cc", "#c9a98c", "#6b5347"), seed=6),
    "three_faces": Picture(
        [
            replace(_CHILD, at=(430, 172), scale=0.4, tilt=0),
            replace(_GLASSES, at=(316, 222), scale=0.56),
            replace(_BEARDED, at=(142, 214), scale=0.76),
        ],
        backdrop=("#e9dcc8", "#b7a58f", "#5a5351"),
        seed=7,
    ),
}


def chromium() -> str:
    """The Chromium to render with; raises RuntimeError when there is none."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "chrome"]
    for name in names:
        if found := shutil.which(name) if name else None:
            return found
    raise RuntimeError("No Chromium was found: put one on PATH or name it in the variable CHROMIUM.")


def rasterise(svg: str, size: int, *, oversample: int = 2) -> Image.Image:
    """The SVG text as a square RGB picture of ``size`` pixels."""
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        page.write_text(f'<!doctype html><body style="margin:0;overflow:hidden">{svg}', encoding="utf-8")
        flags = ["--headless", "--disable-gpu", "--hide-scrollbars", f"--screenshot={shot}"]
        flags += [f"--window-size={size},{size}", f"--force-device-scale-factor={oversample}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium refuses to start as root otherwise
        subprocess.run([chromium(), *flags, page.as_uri()], check=True, capture_output=True, timeout=120)
        with Image.open(shot) as image:
            return image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS)


def save(svg: str, size: int, path: Path, quality: int) -> None:
    """Render SVG text into a JPEG at ``path``."""
    rasterise(svg, size).save(path, quality=quality, optimize=True, subsampling="4:2:0")


def main(names: list[str]) -> None:
    """Render the named pictures, or all, and record the geometry of all."""
    if not names or "portrait" in names:
        PORTRAIT.parent.mkdir(parents=True, exist_ok=True)
        PORTRAIT.with_suffix(".svg").write_text(PORTRAIT_PICTURE.svg(), encoding="utf-8")
        save(PORTRAIT_PICTURE.svg(), PORTRAIT_PICTURE.size, PORTRAIT, 90)
    for name, picture in PICTURES.items():
        if not names or name in names:
            save(picture.svg(), picture.size, HERE / f"{name}.jpg", 90)
    if not names or "landscape" in names:
        save(landscape(), 512, HERE / "landscape.jpg", 88)
    truth: dict[str, object] = {f"{name}.jpg": picture.truth() for name, picture in PICTURES.items()}
    truth["landscape.jpg"] = {"faces": []}
    truth["portrait.jpg"] = PORTRAIT_PICTURE.truth()
    (HERE / "faces.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
