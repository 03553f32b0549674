"""A test-only node: the face landmarks of a drawn portrait, in the shape that ComfyUI's MediaPipe node gives."""

import json
from pathlib import Path

import numpy as np
from comfy_api.latest import ComfyExtension, io

FACES = Path(__file__).resolve().parents[2] / "media" / "faces.json"


class Landmarks(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestFaceLandmarks",
            category="tests",
            inputs=[io.String.Input("picture")],
            outputs=[io.Custom("FACE_LANDMARKS").Output()],
        )

    @classmethod
    def execute(cls, picture):
        frame = [{"landmarks_xy": mesh(face)} for face in json.loads(FACES.read_text())[picture]["faces"]]
        return io.NodeOutput({"frames": [frame], "image_size": (512, 512), "connection_sets": {}})


def mesh(face):
    """The vertices of MediaPipe's mesh that the pack reads; the others lie on the mouth."""
    points = np.tile(np.asarray(face["mouth_centre"], np.float32), (478, 1))
    width, height = face["eye_width"] / 2, face["eye_height"] / 2
    for eye, outer, inner, top, bottom in (("left_eye", 33, 133, 159, 145), ("right_eye", 362, 263, 386, 374)):
        x, y = face[eye]
        points[[outer, inner, top, bottom]] = [(x - width, y), (x + width, y), (x, y - height), (x, y + height)]
    points[[61, 291, 152]] = [face["mouth_left"], face["mouth_right"], face["chin"]]
    points[17, 1] += 12
    return points


class Extension(ComfyExtension):
    async def get_node_list(self):
        return [Landmarks]


async def comfy_entrypoint():
    return Extension()
