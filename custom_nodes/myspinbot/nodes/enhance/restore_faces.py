"""Restore Faces: small and soft faces of a clip drawn anew, from file to file."""

from typing import TYPE_CHECKING, Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui import face_detectors
from ...comfyui.face_detectors import DETECTORS
from ...comfyui.face_detectors import TOOLTIP as DETECTOR
from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.video_files import clip_path, new_clip
from ...comfyui.work_store import work_store
from .restore_model import LoadedRestorer, RestorerSocket, licences

if TYPE_CHECKING:
    from ...engines.enhance.clip import Report, Restoration

FIDELITY = "How close CodeFormer keeps to the face that is there: 1 is closest, 0 the cleanest; others have no such."


class RestoreFaces(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotRestoreFaces",
            display_name="Restore Faces",
            category="MySpinBot/Upscale",
            description="Draws small and soft faces of a clip anew, smoothed over time so that they don't flicker, and "
            f"leaves the rest of the picture and the sound as they are. {licences()}".strip(),
            search_aliases=["face restore", "codeformer", "gfpgan", "restoreformer", "sharpen face", "fix face"],
            inputs=[
                io.Video.Input("video", tooltip="The clip, of any length."),
                RestorerSocket.Input("face_restorer", tooltip="The model, from Load Face Restorer."),
                io.Float.Input("codeformer_fidelity", default=1.0, min=0.0, max=1.0, step=0.05, tooltip=FIDELITY),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much of the restored face is seen; 0 leaves the face as it is.",
                ),
                io.Float.Input(
                    "temporal_smoothing",
                    default=0.8,
                    min=0.0,
                    max=0.95,
                    step=0.05,
                    tooltip="How much of the frame before stays where a face is still, against flicker.",
                ),
                io.Combo.Input(
                    "where",
                    options=["where needed", "everywhere"],
                    default="where needed",
                    tooltip="Which faces are restored: where needed means those that are small or soft.",
                ),
                io.Combo.Input("detector", options=DETECTORS, default="auto", tooltip=DETECTOR),
                io.Int.Input(
                    "batch_size",
                    default=50,
                    min=1,
                    max=1000,
                    tooltip="Frames in a piece; an interrupted run goes on after the last piece that was finished.",
                ),
                io.Int.Input(
                    "quality",
                    default=16,
                    min=0,
                    max=40,
                    tooltip="Quality of the file as x264's CRF: 16 shows no loss, lower is better and larger.",
                ),
            ],
            outputs=[io.Video.Output("video", tooltip="The clip with its faces restored, and its sound.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        video: Any,
        face_restorer: LoadedRestorer,
        codeformer_fidelity: float,
        strength: float,
        temporal_smoothing: float,
        where: str,
        detector: str,
        batch_size: int,
        quality: int,
    ) -> io.NodeOutput:
        from ...engines.enhance.clip import Settings, enhance
        from ...engines.enhance.restorer import RestoreSettings
        from .upscale_model import load_together

        settings = RestoreSettings(codeformer_fidelity, strength, temporal_smoothing, where)  # pyright: ignore[reportArgumentType]
        source, path = clip_path(video), new_clip("restore")
        work = restoration(face_restorer, settings, detector)
        report = enhance(
            source,
            path,
            None,
            Settings(batch_size=batch_size, crf=quality),
            work_store(),
            memory=0,
            on_step=progress_callback(),
            restoration=work,
            ready=lambda: load_together(face_restorer.model),
        )
        return output(InputImpl.VideoFromFile(str(path)), notices=notices(report, work, detector))


def restoration(face_restorer: LoadedRestorer, settings: Any, choice: str) -> "Restoration":
    """What the engine needs to restore faces."""
    from ...engines.enhance.clip import Restoration

    return Restoration(face_restorer.restorer, face_detectors.detector(choice), settings)


def notices(report: "Report", faces: "Restoration | None", choice: str) -> list[Notice]:
    """What the user is told of a clip in which faces were restored, if any; `choice` of a detector."""
    reading: list[Notice] = [{"level": "info", "text": text} for text in report.reading]
    remarks: list[Notice] = [{"level": "warning", "text": text} for text in report.remarks]
    found = reading + remarks
    if faces is None:
        return found
    if not report.faces:
        found.append({"level": "warning", "text": "No face was found in the clip, so none was restored."})
    return found + face_detectors.notices(faces.detector, choice)
