"""`myspinbot batch`: many runs of a workflow from a table, with a journal that lets a killed batch go on."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..client import Client
from ..contents import why_unreadable
from ..errors import (
    BadInput,
    BadWorkflow,
    Cancelled,
    JobLost,
    LeftRunning,
    RunnerError,
    ServerStalled,
    ServerUnreachable,
)
from ..http import Http
from ..results import Remote, prepare_folder, safe_path
from ..server import LocalServer
from ..workflow import Workflow
from ..workflow.file import MAX_SEED
from .connect import connect, json_option, server_options, verbose_option
from .follow import Interrupts, follow, make_show, save, start
from .journal import Journal, State
from .show import Show

# After these nothing else in the batch could succeed.
HOPELESS = (ServerUnreachable, ServerStalled, LeftRunning)


@dataclass(frozen=True)
class Row:
    """One run. `key` stands for its content, so that the table may be reordered or extended.

    `folder` is where its results go; `name` is what the table has in the column of that name.
    """

    number: int
    key: str
    folder: str
    workflow: str
    seed: int | None
    name: str | None
    values: tuple[tuple[str, str], ...]


@click.command()
@click.argument("table", metavar="TABLE")
@click.option("--workflow", metavar="FILE", help="Workflow for the rows that name none in a column `workflow`.")
@click.option("--out", default="output", show_default=True, help="Folder for the results, one folder in it a row.")
@click.option("--journal", metavar="FILE", help="File that records what was done. [default: TABLE.journal]")
@click.option("--keep-going", is_flag=True, help="Go on with the next row when one fails.")
@server_options
@json_option
@verbose_option
def batch(
    table: str,
    workflow: str | None,
    out: str,
    journal: str | None,
    keep_going: bool,
    server: Http,
    no_start: bool,
    comfyui: str | None,
    python: str | None,
    as_json: bool,
) -> int:
    """Run a workflow once for each row of TABLE, a .jsonl, .csv or .yaml file.

    A row's columns are the workflow's own inputs (`topic`) or NODE.INPUT, and `workflow`, `seed` (for every
    seed) and `name` (the folder of the row's results; it also sets an input of that name). Paths in the table,
    of workflows and of pictures and sounds alike, are relative to the folder that the command is run in, as
    they are on the command line, and not to the table's.

    Every job is written to the journal before it is submitted: the same command goes on where a killed batch
    was, and nothing runs twice.
    """
    rows = read_rows(Path(table), workflow)
    workflows = {path: _load(path, table) for path in dict.fromkeys(row.workflow for row in rows)}
    prepare_folder(Path(out))
    show = make_show(as_json=as_json)
    first_error: RunnerError | None = None
    try:
        with (
            Journal.open(Path(journal or f"{table}.journal")) as book,
            Interrupts() as interrupts,
            connect(server, no_start=no_start, comfyui=comfyui, python=python, on_wait=show.wait) as (client, local),
        ):
            for row in rows:
                if book.state(row.key).name == "done":
                    continue
                try:
                    _run_row(client, local, workflows[row.workflow], row, book, Path(out), show, interrupts)
                except RunnerError as error:
                    book.add(row.key, "failed", error=error.message, kind=error.kind)
                    first_error = first_error or error
                    if not keep_going or isinstance(error, (Cancelled, *HOPELESS)):
                        break
            summary = [(row, book.state(row.key)) for row in rows]
    finally:
        show.close()
    _summarize(summary, as_json=as_json)
    return first_error.exit_code if first_error else 0


def _load(path: str, table: str) -> Workflow:
    if not Path(path).exists() and not Path(path).is_absolute():
        raise BadWorkflow(
            f"{table} runs the workflow {path}, and there is no such file in {Path.cwd()}. Paths in a table are "
            "relative to the folder that the command is run in."
        )
    return Workflow.load(path)


def _run_row(
    client: Client,
    local: LocalServer | None,
    workflow: Workflow,
    row: Row,
    book: Journal,
    out: Path,
    show: Show,
    interrupts: Interrupts,
) -> None:
    state = book.state(row.key)
    job = None
    if state.name in ("submitting", "finished") and state.job_id:
        try:
            job = client.job(state.job_id)  # it may be running, or done, or never have arrived
        except JobLost:
            job = None
    if job is None:
        client.bind(workflow)
        values = list(row.values)
        if row.name is not None and any(field.flag == "name" for field in workflow.inputs):
            values.append(("name", row.name))
        client.set_inputs(workflow, values, on_upload=lambda path: show.wait(f"Uploading {path.name}"))
        if row.seed is not None:
            workflow.shift_seeds(row.seed, 0)
        job_id = str(uuid.uuid4())
        book.add(row.key, "submitting", job_id=job_id, row=row.number)
        job = start(client, workflow, interrupts, job_id=job_id, run=row.number)
    began = time.monotonic()
    follow(job, show, interrupts, local=local)
    if job.id != state.job_id:
        book.add(row.key, "submitting", job_id=job.id, row=row.number)
    book.add(row.key, "finished", seconds=round(time.monotonic() - began, 2))
    paths = save(
        job,
        out / row.folder,
        show,
        skip=book.saved(row.key),
        on_file=lambda remote, path: book.add_file(row.key, remote.query, str(path)),
    )
    book.add(row.key, "done", files=[str(path) for path in paths])


def _summarize(summary: list[tuple[Row, State]], *, as_json: bool) -> None:
    counts: dict[str, int] = {}
    for row, state in summary:
        shown = state.name if state.name in ("done", "failed") else "waiting"
        counts[shown] = counts.get(shown, 0) + 1
        if as_json:
            data: dict[str, Any] = {"event": "row", "row": row.number, "name": row.folder, "state": shown}
            click.echo(json.dumps(data | state.details, ensure_ascii=False))
        else:
            note = state.details.get("error") or f"{len(state.details.get('files') or [])} files"
            text = str(note).splitlines()[0] if shown != "waiting" else ""
            click.echo(f"{row.number:>4}  {row.folder:<24}  {shown:<8}  {text}", err=True)
    if not as_json:
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items()) + ".", err=True)


def read_rows(path: Path, workflow: str | None) -> list[Row]:
    """The rows of a table.

    Args:
        path: A .jsonl, .csv or .yaml file.
        workflow: The workflow of rows that name none.

    Raises:
        BadInput: The table or a row of it is wrong; the message has the row's number.
    """
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(_read(path), 1):
        if not isinstance(raw, dict):
            raise BadInput(f"{path}, row {number}: a row is a set of names and values, not {raw!r}.")
        if None in raw:
            raise BadInput(f"{path}, row {number}: there are more values than columns.")
        values = {str(key).strip(): _text(value, path, number, str(key)) for key, value in raw.items()}
        given = {key: value for key, value in values.items() if value is not None}
        file = given.pop("workflow", None) or workflow
        if not file:
            raise BadInput(f"{path}, row {number}: name a workflow with --workflow or in a column `workflow`.")
        seed = given.pop("seed", None)
        if seed is not None and not (seed.strip().isdecimal() and int(seed) <= MAX_SEED):
            raise BadInput(f"{path}, row {number}: the seed must be a whole number up to {MAX_SEED}, not {seed!r}.")
        content = json.dumps([file, seed, sorted(given.items())], ensure_ascii=False)
        name = given.pop("name", None)
        # Equal rows are meant to run as often as they are written.
        seen[content] = seen.get(content, 0) + 1
        key = hashlib.sha256(f"{content}\0{seen[content]}".encode()).hexdigest()[:16]
        folder = safe_path(Remote("", name, "", "")).as_posix() if name else f"{number:04d}"
        pairs = tuple((key.lstrip("-"), value) for key, value in given.items())
        rows.append(Row(number, key, folder, file, int(seed) if seed is not None else None, name, pairs))
    if not rows:
        raise BadInput(f"{path} has no rows.")
    return rows


def _read(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} can't be read ({why_unreadable(error)}).") from None
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return [_json(line, path, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if suffix == ".csv":
        try:
            return list(csv.DictReader(io.StringIO(text), strict=True))
        except csv.Error as error:
            raise BadInput(f"{path} is not CSV ({error}).") from None
    if suffix in (".yaml", ".yml"):
        import yaml

        try:
            content = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise BadInput(f"{path} is not YAML ({why_unreadable(error)}).") from None
        if not isinstance(content, list):
            raise BadInput(f"{path} must hold a list of rows.")
        return content
    raise BadInput(f"{path} must end in .jsonl, .csv or .yaml.")


def _json(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise BadInput(f"{path}, line {number} is not JSON.") from None


def _text(value: Any, path: Path, number: int, key: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise BadInput(f"{path}, row {number}: {key!r} must be text, a number, true or false.")
