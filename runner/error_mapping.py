"""Maps what the server says went wrong to the runner's errors, which name the node and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import hooks
from .api import Graph, Record
from .errors import (
    BadInput,
    BadWorkflow,
    Cancelled,
    DiskFull,
    MissingModel,
    MissingNode,
    NodeFailed,
    OutOfMemory,
    RunnerError,
)

MODEL_FILE = re.compile(r"\.(safetensors|sft|ckpt|pt|pth|bin|onnx|gguf)$", re.IGNORECASE)
LOWER = (
    "Lower the width, height, length or batch size, close other programs that use the GPU, "
    "or start ComfyUI with --lowvram."
)
EXHAUSTED = re.compile(r"OutOfMemoryError|MemoryError|OutOfMemory|out of memory", re.IGNORECASE)


def title_of(graph: Graph, node_id: str) -> str:
    """A node's title; for nodes made while the job runs (`20.0.1`) that of the one that made them."""
    node = graph.get(node_id) or graph.get(node_id.split(".")[0]) or {}
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return str(title or node.get("class_type") or f"node {node_id}")


def named(graph: Graph, node_id: str) -> str:
    """How a message names a node: its title and id."""
    return f"{title_of(graph, node_id)} (node {node_id})"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def error_of_refusal(answer: Any, graph: Graph, text: str = "") -> RunnerError:
    """The error for a workflow that the server won't take. `answer` is the body of its refusal."""
    body = _dict(answer)
    error = _dict(body.get("error"))
    kind = str(error.get("type", ""))
    extra = _dict(error.get("extra_info"))
    if kind == "missing_node_type":
        return MissingNode(
            f"The server has no node type {extra.get('class_type')!r}, which {named(graph, str(extra.get('node_id')))} "
            "needs. Install the node pack that has it."
        )
    if kind == "prompt_no_outputs":
        return BadWorkflow(
            "The workflow has no node that gives a result. Add one that saves or previews, or unmute it."
        )
    errors = body.get("node_errors")
    if isinstance(errors, dict) and errors:
        return error_of_inputs(errors, graph)
    said = error.get("message") or body.get("error") or text or "no reason given"
    return BadWorkflow(f"The server refused the workflow: {said}.", str(error.get("details", "")))


def error_of_inputs(errors: Mapping[str, Any], graph: Graph) -> RunnerError:
    """The error for inputs that the server found wrong; the gravest one decides its kind."""
    found: list[RunnerError] = []
    for node_id, entry in errors.items():
        for error in (entry.get("errors") if isinstance(entry, dict) else None) or []:
            if isinstance(error, dict):
                found.append(_input_error(error, str(node_id), graph))
    if not found:
        return BadWorkflow("The server found errors in the workflow but doesn't say which.")
    kind = next((type(e) for e in found if isinstance(e, MissingModel)), type(found[0]))
    lines = list(dict.fromkeys(error.message for error in found))
    return kind("\n".join(lines), "\n".join(dict.fromkeys(e.detail for e in found if e.detail)))


def _input_error(error: Mapping[str, Any], node_id: str, graph: Graph) -> RunnerError:
    kind, details = str(error.get("type", "")), str(error.get("details", ""))
    extra = _dict(error.get("extra_info"))
    name, value = extra.get("input_name", ""), extra.get("received_value")
    node, limits = named(graph, node_id), _limits(extra.get("input_config"))
    if kind == "value_not_in_list":
        choices = _choices(extra.get("input_config"))
        if isinstance(value, str) and MODEL_FILE.search(value):
            has = f" It has {choices}." if choices else ""
            return MissingModel(f"{node} needs the model file {value!r} for {name!r}.{has} {_way_to(value)}")
        return BadInput(f"{node}: {name!r} can't be {value!r}." + (f" Choose {choices}." if choices else ""))
    if kind == "required_input_missing":
        return BadWorkflow(f"{node}: the input {name!r} is needed, and nothing is connected to it.")
    if kind == "value_smaller_than_min":
        return BadInput(f"{node}: {name!r} is {value!r}, and must be at least {limits.get('min')}.")
    if kind == "value_bigger_than_max":
        return BadInput(f"{node}: {name!r} is {value!r}, and must be at most {limits.get('max')}.")
    if kind == "invalid_input_type":
        return BadInput(f"{node}: {name!r} can't be {value!r}; it is of the wrong type.")
    if kind == "custom_validation_failed":
        return BadInput(f"{node}: {name!r} can't be {value!r}: {details.removeprefix(f'{name} - ')}.")
    said = str(error.get("message") or kind or "wrong input")
    return BadWorkflow(f"{node}: {said}" + (f": {details}." if details else "."))


def _way_to(file: str) -> str:
    """How to get a file that the server lacks."""
    return next(filter(None, (explain(file) for explain in hooks.explain_missing_file)), "")


def _limits(config: Any) -> Mapping[str, Any]:
    return config[1] if isinstance(config, list) and len(config) > 1 and isinstance(config[1], dict) else {}


def _choices(config: Any) -> str:
    values = config[0] if isinstance(config, list) and config and isinstance(config[0], list) else None
    values = values or _limits(config).get("options")
    if not isinstance(values, list):
        return ""
    shown = ", ".join(map(str, values[:20])) or "none"
    return f"one of: {shown}" + (" and more" if len(values) > 20 else "")


def error_of_execution(error: Any, graph: Graph) -> RunnerError:
    """The error for a job that ended badly. `error` is the server's `execution_error`."""
    data = error if isinstance(error, dict) else {}
    node = named(graph, str(data.get("node_id", "?")))
    kind = str(data.get("exception_type", "error")).rsplit(".", 1)[-1]
    message = str(data.get("exception_message", "")).strip() or kind
    trace = data.get("traceback")
    detail = "".join(map(str, trace)) if isinstance(trace, list) else ""
    if EXHAUSTED.search(kind) or (kind == "RuntimeError" and EXHAUSTED.search(message)):
        return OutOfMemory(f"{node} ran out of memory. {LOWER}", f"{message}\n{detail}")
    if kind == "MissingModelError":
        return MissingModel(f"{node}: {message}", detail)
    if "[Errno 28]" in message or "No space left on device" in message:
        return DiskFull(f"{node} found the server's disk full: {message}", detail)
    return NodeFailed(f"{node} failed: {message}" + ("" if kind in message else f" ({kind})"), detail)


def error_of_record(record: Record, graph: Graph) -> RunnerError | None:
    """The error that a final record stands for; None for a job that succeeded."""
    if record.status == "completed":
        return None
    if record.status == "cancelled":
        return Cancelled("The job was cancelled.")
    return error_of_execution(record.raw.get("execution_error"), graph or record.graph)
