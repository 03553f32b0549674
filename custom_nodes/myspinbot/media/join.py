"""Pieces of a video into one, without encoding anything again."""

import contextlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from ..shared.files import atomic_write
from .tracks import CopiedTrack, SoundFrom

_EVER = Fraction(1 << 62)


def join(pieces: Sequence[Path], path: Path, *, sound: SoundFrom | None = None, whole_sound: bool = False) -> None:
    """Write an MP4 of the pictures of `pieces`, one after the other, with the sound of another file.

    The pieces come from `VideoWriter` with the same size, rate and quality. Packets are copied as they are. The
    sound is cut where the last picture ends, unless it is to be copied whole. `path` appears when all of it is there.

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
