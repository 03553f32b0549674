"""`myspinbot run`, most of whose options come from the workflow."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..client import Client, unknown_input
from ..errors import BadInput
from ..events import Submitted
from ..http import Http
from ..results import prepare_folder
from ..workflow import Workflow
from ..workflow.file import MAX_SEED
from .connect import connect, json_option, server_options, verbose_option
from .follow import Interrupts, follow, make_show, save, start
from .show import Show

if TYPE_CHECKING:
    from ..workflow.inputs import Field


def _whole_number(least: int) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """Reads an option as a whole number of plain digits, from `least` to the largest seed."""

    def read(ctx: click.Context, param: click.Parameter, text: str | None) -> int | None:
        if text is None:
            return None
        if not text.isdecimal() or not least <= int(text) <= MAX_SEED:
            raise BadInput(f"{param.opts[0]} takes a whole number from {least} to {MAX_SEED}, not {text!r}.")
        return int(text)

    return read


class RunCommand(click.Command):
    """Leaves the options that it doesn't know for the workflow's own inputs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # No short options, so that a value may begin with a dash; only -h is as everywhere.
        return super().parse_args(ctx, ["--help" if word == "-h" else word for word in args])


@click.command(
    cls=RunCommand,
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    options_metavar="[--INPUT VALUE ...] [OPTIONS]",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="FILE")
@click.option(
    "--set", "settings", multiple=True, metavar="NODE.INPUT=VALUE",
    help="Set any input of any node. May be given often.",
)  # fmt: skip
@click.option("--out", default="output", show_default=True, metavar="DIR", help="Folder for the results.")
@click.option("--seed", metavar="N", callback=_whole_number(0), help="Set every seed to this.")
@click.option(
    "--count",
    metavar="N",
    callback=_whole_number(1),
    default="1",
    show_default=True,
    help="Run this often, with seeds one apart.",
)
@click.option("--detach", is_flag=True, help="Submit, print the job's id and leave.")
@server_options
@click.option("--no-resubmit", is_flag=True, help="Don't send a job again that a restarted server lost.")
@click.option("--previews", is_flag=True, help="Save temporary previews too.")
@json_option
@verbose_option
@click.option("--help", "show_help", is_flag=True, help="Show this message and the workflow's own inputs.")
@click.pass_context
def run(ctx: click.Context, words: tuple[str, ...], server: Http, show_help: bool, **options: Any) -> None:
    """Run the workflow FILE and save what it makes.

    FILE is in the editor's own form or in API form. The inputs that it offers are options here:
    `myspinbot run FILE --help` lists them with types, ranges and defaults. A file given for an image, sound or
    video is uploaded, and so is a folder given for a folder.
    """
    file, given = _split(words)
    if show_help:
        click.echo(ctx.get_help())
        if file is not None:
            from .files import describe_inputs

            click.echo(describe_inputs(Workflow.load(file), server))
        return
    if file is None:
        raise click.UsageError("Name a workflow file.", ctx)
    workflow = Workflow.load(file)
    show = make_show(as_json=options["as_json"])
    try:
        _run(workflow, given, show, ctx, server, **options)
    finally:
        show.close()


def _run(
    workflow: Workflow,
    given: Sequence[str],
    show: Show,
    ctx: click.Context,
    server: Http,
    *,
    settings: tuple[str, ...],
    out: str,
    seed: int | None,
    count: int,
    detach: bool,
    no_start: bool,
    comfyui: str | None,
    python: str | None,
    no_resubmit: bool,
    previews: bool,
    as_json: bool,
) -> None:
    sets = [_split_setting(text) for text in settings]
    _check_names(workflow, given, ctx)
    if not detach:
        prepare_folder(Path(out))
    with (
        Interrupts() as interrupts,
        connect(server, no_start=no_start, comfyui=comfyui, python=python, on_wait=show.wait) as (client, local),
    ):
        if detach and local:
            raise BadInput("--detach needs a server that goes on running; start one with `myspinbot serve`.")
        if workflow.is_ui or given or sets:
            client.bind(workflow)
        values = [*_read_flags(workflow, given, ctx), *sets]
        client.set_inputs(workflow, values, on_upload=lambda path: show.wait(f"Uploading {path.name}"))
        if seed is not None or count > 1:
            workflow.shift_seeds(seed, count - 1)  # the last first: what can't be is said before anything runs
        for number in range(count):
            if seed is not None or count > 1:
                workflow.shift_seeds(seed, number)
            job_id = str(uuid.uuid4())
            job = start(client, workflow, interrupts, job_id=job_id, previews=previews, run=number)
            if detach:
                interrupts.job_id = None
                _show_detached(job.id, client, show, as_json=as_json)
                continue
            job.resubmit = not no_resubmit
            result = follow(job, show, interrupts, local=local)
            save(job, Path(out), show)
            show.result(result)


def _show_detached(job_id: str, client: Client, show: Show, *, as_json: bool) -> None:
    if as_json:
        show.event(Submitted(job_id, client.url))
    else:
        click.echo(job_id)


def _split(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The workflow file among what the command's own options leave, and the rest.

    It is the first word that isn't an option and doesn't follow one without a value.
    """
    for index, word in enumerate(words):
        before = words[index - 1] if index else ""
        if not word.startswith("--") and (not before.startswith("--") or "=" in before):
            return word, [*words[:index], *words[index + 1 :]]
    return None, list(words)


def _own(ctx: click.Context) -> list[str]:
    """The names of the command's own options, without dashes."""
    return [name.removeprefix("--") for param in ctx.command.params for name in param.opts if name.startswith("--")]


def _check_names(workflow: Workflow, words: Sequence[str], ctx: click.Context) -> None:
    """Raises BadInput for a flag that the file can't offer, before a server is started to learn its types."""
    from ..workflow.inputs import names_in_file

    names, certain = names_in_file(workflow.content)
    for word in words if certain else ():
        flag = word.removeprefix("--").partition("=")[0]
        if word.startswith("--") and not any(f"-{name}-" in f"-{flag}-" for name in names):
            raise unknown_input(workflow.name, flag, names, _own(ctx))


def _read_flags(workflow: Workflow, words: Sequence[str], ctx: click.Context) -> list[tuple[str, str]]:
    """The workflow's own inputs among the words, as flags and values, read by a parser made for them."""
    if not words:
        return []
    offered = {field.flag: field for field in workflow.inputs}
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        field = offered.get(word.removeprefix("--"))
        if word.startswith("--") and field and field.kind != "bool" and following.startswith("--"):
            raise BadInput(
                f"{word} needs a value: {field.kind}. One that begins with two dashes is written {word}=--like-this."
            )
    options = [_option(f"input_{number}", field) for number, field in enumerate(offered.values())]
    parser = click.Command("inputs", params=list(options), add_help_option=False)
    try:
        values = parser.make_context("inputs", list(words), allow_extra_args=True)
    except click.NoSuchOption as error:
        raise unknown_input(workflow.name, error.option_name.removeprefix("--"), list(offered), _own(ctx)) from None
    except click.UsageError as error:
        raise BadInput(error.format_message()) from None
    if values.args:
        raise BadInput(f"{values.args[0]!r} is not an option. Options begin with two dashes; quote text with spaces.")
    found = zip(offered, options, strict=True)
    return [(flag, text) for flag, option in found if (text := values.params[str(option.name)]) is not None]


def _option(name: str, field: Field) -> click.Option:
    """One input as an option. One that is on or off needs no value."""
    if field.kind == "bool":
        return click.Option([name, f"--{field.flag}"], is_flag=False, flag_value="true", type=click.UNPROCESSED)
    return click.Option([name, f"--{field.flag}"], type=click.UNPROCESSED)


def _split_setting(text: str) -> tuple[str, str]:
    """`4.steps=20` as a pair."""
    reference, equals, value = text.partition("=")
    if not equals or "." not in reference:
        raise BadInput(f"--set takes NODE.INPUT=VALUE, not {text!r}.")
    return reference, value
