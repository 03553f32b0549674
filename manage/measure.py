"""`myspinbot measure`: talking clips measured by the server's Measure Video, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from myspinbot_runner.cli.connect import connect, say_once, server_options, verbose_option
from myspinbot_runner.client import Client
from myspinbot_runner.errors import BadInput
from myspinbot_runner.http import Http

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("clips", nargs=-1, required=True, type=_FILE, metavar="CLIP...")
@click.option("--reference", type=_FILE, help="A clip that each should be like, for SSIM and PSNR.")
@click.option("--script", metavar="TEXT", default="", help="What is said, or a text file that holds it.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Save each report's picture here.")
@click.option("--json", "as_json", is_flag=True, help="Print one report a line as JSON, with its curves.")
@server_options
@verbose_option
def measure(
    clips: tuple[Path, ...],
    reference: Path | None,
    script: str,
    out: Path | None,
    as_json: bool,
    server: Http,
    no_start: bool,
    comfyui: str | None,
    python: str | None,
) -> None:
    """Measure talking clips: lips against sound, silence, blinks, jumps, flicker, sharpness, loudness.

    No model is needed. Several clips stand beside each other in one table, so that presets and engines can be weighed.
    """
    for path in (*clips, *([reference] if reference else [])):
        if not path.is_file():
            raise BadInput(f"There is no file {path} here (in {Path.cwd()}).")
    said = _text(script)
    reports: list[dict[str, Any]] = []
    say = say_once(server, "to measure the clips")
    with connect(server, no_start=no_start, comfyui=comfyui, python=python, on_wait=say) as (client, _):
        other = client.api.upload(reference) if reference else None
        for path in clips:
            report = _measured(client, path, other, said, out)
            if as_json:
                click.echo(json.dumps(report, ensure_ascii=False))
            reports.append(report)
    if not as_json:
        _print_table(reports)


def _text(script: str) -> str:
    path = Path(script)
    try:
        is_file = bool(script) and path.is_file()
    except OSError:  # as long as a text is, no file's name can be
        return script
    try:
        return path.read_text(encoding="utf-8") if is_file else script
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--script: {path} can't be read as text ({error}).") from None


def _measured(client: Client, path: Path, reference: str | None, script: str, out: Path | None) -> dict[str, Any]:
    inputs: dict[str, Any] = {"video": ["1", 0], "script": script, "detector": "auto"}
    graph: dict[str, Any] = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": client.api.upload(path)}},
        "2": {"class_type": "MySpinBotMeasure", "inputs": inputs},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }
    if reference is not None:
        graph["4"] = {"class_type": "LoadVideo", "inputs": {"file": reference}}
        inputs["reference"] = ["4", 0]
    if out is not None:
        prefix = f"myspinbot/measure/{path.stem}"
        graph["5"] = {"class_type": "SaveImage", "inputs": {"images": ["2", 1], "filename_prefix": prefix}}
    job = client.submit(graph)
    result = job.result()
    report = json.loads(result.texts["3"][0])
    report["clip"]["name"] = path.name  # the server may know it by another
    if out is not None:
        report["picture"] = str(job.save(out)[0])
    return report


def _print_table(reports: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    table.add_column("")
    for report in reports:
        table.add_column(report["clip"]["name"], justify="right", overflow="fold")
    for key, about in reports[0]["measures"].items():
        values = [report["values"][key] for report in reports]
        if any(value is not None for value in values):
            title = f"{about['title']}, {about['unit']}" if about["unit"] else about["title"]
            table.add_row(title, *("-" if value is None else f"{value:.{about['digits']}f}" for value in values))
    console = Console()
    console.print(table)
    for report in reports:
        for remark in report["remarks"]:
            console.print(f"{report['clip']['name']}: {remark}", highlight=False, soft_wrap=True, markup=False)
        if "picture" in report:
            console.print(
                f"{report['clip']['name']}: {report['picture']}", highlight=False, soft_wrap=True, markup=False
            )
    missing = ", ".join(reports[0]["missing"])
    console.print(f"Not measured: {missing}.", highlight=False, soft_wrap=True, style="dim")
