"""Subtitles: the words of a speech as SRT and VTT files beside the video."""

from pathlib import Path
from typing import Any

from comfy_api.latest import io, ui
from typing_extensions import override

from ...comfyui.feedback import Notice
from ...comfyui.video_files import clip_path
from ...shared.files import atomic_write

_CLIPS = (".mp4", ".mov", ".mkv", ".webm")
TIMINGS = io.String.Input(
    "timings",
    optional=True,
    force_input=True,
    tooltip="When each word is heard, from a Speak node; else as the video's file has it from Talking Head.",
)


class Subtitles(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotSubtitles",
            display_name="Subtitles",
            category="MySpinBot/Finish",
            description="Turns the timings of a speech into subtitles and saves them as SRT and VTT, which players "
            "and video sites read.",
            search_aliases=["srt", "vtt", "webvtt", "captions", "closed captions", "save subtitles", "transcript"],
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "filename_prefix",
                    display_name="Filename prefix",
                    default="video/ComfyUI",
                    tooltip="The prefix of the files; give that of Save Video, so that they lie beside the video.",
                ),
                TIMINGS,
                io.String.Input(
                    "text",
                    optional=True,
                    force_input=True,
                    tooltip="What is said as it is written, for punctuation and numbers; else as the timings have it.",
                ),
                io.Video.Input(
                    "video",
                    optional=True,
                    tooltip="The output of Save Video: the files then have the number of the video that it saved.",
                ),
            ],
            outputs=[
                io.String.Output("srt", tooltip="The subtitles as SubRip text."),
                io.String.Output("vtt", tooltip="The subtitles as WebVTT text."),
            ],
        )

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, filename_prefix: str, timings: str = "", text: str = "", video: Any = None
    ) -> io.NodeOutput:
        from ...engines.subtitles.cues import OTHER_TEXT, cues, srt, vtt
        from ...engines.timings import Timings

        found, used = cues(Timings.from_json(timings_of(timings, video)), text)
        contents = {".srt": srt(found), ".vtt": vtt(found)}
        notices: list[Notice] = [] if used else [{"level": "warning", "text": OTHER_TEXT}]
        if not found:
            notices.append({"level": "warning", "text": "The timings hold no words, so the subtitles are empty."})
        saved = _save(contents, filename_prefix, beside=video is not None)
        return io.NodeOutput(*contents.values(), ui={"files": saved, "notices": notices})


def timings_of(timings: str, video: Any) -> str:
    """What is connected, or else what the video's file has.

    Raises:
        ValueError: There is neither.
    """
    from ...media.remux import read_tags

    found = timings if timings.strip() or video is None else read_tags(clip_path(video)).get("timings", "")
    if not found.strip():
        raise ValueError("It isn't known when each word is heard. Connect `timings` of the node that speaks.")
    return found


def _save(contents: dict[str, str], prefix: str, *, beside: bool) -> list[ui.SavedResult]:
    """Write the files with the number of the newest video under the prefix if `beside`, else with a new one."""
    import folder_paths

    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_output_directory())
    newest = f"{name}_{counter - 1:05}_"
    videos = any(Path(folder, newest + suffix).exists() for suffix in _CLIPS)
    taken = any(Path(folder, newest + suffix).exists() for suffix in contents)
    stem = newest if beside and videos and not taken else f"{name}_{counter:05}_"
    for suffix, content in contents.items():
        with atomic_write(Path(folder, stem + suffix)) as aside:
            aside.write_text(content, encoding="utf-8", newline="\n")
    return [ui.SavedResult(stem + suffix, subfolder, io.FolderType.output) for suffix in contents]
