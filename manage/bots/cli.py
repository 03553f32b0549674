"""`myspinbot bot`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from myspinbot_runner.errors import BadInput, RunnerError
from myspinbot_shared.disk import format_size

from ..disk import local
from ..models.options import open_places, place_options

file_argument = click.Path(path_type=Path, dir_okay=False)


@click.group()
def bot() -> None:
    """List bots, take them along as one file, bring them in, remove them."""


@bot.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@place_options
def list_(as_json: bool, **where: Any) -> None:
    """Show the bots in models/bots and whether their files are there."""
    from myspinbot_shared.bots import Bot, Part

    from .library import find, parse, profiles, state

    places = open_places(**where)

    def described(bot: Bot, part: Part) -> dict[str, Any]:
        path = find(places, part)
        return {
            "kind": part.kind,
            "file": part.place,
            "state": state(places, part),
            "path": str(path) if path else None,
        }

    for name, path in profiles(places).items():
        try:
            found = parse(path.read_bytes(), str(path))
        except RunnerError as error:
            line = {"bot": name, "error": error.message} if as_json else None
            click.echo(json.dumps(line, ensure_ascii=False) if line else f"{name}: {error.message}")
            continue
        parts = [described(found, part) for part in found.parts]
        if as_json:
            click.echo(json.dumps({"bot": name, "parts": parts, "consent": found.consent}))
            continue
        click.echo(f"{name}: " + ", ".join(f"{part['kind']} {part['file']} ({part['state']})" for part in parts))
    if not profiles(places) and not as_json:
        click.echo("There are no bots yet. Save Bot makes one, and `myspinbot bot import` brings one in.")


@bot.command()
@click.argument("name")
@click.argument("file", type=file_argument)
@place_options
def export(name: str, file: Path, **where: Any) -> None:
    """Write the bot NAME with all its files to FILE, a zip."""
    from .archive import write
    from .library import load

    places = open_places(**where)
    found, _ = load(places, name)
    write(places, found, file)
    click.echo(f"{file} ({format_size(file.stat().st_size)})")
    for kind, text in found.consent.items():
        click.echo(f"{kind}: {text}")


@bot.command("import")
@click.argument("file", type=file_argument)
@click.option("--name", help="Call it so, and its files too; for when a name is taken.")
@place_options
def import_(file: Path, name: str | None, **where: Any) -> None:
    """Put the bot in FILE where ComfyUI finds it. Nothing is ever replaced."""
    from .archive import bring_in

    if not file.is_file():
        raise BadInput(f"There is no file {file}.")
    found = bring_in(open_places(**where), file, name)
    click.echo(f"{found.name}: " + ", ".join(f"models/{part.place}" for part in found.parts))
    consent = found.consent
    for part in found.parts:
        if part.kind != "portrait":
            stated = consent.get(part.kind, "nothing is stated; use it only if the person agrees.")
            click.echo(f"Consent, {part.kind}: {stated}")


@bot.command()
@click.argument("name")
@click.option("--files", is_flag=True, help="Its LoRA and voice too, unless another bot has them.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@place_options
def rm(name: str, files: bool, yes: bool, **where: Any) -> None:
    """Remove the bot NAME and its portrait; its LoRA and voice stay."""
    from .library import removable

    paths = removable(open_places(**where), name, files=files)
    for path in paths:
        click.echo(str(path))
    if not yes:
        click.confirm(f"Remove {'this file' if len(paths) == 1 else f'these {len(paths)} files'}?", abort=True)
    for path in paths:
        with local(path):
            path.unlink(missing_ok=True)
    click.echo("Removed.")
