"""An MP4 from packets as they are, without encoding anything again: pieces joined, or tags added."""

import contextlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from ..shared.files import atomic_write
from .container import opened
from .sound_tracks import CopiedTrack, SoundFrom

_EVER = Fraction(1 << 62)


def join(pieces: Sequence[Path], path: Path, *, sound: SoundFrom | None = None, whole_sound: bool = False) -> None:
    """Write an MP4 of the pictures of several, one after the other, with the sound of another file.

    Args:
        pieces: from `VideoWriter` with the same size, rate and quality.
        path: of the new file; it appears when all of it is there.
        sound: cut where the last picture ends.
        whole_sound: copy the sound whole instead.

    Raises:
        ValueError: a piece is damaged.
        FileExistsError: `path` exists; nothing is ever overwritten.
    """
    with contextlib.ExitStack() as stack:
        aside = stack.enter_context(atomic_write(path))
        container: Any = av.open(str(aside), "w", format="mp4", options={"movflags": "+faststart"})
        stack.callback(_close, container)
        video, track, delay, count = None, None, 0, 0
        for piece in pieces:
            with _opened(piece) as source:
                stream: Any = source.streams.video[0]
                if video is None:
                    video = container.add_stream_from_template(stream)
                    if sound:
                        track = stack.enter_context(contextlib.closing(CopiedTrack(container, sound)))
                before = count
                for packet in source.demux(stream):
                    if packet.dts is None:
                        continue
                    if count == 0:
                        delay = packet.pts - packet.dts
                    packet.pts += before * packet.duration
                    packet.dts = count * packet.duration - delay  # a piece of a frame or two has no delay of its own
                    packet.stream = video
                    count += 1
                    end = count * packet.duration * stream.time_base
                    container.mux(packet)
                    if track:
                        track.advance(end)
        if track:
            if whole_sound:
                track.advance(_EVER)
            track.finish()
        container.close()


def _close(container: Any) -> None:
    with contextlib.suppress(OSError, FFmpegError):  # after a failure there is nothing left to save
        container.close()


def _opened(piece: Path) -> Any:
    try:
        return av.open(str(piece))
    except FFmpegError as error:
        raise ValueError(f"{piece} is damaged; delete it and queue the work again.") from error


def read_tags(path: Path) -> dict[str, str]:
    """What a clip's file says of itself, by name."""
    with opened(path) as container:
        return dict(container.metadata)


def write_tags(source: Path, path: Path, tags: Mapping[str, str]) -> None:
    """Write an MP4 of a clip's packets as they are, with more tags in its container.

    Args:
        source: the clip.
        path: of the new file.
        tags: by name, beside those that the clip had.

    Raises:
        FileExistsError: `path` exists; nothing is ever overwritten.
    """
    flags = {"movflags": "+faststart+use_metadata_tags"}
    with (
        atomic_write(path) as aside,
        opened(source) as container,
        av.open(str(aside), "w", format="mp4", options=flags) as out,
    ):
        out.metadata.update({**container.metadata, **tags})
        streams: dict[Any, Any] = {
            stream: out.add_stream_from_template(stream, opaque=True)
            for stream in (*container.streams.video, *container.streams.audio)
            if stream.codec_context is not None  # pyright: ignore[reportUnnecessaryComparison]
        }
        for packet in container.demux(list(streams)):
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                out.mux(packet)
