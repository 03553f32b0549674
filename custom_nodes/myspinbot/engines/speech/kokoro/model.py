"""Kokoro's network as ONNX: letters and a voice in, sound and how long each letter lasts out."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 24000
SAMPLES_PER_FRAME = 600
_STYLE = 256
_DURATIONS = "/encoder/Clip_output_0"
_TICK = 0.1  # seconds between two questions whether to go on
_loading = threading.Lock()


class KokoroError(RuntimeError):
    """Kokoro can't be used: its runtime is missing, or a file is damaged; the message says which."""


class Kokoro:
    """A model that is loaded."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Load a model.

        Args:
            path: The ONNX file.
            threads: How many compute; 0 is as many as there are cores. Their number doesn't change the sound.

        Raises:
            KokoroError: onnxruntime is missing, or the file is no such model.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise KokoroError(
                "Kokoro runs on onnxruntime, which is missing. Install it into ComfyUI's Python with "
                "`pip install onnxruntime` and restart."
            ) from error
        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others compute here too
        self._make_run_options: Callable[[], Any] = onnxruntime.RunOptions
        try:
            content = path.read_bytes() + _output(_DURATIONS)
            self._session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            found = {one.name for one in self._session.get_inputs()}
        except Exception as error:  # onnxruntime's own errors have no common class
            raise KokoroError(f"{path.name} can't be loaded as the speech model Kokoro ({_reason(error)}).") from error
        if found != {"tokens", "style", "speed"}:
            raise KokoroError(f"{path.name} is another model than Kokoro: its inputs are {', '.join(sorted(found))}.")

    def read(
        self, numbers: list[int], style: npt.NDArray[np.float32], speed: float, tick: Callable[[], None]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Read one sentence.

        Args:
            numbers: Its letters, at most 510.
            style: The voice (256,) for a sentence of this length.
            speed: 1.0 is the voice's own pace.
            tick: Called now and then; what it raises ends the reading at once.

        Returns:
            Samples (T,) at 24 kHz, and the frames (L + 2,) that the start, each letter and the end last; they add up
            to T.

        Raises:
            KokoroError: onnxruntime can't run it, or the model isn't Kokoro's.
        """
        given = {
            "tokens": np.array([[0, *numbers, 0]], np.int64),  # (1, L + 2)
            "style": np.asarray(style, np.float32)[None],  # (1, 256)
            "speed": np.array([speed], np.float32),
        }
        names = [self._session.get_outputs()[0].name, _DURATIONS]
        options = self._make_run_options()
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._session.run, names, given, options)
            try:
                while True:
                    tick()
                    try:
                        sound, lasting = work.result(_TICK)
                        break
                    except NotYet:
                        continue
                    except Exception as error:
                        raise KokoroError(
                            f"The speech model Kokoro can't read a sentence of {len(numbers)} letters "
                            f"({_reason(error)}). Shorten it, or free some memory."
                        ) from error
            except BaseException:
                options.terminate = True
                raise
        samples = np.asarray(sound, np.float32).reshape(-1)
        frames = np.rint(np.asarray(lasting, np.float64)).astype(np.int64).reshape(-1)
        if len(frames) != len(numbers) + 2 or frames.sum() * SAMPLES_PER_FRAME != len(samples):
            raise KokoroError("The speech model doesn't say how long each sound lasts. Take the file of Kokoro v1.0.")
        return samples, frames


def _reason(error: Exception) -> str:
    """What an error of onnxruntime says, in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def load(path: Path) -> Kokoro:
    """A model, kept for the next time as long as its file stays the same.

    Raises:
        KokoroError: See `Kokoro`.
    """
    with _loading:
        return _load(path, path.stat().st_mtime_ns)


@functools.lru_cache(1)
def _load(path: Path, changed: int) -> Kokoro:
    return Kokoro(path)


def load_voice(path: Path) -> npt.NDArray[np.float32]:
    """A voice: the style (N, 256) for each number of letters, the last for all beyond.

    Raises:
        KokoroError: The file is no voice.
    """
    content = path.read_bytes()
    if not content or len(content) % (4 * _STYLE):
        raise KokoroError(f"{path.name} is no voice of Kokoro: its size is no multiple of {4 * _STYLE} bytes.")
    styles = np.frombuffer(content, "<f4").reshape(-1, _STYLE)
    if not np.isfinite(styles).all():
        raise KokoroError(f"{path.name} is no voice of Kokoro: some of its numbers are none.")
    return styles


def _output(name: str) -> bytes:
    """What makes an inner value of an ONNX file one of its outputs when it is appended to it.

    In protocol buffers a message that comes twice is joined, so this is the graph (field 7) once more, with nothing
    but an output (12) of a name (1) and a type (2), a tensor (1) of float (1).
    """
    return _field(7, _field(12, _field(1, name.encode()) + _field(2, _field(1, b"\x08\x01"))))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content
