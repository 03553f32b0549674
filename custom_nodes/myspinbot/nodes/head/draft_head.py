"""Talking Head (Draft): a portrait that speaks, without a model."""

from typing import Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui import face_detectors
from ...comfyui.face_detectors import FaceLandmarks
from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.video_files import new_clip


class DraftHead(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotDraftHead",
            display_name="Talking Head (Draft)",
            category="MySpinBot/Talking Head",
            description="Lets a portrait speak a sound: mouth, blinks and a little sway, drawn from the picture "
            "itself in seconds on any machine. A preview of the real thing, without any model.",
            search_aliases=[
                "lip sync",
                "lipsync",
                "avatar",
                "talking portrait",
                "animate face",
                "speaking photo",
            ],
            inputs=[
                io.Image.Input(
                    "portrait",
                    tooltip="A picture of one face seen from the front; the first of a batch is used.",
                ),
                io.Audio.Input("audio", tooltip="The speech; the video is as long as it is."),
                io.Int.Input(
                    "size",
                    default=512,
                    min=128,
                    max=2048,
                    step=2,
                    tooltip="Longest side of the video in pixels; a smaller portrait keeps its own size.",
                ),
                io.Float.Input(
                    "motion_scale",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How much the head moves while it speaks: 0 keeps it still.",
                ),
                io.Int.Input(
                    "seed",
                    default=290381,
                    min=0,
                    max=0x7FFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed gives the same blinks and movements.",
                ),
                io.String.Input(
                    "timings",
                    optional=True,
                    force_input=True,
                    tooltip="When each sound is heard, from a Speak node; without it the mouth follows the sound.",
                ),
                FaceLandmarks.Input(
                    "face_landmarks",
                    optional=True,
                    tooltip="Landmarks from Detect Face Landmarks (MediaPipe), instead of what this node finds itself.",
                ),
                io.String.Input(
                    "face_points",
                    default="",
                    optional=True,
                    advanced=True,
                    tooltip="Where the face is, if it is not found: left eye, right eye and mouth as `x,y x,y x,y` in "
                    "pixels of the portrait, left and right as seen in the picture.",
                ),
            ],
            outputs=[io.Video.Output("video", tooltip="The talking portrait at 25 frames a second, with the sound.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        portrait: Any,
        audio: Any,
        size: int,
        motion_scale: float,
        seed: int,
        timings: str | None = None,
        face_landmarks: Any = None,
        face_points: str = "",
    ) -> io.NodeOutput:
        from ...engines.head.motion import ABSOLUTE_SILENCE
        from ...engines.head.render import render_talking_head
        from ...engines.timings import Timings
        from ...media.audio import from_audio
        from ...media.faces.portrait import check_size, find_points
        from ...media.picture import fitted, from_image

        pixels = from_image(portrait)
        sound = from_audio(audio)
        timed = Timings.from_json(timings) if timings and timings.strip() else None
        told = face_landmarks is not None or bool(face_points.strip())
        finder = None if told else face_detectors.detector("auto")
        found = find_points(pixels, landmarks=face_landmarks, typed=face_points, finder=finder)
        frame, scale = fitted(pixels, size)
        points = found.points.scaled(scale)
        check_size(points)
        path = new_clip("draft-head")
        render_talking_head(
            frame,
            points,
            sound,
            path,
            timings=timed,
            seed=seed,
            motion_scale=motion_scale,
            on_step=progress_callback(),
        )
        notices: list[Notice] = [{"level": "info", "text": text} for text in found.remarks]
        if finder:
            notices += face_detectors.notices(finder)
        if sound.peak < ABSOLUTE_SILENCE:
            notices.append({"level": "warning", "text": "The audio is silent, so the mouth stays closed."})
        if timed and not timed.phonemes:
            notices.append({"level": "warning", "text": "The timings hold no sounds; the mouth follows the audio."})
        elif timed and abs(timed.duration - sound.duration) > 0.5:
            text = f"The timings are for {timed.duration:.1f} seconds and the audio lasts {sound.duration:.1f}."
            notices.append({"level": "warning", "text": text})
        return output(InputImpl.VideoFromFile(str(path)), notices=notices)
