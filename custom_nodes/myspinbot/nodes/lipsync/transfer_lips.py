"""Transfer Lips: the lips of a talking video by any model, in the clip that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui import face_detectors as faces
from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.video_files import clip_path, new_clip
from .inputs import blend_inputs, tracking_inputs
from .source import open_clip, track_clip

if TYPE_CHECKING:
    from ...engines.lipsync.source import Clip
    from ...media.faces.tracks import Tracks


class TransferLips(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotTransferLips",
            display_name="Transfer Lips",
            category="MySpinBot/Lip Sync",
            description="Blends the mouth or the face of a talking video, such as InfiniteTalk makes from a clip, into "
            "that clip: nothing else of it changes. An open way to dub a clip.",
            search_aliases=[
                "lip sync",
                "dub",
                "video to video",
                "blend face",
                "infinitetalk",
                "inpaint lips",
            ],
            inputs=[
                io.Video.Input("target_video", tooltip="The clip that is to stay as it is, but for the lips."),
                io.Video.Input("lips_video", tooltip="The same face speaking; its lips and its sound are used."),
                io.Combo.Input(
                    "loop_mode",
                    options=["hold", "ping-pong", "cut"],
                    default="hold",
                    tooltip="What the target does where the lips video is longer: hold its last frame, run back and "
                    "forth, or cut the lips video. InfiniteTalk holds it.",
                ),
                io.Combo.Input("detector", options=faces.DETECTORS, default="auto", tooltip=faces.TOOLTIP),
                *blend_inputs(),
                *tracking_inputs(),
            ],
            outputs=[io.Video.Output("video", tooltip="The target with the lips and the sound of the lips video.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        target_video: Any,
        lips_video: Any,
        loop_mode: Any,
        detector: str,
        region: Any,
        feather: float,
        color_match: float,
        smoothing: float,
        detect_every: int,
    ) -> io.NodeOutput:
        from ...engines.lipsync.blend import Blending
        from ...engines.lipsync.tracking import FaceChoice, choose_face
        from ...engines.lipsync.transfer_lips import LipTransfer, transfer_lips
        from ...media.clip import probe

        step, path, finder = progress_callback(), new_clip("transfer-lips"), faces.detector(detector)
        fps = probe(clip_path(lips_video)).fps.limit_denominator(1001)
        clips = open_clip(target_video, fps), open_clip(lips_video, fps)
        expected = sum(clip.frames for clip in clips) + clips[1].frames
        found: list[Tracks] = []
        several = False
        for clip in clips:
            before = sum(tracks.frames for tracks in found)
            tracks = track_clip(
                clip,
                finder,
                every=detect_every,
                smoothing=smoothing,
                on_frame=lambda done, before=before: step(before + done, max(expected, before + done)),
            )
            several |= tracks.several_at_once
            found.append(choose_face(tracks, FaceChoice(), lambda: finder))
        blending = Blending(region, feather, color_match, sharpness=0.0, padding=(0, 0, 0, 0))
        target, lips = (cast("Clip", each.source) for each in clips)
        work = LipTransfer(target, found[0], lips, found[1], fps, loop_mode, blending)
        before = sum(tracks.frames for tracks in found)
        unchanged = transfer_lips(work, path, lambda done, total: step(before + done, before + total))
        notices: list[Notice] = [notice for clip in clips for notice in clip.notices()]
        notices += faces.notices(finder, detector)
        if several:
            text = "Several faces are seen, and the largest one is used. To choose another, crop the clip around it."
            notices.append({"level": "info", "text": text})
        if unchanged:
            text = f"{unchanged} of {work.frames} frames show no face in both clips; they are as they were."
            notices.append({"level": "warning", "text": text})
        return output(InputImpl.VideoFromFile(str(path)), notices=notices)
