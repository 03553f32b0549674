"""What a clip's file says of itself, carried in its container beside pictures and sound."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av


def write_tags(source: Path, path: Path, tags: Mapping[str, str]) -> None:
    """Write `path`, an MP4 of `source`'s packets as they are, with `tags` beside those that it had.

    Raises:
        FileExistsError: `path` exists; nothing is ever overwritten.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists already.")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}")
    flags = {"movflags": "+faststart+use_metadata_tags"}
    try:
        with av.open(str(source)) as container, av.open(str(aside), "w", format="mp4", options=flags) as out:
            out.metadata.update({**container.metadata, **tags})
            kept: dict[Any, Any] = {
                stream: out.add_stream_from_template(stream, opaque=True)
                for stream in (*container.streams.video, *container.streams.audio)
                if stream.codec_context is not None  # pyright: ignore[reportUnnecessaryComparison]
            }
            for packet in container.demux(list(kept)):
                if packet.dts is not None:
                    packet.stream = kept[packet.stream]
                    out.mux(packet)
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)
