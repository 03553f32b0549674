"""Transfer Lips: a talking video by any model, confined to the face of the clip that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui import face_detectors as faces
from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.video_files import clip_path, new_clip
from .inputs import blend_inputs, follow_inputs
from .source import followed, given

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
            description="Takes the speaking face of a new take, such as InfiniteTalk makes from a clip, and blends it "
            "into that clip: only the mouth or the face changes. An open way to dub a clip.",
            search_aliases=[
                "lip sync",
                "transfer_lips",
                "dub",
                "video to video",
                "blend face",
                "infinitetalk",
                "inpaint lips",
            ],
            inputs=[
                io.Video.Input("original", tooltip="The clip that is to stay as it is, but for the lips."),
                io.Video.Input("take", tooltip="The new take of the same face, with the speech as its sound."),
                io.Combo.Input(
                    "loop_mode",
                    options=["hold", "ping-pong", "cut"],
                    default="hold",
                    tooltip="What the clip does where the take is longer: hold its last frame, run back and forth, or "
                    "cut the take. InfiniteTalk holds it.",
                ),
                io.Combo.Input("detector", options=faces.DETECTORS, default="auto", tooltip=faces.TOOLTIP),
                *blend_inputs(),
                *follow_inputs(),
            ],
            outputs=[io.Video.Output("video", tooltip="The clip with the take's lips and its sound.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        original: Any,
        take: Any,
        loop_mode: Any,
        detector: str,
        region: Any,
        feather: float,
        color_match: float,
        smoothing: float,
        detect_every: int,
    ) -> io.NodeOutput:
        from ...engines.lipsync.blend import Look
        from ...engines.lipsync.follow import Wanted, choose
        from ...engines.lipsync.transfer_lips import LipTransfer, transfer_lips
        from ...media.clip import probe

        step, path, finder = progress_callback(), new_clip("transfer_lips"), faces.detector(detector)
        fps = probe(clip_path(take)).fps.limit_denominator(1001)
        clips = given(original, fps), given(take, fps)
        expected = sum(clip.frames for clip in clips) + clips[1].frames
        found: list[Tracks] = []
        for clip in clips:
            before = sum(tracks.frames for tracks in found)
            tracks = followed(
                clip,
                finder,
                every=detect_every,
                smoothing=smoothing,
                on_frame=lambda done, before=before: step(before + done, max(expected, before + done)),
            )
            found.append(choose(tracks, Wanted(), lambda: finder))
        look = Look(region, feather, color_match, sharpness=0.0, padding=(0, 0, 0, 0))
        clip, new = (cast("Clip", each.source) for each in clips)
        work = LipTransfer(clip, found[0], new, found[1], fps, loop_mode, look)
        before = sum(tracks.frames for tracks in found)
        kept = transfer_lips(work, path, lambda done, total: step(before + done, before + total))
        notices: list[Notice] = []
        if kept:
            text = f"{kept} of {work.frames} frames show no face in both clips; they are as they were."
            notices.append({"level": "warning", "text": text})
        return output(InputImpl.VideoFromFile(str(path)), notices=notices)
