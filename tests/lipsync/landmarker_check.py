"""Run by `test_detectors.py` in a process with ComfyUI on its path: the landmarker as our nodes use it."""

import json
import sys
from pathlib import Path

comfyui, root, models = sys.argv[1:4]
sys.path[:0] = [comfyui, *(str(Path(root) / folder) for folder in ("custom_nodes", "tests/miniatures"))]
sys.argv = ["check", "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import folder_paths  # noqa: E402
import landmarker  # noqa: E402
import numpy as np  # noqa: E402
import tflite  # noqa: E402
import torch  # noqa: E402
from comfy_extras.nodes_mediapipe import LoadMediaPipeFaceLandmarker, MediaPipeFaceLandmarker  # noqa: E402

from myspinbot.comfyui.face_detectors import detector, notices  # noqa: E402
from myspinbot.media.faces.landmarks import read_faces  # noqa: E402
from myspinbot.nodes.head.draft_head import DraftHead  # noqa: E402
from myspinbot.nodes.infinitetalk.prepare import _notices as count_faces  # noqa: E402

folder_paths.folder_names_and_paths["detection"] = ([models], {".safetensors"})
said = {"before": detector("auto").name}
said["noticed"] = [
    any("mediapipe-face-landmarker" in notice["text"] for notice in notices(detector("auto"), choice))
    for choice in ("auto", "built-in")
]
try:
    detector("mediapipe")
except FileNotFoundError as error:
    said["missing"] = str(error)
landmarker.write(Path(models) / "mediapipe_face_fp32.safetensors")
folder_paths.filename_list_cache.clear()
ours = detector("auto")
said["after"] = ours.name
pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
found = ours.detect(pixels)
(model,) = LoadMediaPipeFaceLandmarker.execute("mediapipe_face_fp32.safetensors").result
image = torch.from_numpy(pixels)[None] / 255
with torch.inference_mode():  # as ComfyUI runs every node
    landmarks, boxes = MediaPipeFaceLandmarker.execute(model, image, "short", 8, 0.5, "empty").result
theirs, boxed = read_faces(landmarks, None), read_faces(None, boxes)
said |= {
    "faces": len(found),
    "outline": list(found[0].outline.shape),
    "agree": all(
        np.allclose(a.points, b.points, atol=1e-2) and np.allclose(a.outline, b.outline, atol=1e-2)
        for a, b in zip(found, theirs[0], strict=True)
    ),
    "boxed": [len(theirs), len(boxed), len(boxed[0])],
}
(Path(models) / "mediapipe_face_fp32.safetensors").write_bytes(b"nothing at all")
try:
    detector("mediapipe")
except ValueError as error:
    said["damaged"] = str(error)
said["told"] = []
for told in ({"face_points": "1,2"}, {"face_landmarks": {"frames": [[]]}}):
    try:
        DraftHead.execute(image, {"waveform": torch.zeros(1, 1, 8000), "sample_rate": 8000}, 256, 1.0, 1, **told)
    except ValueError as error:
        said["told"].append(str(error))
said["counted"] = count_faces({"portrait": image}, [])
tflite.write_task(Path(models) / "face_landmarker.task", np.random.default_rng(1).uniform(0, 256, (478, 3)))
said["preferred"] = detector("auto").name
said["noticed"].append(bool(notices(detector("auto"))))
sys.stdout.write(json.dumps(said))
