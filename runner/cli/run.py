"""`myspinbot run`. It reads its own command line, because most of its options come from the workflow."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from ..client import Client
from ..errors import BadInput
from ..events import Submitted
from ..results import prepare_folder
from ..workflow import Workflow
from ..workflow.schema import Spec
from .reach import connect, default_server
from .show import Show, make_show
from .signals import Interrupts
from .words import Option, Words, help_text, read
from .work import follow, save, start

USAGE = "myspinbot run FILE [--INPUT VALUE ...] [OPTIONS]"
ABOUT = (
    "Run the workflow FILE and save what it makes. FILE is in the editor's own form or in API form. The inputs "
    "that it offers are options here: `myspinbot run FILE --help` lists them with types, ranges and defaults. "
    "A file given for an image, sound or video is uploaded, and so is a folder given for a folder."
)
OPTIONS = (
    Option("set", "Set any input of any node. May be given often.", "NODE.INPUT=VALUE", many=True),
    Option("out", "Folder for the results.", "DIR", "output"),
    Option("seed", "Set every seed to this.", "N"),
    Option("count", "Run so often, with seeds one apart.", "N", "1"),
    Option("detach", "Submit, print the job's id and leave."),
    Option("server", "A ComfyUI server; where none answers here, one is started.", "URL", "http://127.0.0.1:8188"),
    Option("no-start", "Never start a server."),
    Option("comfyui", "ComfyUI's folder, for a server of our own.", "DIR"),
    Option("python", "The Python that runs the ComfyUI of --comfyui.", "FILE"),
    Option("no-resubmit", "Don't send a job again that a restarted server lost."),
    Option("previews", "Save temporary previews too."),
    Option("json", "Print events as JSON, one per line."),
    Option("verbose", "Show tracebacks and the server's own words."),
    Option("help", "Show this message and the workflow's own inputs."),
)


def run(words: Sequence[str]) -> int:
    """Run a command line without the word `run` and return the exit status."""
    given = read(["--help" if word == "-h" else word for word in words], OPTIONS)
    if not given.files:
        if not given.on("help"):
            raise BadInput(f"Name a workflow file. Usage: {USAGE}")
        sys.stdout.write(help_text(USAGE, ABOUT, OPTIONS) + "\n")
        return 0
    workflow = Workflow.load(given.files[0])
    server = given.text("server", default_server())
    if given.on("help"):
        from .files import describe_inputs

        sys.stdout.write(f"{help_text(USAGE, ABOUT, OPTIONS)}\n{describe_inputs(workflow, server)}\n")
        return 0
    show = make_show(as_json=given.on("json"))
    try:
        _run(workflow, server, given, show)
    finally:
        show.close()
    return 0


def _run(workflow: Workflow, server: str, given: Words, show: Show) -> None:
    sets = [split_setting(text) for text in given.values.get("set", [])]
    seed, count, detach = given.number("seed", 0), given.number("count", 1) or 1, given.on("detach")
    out = Path(given.text("out", "output"))
    if not detach:
        prepare_folder(out)
    with (
        Interrupts() as interrupts,
        connect(
            server,
            no_start=given.on("no-start"),
            comfyui=given.text("comfyui") or None,
            python=given.text("python") or None,
            on_wait=show.wait,
        ) as (client, local),
    ):
        if detach and local:
            raise BadInput("--detach needs a server that goes on running; start one with `myspinbot serve`.")
        prepare(client, workflow, given.others, sets, show)
        for number in range(count):
            if seed is not None or count > 1:
                workflow.shift_seeds(seed, number)
            job_id = str(uuid.uuid4())
            previews = given.on("previews")
            job = start(client, workflow, interrupts, job_id=job_id, previews=previews, run=number)
            if detach:
                interrupts.job_id = None
                _detached(job.id, client, show, as_json=given.on("json"))
                continue
            result = follow(job, show, interrupts, local=local, resubmit=not given.on("no-resubmit"))
            save(job, result, out, show)
            show.result(result)


def _detached(job_id: str, client: Client, show: Show, *, as_json: bool) -> None:
    if as_json:
        show.event(Submitted(job_id, client.api.http.url))
    else:
        sys.stdout.write(f"{job_id}\n")


def split_setting(text: str) -> tuple[str, str]:
    """`4.steps=20` as a pair."""
    reference, equals, value = text.partition("=")
    if not equals or "." not in reference:
        raise BadInput(f"--set takes NODE.INPUT=VALUE, not {text!r}.")
    return reference, value


def switched_on(name: str, spec: Spec) -> str:
    """The value of an input named without one: only those that are on or off have any."""
    from ..workflow.inputs import kind_of

    if kind_of(spec) != "bool":
        raise BadInput(f"--{name} needs a value: {kind_of(spec)}.")
    return "true"


def prepare(
    client: Client,
    workflow: Workflow,
    given: Sequence[tuple[str, str | None]],
    sets: list[tuple[str, str]],
    show: Show,
) -> None:
    """Bind the workflow and give it its values. Everything is checked before the first upload."""
    if workflow.is_ui or sets:
        client.bind(workflow)
    if not given and not sets:
        return
    from ..uploads import check as check_value
    from ..uploads import resolve

    offered = {field.flag: field for field in workflow.inputs}
    wrong = [name for name, _ in given if name not in offered]
    if wrong:
        has = ", ".join(f"--{flag}" for flag in offered) or "none; use --set NODE.INPUT=VALUE"
        raise BadInput(f"{workflow.name} has no input --{wrong[0]}. Its inputs are: {has}.")
    pairs = [(name, switched_on(name, offered[name].spec) if value is None else value) for name, value in given]
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
