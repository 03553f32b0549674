"""Wav2Lip: a clip or a photo whose lips follow a sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui import face_detectors
from ...comfyui.face_detectors import DETECTORS, TOOLTIP, FaceLandmarks
from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.model_files import manifest
from ...comfyui.video_files import new_clip
from ...comfyui.work_store import work_store
from .inputs import blending_of, wav2lip_inputs
from .source import OpenedClip, open_clip, track_clip, tracking_key
from .wav2lip_model import LoadedWav2Lip, Wav2LipSocket

if TYPE_CHECKING:
    from ...media.faces.detect import Detector
    from ...media.faces.tracks import Choice, Tracks

_VERSION = 3  # of how lips are drawn: what another version stored is not used
_CHOICES: dict[str, Choice] = {"largest": "largest", "from the left": "index", "like the reference": "reference"}


class Wav2Lip(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotWav2Lip",
            display_name="Lip Sync (Wav2Lip)",
            category="MySpinBot/Lip Sync",
            description="Gives a clip or a photo new speech: only the mouth changes, and it follows the sound. "
            f"{manifest().models['wav2lip'].not_open}".strip(),
            search_aliases=["wav2lip", "lip sync", "lipsync", "dub", "dubbing", "talking photo", "talking head"],
            inputs=[
                Wav2LipSocket.Input("wav2lip", tooltip="The network, from Load Wav2Lip."),
                io.MultiType.Input(
                    "video",
                    [io.Video, io.Image],
                    tooltip="The clip, or a photo, whose face speaks; of pictures in a batch each is a frame.",
                ),
                io.Audio.Input("audio", tooltip="The speech; the new video is as long as it is."),
                io.Combo.Input(
                    "loop_mode",
                    options=["ping-pong", "hold", "cut"],
                    default="ping-pong",
                    tooltip="What happens when the audio is longer than the clip: ping-pong runs it back and forth, "
                    "hold keeps its last frame, cut ends the audio with it.",
                ),
                io.Float.Input(
                    "fps",
                    default=0.0,
                    min=0.0,
                    max=120.0,
                    step=0.001,
                    tooltip="Frames a second of the new video: 0 keeps the clip's rate, or takes 25 for a photo. "
                    "23.976 and 29.97 are taken exactly.",
                ),
                io.Combo.Input(
                    "face",
                    options=list(_CHOICES),
                    default="largest",
                    tooltip="Whose lips move where several faces are seen: the largest, one counted from the left, "
                    "or the one that looks most like the reference picture.",
                ),
                io.Int.Input(
                    "face_index", default=0, min=0, max=15, tooltip="Which face from the left; 0 is the first."
                ),
                io.Combo.Input(
                    "no_face",
                    options=["keep the frame", "stop"],
                    default="keep the frame",
                    tooltip="What to do with frames that show no face: leave them exactly as they are, or stop "
                    "before any work and say where they are.",
                ),
                io.Combo.Input("detector", options=DETECTORS, default="auto", tooltip=TOOLTIP),
                *wav2lip_inputs(),
                io.Image.Input(
                    "reference_face",
                    optional=True,
                    tooltip="A picture of the person who speaks, for the choice `like the reference`.",
                ),
                FaceLandmarks.Input(
                    "face_landmarks",
                    optional=True,
                    tooltip="Landmarks from Detect Face Landmarks (MediaPipe) for all frames of the clip, or for one.",
                ),
                io.BoundingBox.Input(
                    "bboxes",
                    optional=True,
                    socketless=False,
                    force_input=True,
                    tooltip="Boxes of faces for all frames of the clip, or for one, from any detector.",
                ),
                io.Combo.Input(
                    "crop_scaling",
                    options=["as trained", "averaged"],
                    default="as trained",
                    optional=True,
                    advanced=True,
                    tooltip="How the face is brought to the network's 96 pixels: as trained interpolates, as in the "
                    "network's training; averaged takes all pixels, which is softer and trembles less.",
                ),
            ],
            outputs=[io.Video.Output("video", tooltip="The clip with the new speech, at full size.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        wav2lip: LoadedWav2Lip,
        video: Any,
        audio: Any,
        loop_mode: Any,
        fps: float,
        face: str,
        face_index: int,
        no_face: str,
        detector: str,
        reference_face: Any = None,
        face_landmarks: Any = None,
        bboxes: Any = None,
        crop_scaling: Any = "as trained",
        **look: Any,
    ) -> io.NodeOutput:
        from ...engines.lipsync.dub import Dubbing, LipGenerator, dub
        from ...engines.lipsync.mel import Mel
        from ...engines.lipsync.source import frame_count
        from ...media.audio import from_audio
        from ...media.fingerprint import fingerprint
        from ...media.picture import from_image

        sound = from_audio(audio)
        clip = open_clip(video, fps)
        finder, every = _finder(detector, clip, face_landmarks, bboxes, look["detect_every"])
        step, path = progress_callback(), new_clip("wav2lip")
        wanted_frames = frame_count(sound.exact_duration, clip.fps, clip.frames, loop_mode)
        expected = clip.frames + wanted_frames
        tracks = track_clip(
            clip,
            finder,
            every=every,
            smoothing=look["smoothing"],
            on_frame=lambda done: step(done, max(expected, done)),
        )
        several = face == "largest" and tracks.several_at_once
        tracks = _chosen(tracks, face, face_index, reference_face, no_face, detector)
        work = Dubbing(clip.source, tracks, sound, clip.fps, loop_mode, blending_of(look, crop_scaling))
        key = tracking_key(clip, finder, every, look["smoothing"]) | {
            "version": _VERSION,
            "face": [face, face_index],
            "reference": None if reference_face is None else [detector, fingerprint(from_image(reference_face))],
            "sound": fingerprint(sound.samples, sound.sample_rate),
            "loop_mode": loop_mode,
            "padding": list(work.blending.padding),
            "region": work.blending.region,
            "scaling": work.blending.scaling,
            "weights": wav2lip.weights_id,
        }
        drawings = work_store().job("wav2lip", key, f"Lips for {clip.name}")
        with drawings.locked():
            lips = LipGenerator(wav2lip.on_device(), Mel(sound), clip.fps)
            without = dub(
                work, lips, path, drawings, lambda done, total: step(tracks.frames + done, tracks.frames + total)
            )
        notices = clip.notices() + _notices(sound.peak, without, work.frames, several)
        notices += face_detectors.notices(finder, detector)
        return output(InputImpl.VideoFromFile(str(path)), notices=notices)


def _finder(choice: str, clip: OpenedClip, landmarks: Any, boxes: Any, every: int) -> tuple[Detector, int]:
    """The detector, and on every how many frames it is asked: faces that are given are known for each."""
    from ...media.faces.landmarks import KnownFaces, read_faces

    if landmarks is None and boxes is None:
        return face_detectors.detector(choice), every
    return KnownFaces(read_faces(landmarks, boxes), clip.frames), 1


def _chosen(tracks: Tracks, face: str, index: int, reference: Any, no_face: str, choice: str) -> Tracks:
    from ...engines.lipsync.tracking import FaceChoice, choose_face, frames_without_face
    from ...media.picture import from_image

    shown = None if reference is None else from_image(reference)
    chosen = choose_face(tracks, FaceChoice(_CHOICES[face], index, shown), lambda: face_detectors.detector(choice))
    gone = frames_without_face(chosen)
    if gone and no_face == "stop":
        raise ValueError(
            f"{len(gone)} of the clip's {tracks.frames} frames show no face, first frame {gone[0]}. "
            "Cut them out, or set `no_face` to keep them as they are."
        )
    return chosen


def _notices(peak: float, without: int, frames: int, several: bool) -> list[Notice]:
    from ...engines.head.motion import ABSOLUTE_SILENCE

    notices: list[Notice] = []
    if peak < ABSOLUTE_SILENCE:
        notices.append({"level": "warning", "text": "The audio is silent, so the mouth has nothing to follow."})
    if several:
        text = "Several faces are seen, and the largest one speaks. To choose another, set `face` and `face_index`."
        notices.append({"level": "info", "text": text})
    if without:
        text = f"{without} of {frames} frames show no face; they are as they were."
        notices.append({"level": "warning", "text": text})
    return notices
