"""`myspinbot doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from myspinbot_runner.cli.connect import connect, say_once, server_option
from myspinbot_runner.errors import RunnerError, ServerUnreachable
from myspinbot_runner.http import Http

from ..models.options import open_store, place_options
from .report import Line

COLORS = {"good": "green", "note": "yellow", "bad": "red"}


@click.command()
@click.option("--no-start", is_flag=True, help="Don't start ComfyUI to see whether it loads the nodes.")
@click.option("--python", help="The Python that runs ComfyUI.")
@click.option("--ollama", metavar="URL", help="Ollama's address.")
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON, one per line.")
@server_option
@place_options
def doctor(server: Http, no_start: bool, python: str | None, ollama: str | None, as_json: bool, **where: Any) -> int:
    """Say what this machine can run, what is missing for the rest, and which preset suits it.

    Asks the ComfyUI that runs at --server; where none runs, one is started for the question. The exit status is
    1 when something keeps every workflow from running.
    """
    ratings: set[str] = set()
    for line in _look(server, no_start, python, ollama, where):
        ratings.add(line.rating)
        if as_json:
            found = {"event": "finding", "name": line.name, "rating": line.rating, "text": line.text}
            click.echo(json.dumps(found | line.data, ensure_ascii=False))
        else:
            click.secho(f"{line.name}: ", bold=True, nl=False, fg=COLORS[line.rating])
            click.echo(line.text)
    return int("bad" in ratings)


def _look(
    server: Http, no_start: bool, python: str | None, ollama: str | None, where: dict[str, Any]
) -> Iterator[Line]:
    from myspinbot_shared.selection import suited_preset

    from . import report
    from .pipelines import pipelines
    from .services import ask_ollama, why_not_loaded

    try:
        manifest, store = open_store(**where)
    except ServerUnreachable as error:
        if any(where.values()):
            raise  # the user named a place, and it is wrong
        yield Line("ComfyUI", "bad", error.message)
        return
    machine, types, trouble = None, None, None
    try:
        say = say_once(server, "to see whether it loads the nodes (--no-start leaves that out)")
        comfyui = str(where["comfyui"]) if where["comfyui"] else None
        with connect(server, no_start=no_start, comfyui=comfyui, python=python, on_wait=say) as (client, _):
            from .machine import from_stats, nvidia_driver

            info = client.object_info()
            types = set(info)
            machine = from_stats(client.system_stats(), nvidia_driver())
            pack = report.pack_line(why_not_loaded(info, client.log()))
    except RunnerError as error:
        trouble = error
        pack = Line("Nodes", "note", "nobody asked ComfyUI whether it has them.", {"loaded": None})
    if machine is None:
        from myspinbot_runner.locate import find_installation

        from .machine import probe

        try:
            machine = probe(find_installation(where["comfyui"], python))
        except RunnerError as error:
            yield Line("ComfyUI", "bad", error.message)
            return
    yield from report.machine_lines(machine)
    if trouble and not no_start:
        yield Line("Server", "bad", trouble.message)
    yield report.disk_line(store)
    yield pack
    yield report.ollama_line(manifest, ask_ollama(ollama))
    preset, _ = suited_preset(manifest, machine.vram, machine.ram)
    found = list(pipelines(manifest, store, types, preset=preset.name, has_card=bool(machine.gpu)))
    for pipeline in found:
        yield report.pipeline_line(pipeline, gpu=bool(machine.gpu))
    if not found:
        yield Line("Pipelines", "note", "none are at hand: they are in MySpinBot's folder, under workflows.")
    yield report.suggestion_line(manifest, store, machine)
