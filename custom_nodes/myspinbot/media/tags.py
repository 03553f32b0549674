"""What a clip's file says of itself, carried in its container beside pictures and sound."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av

from ..shared.files import atomic_write


def write_tags(source: Path, path: Path, tags: Mapping[str, str]) -> None:
    """Write `path`, an MP4 of `source`'s packets as they are, with `tags` beside those that it had.

    Raises:
        FileExistsError: `path` exists; nothing is ever overwritten.
    """
    flags = {"movflags": "+faststart+use_metadata_tags"}
    with (
        atomic_write(path) as aside,
        av.open(str(source)) as container,
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
