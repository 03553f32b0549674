"""Upscale Video: a clip made larger by a model, from file to file."""

from typing import Any

from comfy_api.latest import InputImpl, io
from typing_extensions import override

from ...comfyui.face_detectors import DETECTORS
from ...comfyui.face_detectors import TOOLTIP as DETECTOR
from ...comfyui.feedback import output, progress_callback
from ...comfyui.video_files import clip_path, new_clip
from ...comfyui.work_store import work_store
from ...engines.enhance.size import TARGETS
from .restore_faces import FIDELITY, notices, restoration
from .restore_model import LoadedRestorer, RestorerSocket


class Upscale(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotUpscale",
            display_name="Upscale Video",
            category="MySpinBot/Upscale",
            description="Makes a clip larger and sharper with an upscale model, and keeps its sound. Only what changes "
            "from frame to frame is computed, memory doesn't grow with the length, and an interrupted run goes on "
            "where it was.",
            search_aliases=["upscale", "upscaler", "enlarge video", "super resolution", "esrgan", "realesrgan", "hd"],
            inputs=[
                io.Video.Input("video", tooltip="The clip, of any length."),
                io.UpscaleModel.Input("upscale_model", tooltip="The model, from Load Upscale Model."),
                io.Combo.Input(
                    "target",
                    options=list(TARGETS),
                    default="model",
                    tooltip="How large the clip becomes: model is as much as the model enlarges, factor goes by the "
                    "number below, and 720p and the like are the pixels of the shorter side.",
                ),
                io.Float.Input(
                    "factor",
                    default=2.0,
                    min=0.25,
                    max=8.0,
                    step=0.25,
                    tooltip="How many times larger the clip becomes, if the target is factor.",
                ),
                io.Int.Input(
                    "batch_size",
                    default=50,
                    min=1,
                    max=1000,
                    tooltip="Frames in a piece; an interrupted run goes on after the last piece that was finished.",
                ),
                io.Int.Input(
                    "frame_load_cap",
                    default=0,
                    min=0,
                    max=1_000_000,
                    tooltip="How many frames are taken at most; 0 takes all.",
                ),
                io.Int.Input(
                    "skip_first_frames",
                    default=0,
                    min=0,
                    max=1_000_000,
                    tooltip="How many frames are left out at the beginning.",
                ),
                io.Int.Input(
                    "select_every_nth",
                    default=1,
                    min=1,
                    max=100,
                    tooltip="Take one of so many frames; 2 halves the frame rate.",
                ),
                io.Int.Input(
                    "quality",
                    default=16,
                    min=0,
                    max=40,
                    tooltip="Quality of the file as x264's CRF: 16 shows no loss, lower is better and larger.",
                ),
                io.Int.Input(
                    "change_threshold",
                    default=2,
                    min=0,
                    max=16,
                    advanced=True,
                    tooltip="By how many of 255 levels a part of the picture may differ and still count as unchanged, "
                    "so that it isn't computed anew; 0 computes whatever differs at all.",
                ),
                io.Int.Input(
                    "overlap",
                    default=0,
                    min=0,
                    max=256,
                    advanced=True,
                    tooltip="Pixels around each part of the picture that the model also sees; 0 measures on the model "
                    "how many keep the parts' edges from being seen.",
                ),
                io.Int.Input(
                    "tile_size",
                    default=0,
                    min=0,
                    max=4096,
                    step=16,
                    advanced=True,
                    tooltip="The longest side of a part in pixels; 0 takes what fits into memory.",
                ),
                io.Combo.Input(
                    "precision",
                    options=["auto", "fp32"],
                    default="auto",
                    advanced=True,
                    tooltip="How exactly it computes: auto takes half precision where that is faster and as good.",
                ),
                RestorerSocket.Input(
                    "face_restorer",
                    optional=True,
                    tooltip="A model from Load Face Restorer, to restore small and soft faces on the way.",
                ),
                io.Float.Input(
                    "codeformer_fidelity",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip=FIDELITY,
                ),
                io.Combo.Input("detector", options=DETECTORS, default="auto", optional=True, tooltip=DETECTOR),
            ],
            outputs=[io.Video.Output("video", tooltip="The larger clip with the sound of the original.")],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        video: Any,
        upscale_model: Any,
        target: str,
        factor: float,
        batch_size: int,
        frame_load_cap: int,
        skip_first_frames: int,
        select_every_nth: int,
        quality: int,
        change_threshold: int,
        overlap: int,
        tile_size: int,
        precision: str,
        face_restorer: LoadedRestorer | None = None,
        codeformer_fidelity: float = 1.0,
        detector: str = "auto",
    ) -> io.NodeOutput:
        from ...engines.enhance.clip import Settings, enhance
        from ...engines.enhance.restorer import RestoreSettings
        from .upscale_model import free_bytes, load_together, load_upscaler

        settings = Settings(
            target=target,  # pyright: ignore[reportArgumentType]
            factor=factor,
            batch_size=batch_size,
            frame_load_cap=frame_load_cap,
            skip_first_frames=skip_first_frames,
            select_every_nth=select_every_nth,
            change_threshold=change_threshold,
            overlap=overlap,
            tile_size=tile_size,
            crf=quality,
        )
        source = clip_path(video)
        upscaler = load_upscaler(upscale_model, exact=precision == "fp32")
        models = [upscaler.model, *([face_restorer.model] if face_restorer else [])]
        load_together(*models)
        path = new_clip("upscale")
        restore_settings = RestoreSettings(fidelity=codeformer_fidelity)
        faces = restoration(face_restorer, restore_settings, detector) if face_restorer else None
        report = enhance(
            source,
            path,
            upscaler.network,
            settings,
            work_store(),
            memory=free_bytes(),
            on_step=progress_callback(),
            restoration=faces,
            ready=lambda: load_together(*models),
        )
        return output(InputImpl.VideoFromFile(str(path)), notices=notices(report, faces, detector))
