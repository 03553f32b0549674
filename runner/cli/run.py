"""`myspinbot run`."""

from __future__ import annotations

import uuid
from pathlib import Path

import click

from ..client import Client
from ..errors import BadInput
from ..events import Submitted
from ..results import prepare_folder
from ..uploads import check as check_value
from ..uploads import resolve
from ..workflow import Workflow
from .connect import connect, json_option, server_options, verbose_option
from .show import Show, make_show
from .signals import Interrupts
from .work import follow, save, start


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True}, add_help_option=False
)
@click.argument("file")
@click.argument("values", nargs=-1, type=click.UNPROCESSED)
@click.option("--set", "settings", multiple=True, metavar="NODE.INPUT=VALUE", help="Set any input of any node.")
@click.option("--out", default="output", show_default=True, help="Folder for the results.")
@server_options
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Set every seed to this.")
@click.option("--count", type=click.IntRange(1), default=1, help="Run so often, with seeds one apart.")
@click.option("--detach", is_flag=True, help="Submit, print the job's id and leave.")
@click.option("--no-resubmit", is_flag=True, help="Don't send a job again that a restarted server lost.")
@click.option("--previews", is_flag=True, help="Save temporary previews too.")
@json_option
@verbose_option
@click.option("--help", "show_help", is_flag=True, help="Show this message and the workflow's own inputs.")
@click.pass_context
def run(
    ctx: click.Context,
    file: str,
    values: tuple[str, ...],
    settings: tuple[str, ...],
    out: str,
    server: str,
    no_start: bool,
    comfyui: str | None,
    python: str | None,
    seed: int | None,
    count: int,
    detach: bool,
    no_resubmit: bool,
    previews: bool,
    as_json: bool,
    verbose: bool,
    show_help: bool,
) -> None:
    """Run the workflow FILE and save what it makes.

    FILE is in the editor's own form or in API form. The inputs that it offers are options here:
    `myspinbot run FILE --help` lists them. A file given for an image, sound or video is uploaded.
    """
    if file in ("--help", "-h"):
        click.echo(ctx.get_help())
        return
    workflow = Workflow.load(file)
    if show_help:
        from .files import describe_inputs

        click.echo(ctx.get_help())
        click.echo(describe_inputs(workflow, server))
        return
    pairs = split_flags(values)
    sets = [split_setting(text) for text in settings]
    folder = Path(out)
    if not detach:
        prepare_folder(folder)
    show = make_show(as_json=as_json)
    try:
        with (
            Interrupts() as interrupts,
            connect(server, no_start=no_start, comfyui=comfyui, python=python, on_wait=show.wait) as (
                client,
                local,
            ),
        ):
            if detach and local:
                raise BadInput("--detach needs a server that goes on running; start one with `myspinbot serve`.")
            prepare(client, workflow, pairs, sets, show)
            for number in range(count):
                if seed is not None or count > 1:
                    workflow.shift_seeds(seed, number)
                job_id = str(uuid.uuid4())
                job = start(client, workflow, interrupts, job_id=job_id, previews=previews, run=number)
                if detach:
                    interrupts.job_id = None
                    show.event(Submitted(job.id, client.api.http.url))
                    if not as_json:
                        click.echo(job.id)
                    continue
                result = follow(job, show, interrupts, local=local, resubmit=not no_resubmit)
                save(job, result, folder, show)
                show.result(result)
    finally:
        show.close()


def split_flags(values: tuple[str, ...]) -> list[tuple[str, str]]:
    """`--topic x --fps=8` as pairs; a flag without a value stands for true."""
    pairs: list[tuple[str, str]] = []
    index = 0
    while index < len(values):
        word = values[index]
        if not word.startswith("--") or word == "--":
            raise BadInput(f"{word!r} is not an option. Options begin with two dashes; quote text with spaces.")
        name, equals, value = word[2:].partition("=")
        index += 1
        if not equals:
            if index < len(values) and not values[index].startswith("--"):
                value = values[index]
                index += 1
            else:
                value = "true"
        pairs.append((name, value))
    return pairs


def split_setting(text: str) -> tuple[str, str]:
    """`4.steps=20` as a pair."""
    reference, equals, value = text.partition("=")
    if not equals or "." not in reference:
        raise BadInput(f"--set takes NODE.INPUT=VALUE, not {text!r}.")
    return reference, value


def prepare(
    client: Client, workflow: Workflow, pairs: list[tuple[str, str]], sets: list[tuple[str, str]], show: Show
) -> None:
    """Bind the workflow and give it its values. Everything is checked before the first upload."""
    if workflow.is_ui or sets:
        client.bind(workflow)
    offered = {field.flag: field for field in workflow.inputs}
    wrong = [name for name, _ in pairs if name not in offered]
    if wrong:
        has = ", ".join(f"--{flag}" for flag in offered) or "none; use --set NODE.INPUT=VALUE"
        raise BadInput(f"{workflow.name} has no input --{wrong[0]}. Its inputs are: {has}.")
    specs = [(f"--{name}", offered[name].spec, value) for name, value in pairs]
    specs += [(reference, workflow.spec_of(reference), value) for reference, value in sets]
    for name, spec, value in specs:
        check_value(value, spec, name)

    def tell(path: Path) -> None:
        show.wait(f"Uploading {path.name}")

    for name, value in pairs:
        field = offered[name]
        field.widget.value = resolve(client.api, value, field.spec, f"--{name}", tell)
    for reference, value in sets:
        spec = workflow.spec_of(reference)
        workflow.set(reference, resolve(client.api, value, spec, reference, tell))
