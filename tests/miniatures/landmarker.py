"""ComfyUI's face landmarker with random numbers under the real names, in the published layout, full size (5 MB).

Its detector is set so that it sees a face anywhere, and its mesh so that this has its eyes, nose and mouth in place.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

PARTS = ("face_oval", "left_eye", "right_eye", "left_eyebrow", "right_eyebrow", "lips", "irises", "nose", "tesselation")
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
# Where the mesh has the corners of the eyes, the tip of the nose and the corners of the mouth, of 192 pixels.
PLACES = {33: (82, 89), 133: (89, 89), 362: (103, 89), 263: (110, 89), 1: (96, 99), 61: (88, 109), 291: (104, 109)}


def write(path: Path) -> Path:
    """Needs ComfyUI on `sys.path`."""
    from comfy_extras.mediapipe.face_landmarker import FaceLandmarker

    torch.manual_seed(5)
    state: dict[str, torch.Tensor] = {}
    for variant in ("short", "full"):
        network = FaceLandmarker(detector_variant=variant)
        for name, value in network.state_dict().items():
            prefix, _, rest = name.partition(".")
            if prefix == "detector":
                state[f"detector_{variant}.{rest}"] = value
            elif prefix in ("mesh", "blendshapes"):
                state[name] = value
    for head in ("16", "8"):
        state[f"detector_short.cls_{head}.weight"].zero_()
        state[f"detector_short.cls_{head}.bias"].fill_(4)
        state[f"detector_short.reg_{head}.weight"].zero_()
        bias = torch.zeros(16)
        bias[2:4] = 128.0  # the box: the whole input
        bias[4:8] = torch.tensor([-25.0, -10.0, 25.0, -10.0])  # the eyes, level
        state[f"detector_short.reg_{head}.bias"].copy_(
            bias.repeat(state[f"detector_short.reg_{head}.bias"].numel() // 16)
        )
    state["mesh.head_landmarks.weight"].zero_()
    state["mesh.head_landmarks.bias"].copy_(face().flatten())
    state["mesh.head_presence.weight"].zero_()
    state["mesh.head_presence.bias"].fill_(4)
    generator = torch.Generator().manual_seed(1)
    for part in PARTS:
        state[f"topology.{part}"] = torch.tensor([[0, 1], [1, 2], [2, 0]], dtype=torch.int32)
    state["canonical_vertices"] = torch.randn(468, 3, generator=generator)
    state["procrustes_indices"] = torch.tensor([4, 33, 263, 61, 291], dtype=torch.int32)
    state["procrustes_weights"] = torch.ones(5)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous().clone() for name, value in state.items()}, path)
    return path


def face() -> torch.Tensor:
    """(478, 3): an oval around two eyes, a nose and a mouth."""
    points = torch.full((478, 3), 96.0)
    for index, (x, y) in PLACES.items():
        points[index, :2] = torch.tensor([x, y])
    for number, index in enumerate(OVAL):
        turn = 2 * math.pi * number / len(OVAL)
        points[index, :2] = torch.tensor([96 + 24 * math.sin(turn), 98 - 27 * math.cos(turn)])
    return points


if __name__ == "__main__":
    write(Path(sys.argv[1]))
