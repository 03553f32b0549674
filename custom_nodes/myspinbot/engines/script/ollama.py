"""The script from a local model through Ollama's chat API, as structured output (a JSON schema)."""

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...shared.selection import LANGUAGE_MODEL, OLLAMA
from ..progress import OnStep
from .answer import NARRATION, SCENE, Answer, ModelError, role, script_of, task
from .brief import Brief, Script

SCHEMA = {
    "type": "object",
    "properties": {"scene": {"type": "string"}, "narration": {"type": "string"}},
    "required": ["scene", "narration"],
}
LONGEST_ANSWER = 200_000  # characters; a model that goes on has lost its way
_TICK = 0.1  # seconds between two looks for a cancel


@dataclass(frozen=True, slots=True)
class Model:
    """Which model to ask, and how. `timeout` is in seconds and holds for the whole answer."""

    host: str = OLLAMA
    name: str = LANGUAGE_MODEL
    temperature: float = 0.4
    timeout: float = 20.0
    seed: int = 290381


def ask(brief: Brief, model: Model, on_step: OnStep | None = None, left: float | None = None) -> tuple[Script, int]:
    """A script for `brief`, and how many tokens were written for it.

    `on_step(tenths of a second, timeout)` is called while the model thinks, for `left` seconds where some of the
    time is spent already.

    Raises:
        ModelError: for whatever reason there is no script.
    """
    seconds = model.timeout if left is None else left
    try:
        answer = _in_background(lambda stopped: _chat(brief, model, seconds, stopped), seconds, on_step)
        return _script(answer.text, brief), answer.tokens
    except ModelError:
        raise
    except TimeoutError:  # not what was left of it, which is another number each time
        told = f"The model did not answer within {model.timeout:g} seconds. Allow more time, or use a smaller model."
        raise ModelError(told) from None
    except ImportError as error:
        raise ModelError(f"The package {error.name} is missing from ComfyUI's Python.") from error
    except Exception as error:  # a pipeline must not end because a model's server is odd
        raise ModelError(
            f"What answers at {model.host} does not speak as Ollama does ({type(error).__name__}).", again=True
        ) from error


def _chat(brief: Brief, model: Model, timeout: float, stopped: threading.Event) -> Answer:
    """The model's answer, read piece by piece, so that it ends soon after `stopped` is set."""
    import httpx
    import ollama

    try:
        # Neither a proxy nor a redirect may carry the topic elsewhere.
        client = ollama.Client(host=model.host, timeout=timeout, trust_env=False, follow_redirects=False)
    except Exception as error:
        raise ModelError(f"The host {model.host[:80]!r} is no address of a server.") from error
    try:
        pieces: list[str] = []
        tokens = 0
        for part in client.chat(
            model=model.name,
            messages=_messages(brief),
            format=SCHEMA,
            options={"temperature": model.temperature, "seed": model.seed},
            stream=True,
        ):
            pieces.append(part.message.content or "")
            tokens = part.eval_count or tokens
            if stopped.is_set() or sum(map(len, pieces)) > LONGEST_ANSWER:
                break
        return Answer("".join(pieces), tokens)
    except ollama.ResponseError as error:
        if error.status_code == 404:
            raise ModelError(
                f"Ollama has no model {model.name!r}. Get it with `ollama pull {model.name}`, or name another."
            ) from error
        raise ModelError(
            f"Ollama answered with an error: {str(error.error).strip()[:200]}", again=error.status_code >= 500
        ) from error
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except (ConnectionError, httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ModelError(
            f"No Ollama answers at {model.host}. Start it with `ollama serve`, or correct `host` of Write Script."
        ) from error


def _messages(brief: Brief) -> list[dict[str, str]]:
    return [
        {
            "role": "system",
            "content": f"{role(brief)} Answer with one JSON object with two strings. `narration`: {NARRATION}. "
            f"`scene`: {SCENE}.",
        },
        {"role": "user", "content": task(brief)},
    ]


def _script(answer: str, brief: Brief) -> Script:
    start, end = answer.find("{"), answer.rfind("}")
    try:
        data: Any = json.loads(answer[start : end + 1])
        narration, scene = (_one_line(data.get(key)) for key in ("narration", "scene"))
    except (ValueError, RecursionError, AttributeError) as error:
        raise ModelError("The model's answer was not the JSON that it was asked for.", again=True) from error
    return script_of(narration, scene, brief)


def _one_line(value: Any) -> str:
    """A string without line breaks and without halves of characters; "" for anything else."""
    return " ".join(value.encode("utf-8", "ignore").decode().split()) if isinstance(value, str) else ""


def _in_background(work: Callable[[threading.Event], Answer], timeout: float, on_step: OnStep | None) -> Answer:
    """`work(stopped)` on a thread of its own, told to stop when time is up or `on_step` raises.

    Raises:
        TimeoutError: Time is up.
    """
    done: queue.Queue[Answer | BaseException] = queue.Queue(1)
    stopped = threading.Event()

    def run() -> None:
        try:
            done.put(work(stopped))
        except BaseException as error:
            done.put(error)

    threading.Thread(target=run, daemon=True, name="ollama").start()
    started = time.monotonic()
    try:
        while True:
            try:
                result = done.get(timeout=_TICK)
            except queue.Empty:
                waited = time.monotonic() - started
                if waited > timeout:
                    raise TimeoutError from None
                if on_step:
                    on_step(int(waited / _TICK), int(timeout / _TICK) + 1)
                continue
            if isinstance(result, BaseException):
                raise result
            return result
    finally:
        stopped.set()
