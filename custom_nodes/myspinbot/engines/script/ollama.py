"""The script from a local model through Ollama's chat API, as structured output (a JSON schema)."""

import json
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .brief import Brief, Script, fitted

OnStep = Callable[[int, int], None]

SCHEMA = {
    "type": "object",
    "properties": {"scene": {"type": "string"}, "narration": {"type": "string"}},
    "required": ["scene", "narration"],
}
_REFUSALS = re.compile(r"^\W*(i'?m sorry|i am sorry|sorry,|i can(no|')t |as an ai\b|i'?m unable)", re.IGNORECASE)
_TICK = 0.1  # seconds between two looks for a cancel


class ModelError(Exception):
    """The model gave no script. `again` says whether a second try may help."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


@dataclass(frozen=True, slots=True)
class Model:
    """Which model to ask, and how. `timeout` is in seconds and holds for the whole answer."""

    host: str = "http://127.0.0.1:11434"
    name: str = "mistral:7b-instruct"
    temperature: float = 0.4
    timeout: float = 20.0
    seed: int = 290381


def ask(brief: Brief, model: Model, on_step: OnStep | None = None) -> Script:
    """A script for `brief`. `on_step(tenths of a second, timeout)` is called while the model thinks.

    Raises:
        ModelError: no server, no such model, no answer in time, or none that holds a script.
    """
    answer = _in_background(lambda: _chat(brief, model), model.timeout, on_step)
    return _script(answer, brief)


def _chat(brief: Brief, model: Model) -> str:
    import httpx
    import ollama

    try:
        client = ollama.Client(host=model.host, timeout=model.timeout)
        reply = client.chat(
            model=model.name,
            messages=_messages(brief),
            format=SCHEMA,
            options={"temperature": model.temperature, "seed": model.seed},
        )
    except ollama.ResponseError as error:
        if error.status_code == 404:
            raise ModelError(
                f"Ollama has no model {model.name!r}. Get it with `ollama pull {model.name}`, or name another."
            ) from error
        raise ModelError(
            f"Ollama answered with an error: {error.error.strip()[:200]}", again=error.status_code >= 500
        ) from error
    except httpx.TimeoutException as error:
        raise ModelError(_too_late(model.timeout)) from error
    except (ConnectionError, httpx.HTTPError, OSError, ValueError) as error:
        raise ModelError(
            f"No Ollama answers at {model.host}. Start it with `ollama serve`, or correct `host`."
        ) from error
    return reply.message.content or ""


def _messages(brief: Brief) -> list[dict[str, str]]:
    persona = f" You speak as {brief.persona}." if brief.persona.strip() else ""
    return [
        {
            "role": "system",
            "content": "You write short talking-head videos."
            f"{persona} Answer with one JSON object with two strings. `narration`: the words to be spoken to the "
            "camera and nothing else: no headings, no stage directions, no emoji, numbers and symbols as they are "
            "read aloud. `scene`: in English, one camera-ready description of the picture for an image generator: "
            "the speaker's setting, clothes, framing, light and mood; no text in the picture.",
        },
        {
            "role": "user",
            "content": f"Topic: {brief.topic.strip()}\nTone: {brief.tone}\nNarration language: {brief.language}\n"
            f"Length: about {brief.words} words, {brief.seconds} seconds when read aloud.",
        },
    ]


def _script(answer: str, brief: Brief) -> Script:
    text = answer.strip()
    start, end = text.find("{"), text.rfind("}")
    try:
        data: Any = json.loads(text[start : end + 1])
    except json.JSONDecodeError as error:
        raise ModelError("The model's answer was not the JSON that it was asked for.", again=True) from error
    narration, scene = (" ".join(str(data.get(key) or "").split()) for key in ("narration", "scene"))
    if not re.search(r"\w", narration):
        raise ModelError("The model's answer held no narration.", again=True)
    if _REFUSALS.match(narration):
        raise ModelError(f"The model refused: {narration[:120]!r}", again=True)
    return Script(fitted(narration, brief.words), scene or f"A person talks to the camera about {brief.topic.strip()}.")


def _in_background(work: Callable[[], str], timeout: float, on_step: OnStep | None) -> str:
    """`work()` on a thread of its own, left behind when time is up or `on_step` raises."""
    done: queue.Queue[str | BaseException] = queue.Queue(1)

    def run() -> None:
        try:
            done.put(work())
        except BaseException as error:
            done.put(error)

    threading.Thread(target=run, daemon=True, name="ollama").start()
    started = time.monotonic()
    while True:
        try:
            result = done.get(timeout=_TICK)
        except queue.Empty:
            waited = time.monotonic() - started
            if waited > timeout:
                raise ModelError(_too_late(timeout)) from None
            if on_step:
                on_step(int(waited / _TICK), int(timeout / _TICK) + 1)
            continue
        if isinstance(result, BaseException):
            raise result
        return result


def _too_late(timeout: float) -> str:
    return f"The model did not answer within {timeout:g} seconds. Allow more time, or use a smaller model."
