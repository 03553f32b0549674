"""`myspinbot inputs` and `myspinbot convert`: about workflow files, without running them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..client import Client
from ..errors import BadInput, CannotSave
from ..http import ConnectionLost, Http
from ..workflow import Workflow
from ..workflow.inputs import kind_of, names_in_file
from ..workflow.model import ABSENT
from .connect import connect, json_option, say_once, server_options, verbose_option

FOR_TYPES = "to ask it for the types of the inputs"


@click.command()
@click.argument("file")
@click.option("--all", "everything", is_flag=True, help="List every input of every node, for --set.")
@server_options
@json_option
@verbose_option
def inputs(
    file: str,
    everything: bool,
    server: Http,
    no_start: bool,
    comfyui: str | None,
    python: str | None,
    as_json: bool,
) -> None:
    """List the inputs that the workflow FILE offers, with type, range, choices and default.

    These come from a server. Where none answers, one is started for the question, which takes about half a
    minute; with --no-start, the names alone are listed.
    """
    workflow = Workflow.load(file)
    if no_start and not everything and not as_json:
        click.echo(describe_inputs(workflow, server).lstrip())
        return
    with connect(server, no_start=no_start, comfyui=comfyui, python=python, on_wait=say_once(server, FOR_TYPES)) as (
        client,
        _,
    ):
        client.bind(workflow)
        if everything:
            click.echo(json.dumps(workflow.api(), indent=2, ensure_ascii=False) if as_json else _all(workflow))
        elif as_json:
            click.echo(json.dumps([_as_json(field) for field in workflow.inputs], indent=2, ensure_ascii=False))
        else:
            click.echo(_table(workflow))


@click.command()
@click.argument("file")
@click.option("--out", help="File to write; standard output when left out.")
@server_options
@verbose_option
def convert(
    file: str,
    out: str | None,
    server: Http,
    no_start: bool,
    comfyui: str | None,
    python: str | None,
) -> None:
    """Write the workflow FILE in API form, just as the editor's page would export it."""
    workflow = Workflow.load(file)
    path = Path(out) if out else None
    if path and path.exists():
        raise BadInput(f"{path} exists already, and nothing is overwritten. Choose another name.")
    if workflow.is_ui:
        say = say_once(server, FOR_TYPES)
        with connect(server, no_start=no_start, comfyui=comfyui, python=python, on_wait=say) as (client, _):
            client.bind(workflow)
    text = json.dumps(workflow.api(), indent=2, ensure_ascii=False)
    if path is None:
        click.echo(text)
        return
    try:
        with path.open("x", encoding="utf-8", errors="backslashreplace") as file_out:
            file_out.write(text + "\n")
    except OSError as error:
        raise CannotSave(f"{path} can't be written ({error.strerror}).") from None


def describe_inputs(workflow: Workflow, server: Http) -> str:
    """The workflow's own options for its help. Types need a server; without one, names and nothing more."""
    try:
        client = Client(server)
        client.bind(workflow)
    except ConnectionLost:
        names = ", ".join(f"--{name}" for name in names_in_file(workflow.content)[0]) or "none"
        return (
            f"\nInputs of {workflow.name}: {names}\n"
            f"Their types and ranges come from a server, and none answers at {server}. "
            "`myspinbot inputs FILE` starts one for it."
        )
    return "\n" + _table(workflow)


def _table(workflow: Workflow) -> str:
    fields = workflow.inputs
    if not fields:
        return (
            f"{workflow.name} offers no inputs of its own. `myspinbot inputs FILE --all` lists every node's; "
            "set them with --set NODE.INPUT=VALUE."
        )
    formatter = click.HelpFormatter(width=110)
    formatter.write_text(f"Inputs of {workflow.name}:")
    rows: list[tuple[str, str]] = []
    for field in fields:
        allowed = f" ({field.range()})" if field.range() else ""
        default = "" if field.default in (None, "") else f" [default: {_short(field.default)}]"
        rows.append((f"--{field.flag} {field.kind.upper().replace(' ', '-')}", f"{field.help()}{allowed}{default}"))
    with formatter.indentation():
        formatter.write_dl(rows, col_max=44)
    return formatter.getvalue().rstrip()


def _as_json(field: Any) -> dict[str, Any]:
    options = field.spec.options
    data = {
        "flag": field.flag,
        "label": field.label,
        "node": field.node.id,
        "title": field.node.title,
        "input": field.widget.name,
        "type": field.kind,
        "default": field.default,
        "help": field.help(),
    }
    data |= {key: options[key] for key in ("min", "max", "step") if key in options}
    return data | ({"choices": field.spec.choices} if field.kind == "choice" else {})


def _all(workflow: Workflow) -> str:
    lines: list[str] = []
    for node_id, node in workflow.api().items():
        meta = node.get("_meta")
        title = meta.get("title") if isinstance(meta, dict) else None
        lines.append(f"{node_id}  {title or node['class_type']}  ({node['class_type']})")
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                continue
            kind = kind_of(workflow.spec_of(f"{node_id}.{name}")) if workflow.is_ui else ""
            lines.append(f"    {node_id}.{name}{f'  {kind}' if kind else ''}  = {_short(value)}")
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if value is not ABSENT else ""
    return text if len(text) <= 60 else text[:57] + "..."
