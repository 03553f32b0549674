"""`myspinbot models`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

import click

from myspinbot_runner.errors import BadInput, BrokenModel, Cancelled, ServerUnreachable
from myspinbot_shared.manifest import Manifest, Model

from .manifest import chosen, load
from .options import open_store, place_options
from .store import Status

json_option = click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one per line.")


@click.group()
def models() -> None:
    """See, fetch and check the weight files that the workflows use. Nothing else ever fetches them."""


def _emit(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, ensure_ascii=False))


def _choose(manifest: Manifest, names: Sequence[str]) -> list[Model]:
    return chosen(manifest, names) if names else list(manifest.models.values())


@models.command("list")
@click.argument("names", nargs=-1, metavar="[ID|SET]...")
@click.option("--set", "set_", metavar="SET", help="Only the files of this set.")
@click.option("--markdown", is_flag=True, help="Print the manifest as a Markdown table.")
@json_option
@place_options
def list_(names: tuple[str, ...], set_: str | None, markdown: bool, as_json: bool, **where: Any) -> None:
    """Show which models are here, missing or broken, with sizes and licences."""
    from . import table

    if markdown:
        click.echo(table.markdown(load()), nl=False)
        return
    nowhere = ""
    try:
        manifest, store = open_store(**where)
    except ServerUnreachable as error:
        if any(where.values()):
            raise
        manifest, store, nowhere = load(), None, error.message
    if set_ is not None and set_ not in manifest.sets:
        raise BadInput(f"There is no set {set_!r}. The sets are {', '.join(manifest.sets)}.")
    wanted = manifest.in_set(set_) if set_ else _choose(manifest, names)
    found = [store.status(model) if store else Status(model, "unknown") for model in wanted]
    if nowhere:
        click.echo(f"{nowhere} Until then nobody knows which models are here.", err=True)
    if as_json:
        for status in found:
            _emit(table.as_json(status))
        return
    from rich.console import Console

    console = Console()
    if not found:
        console.print(f"The set {set_} has no models: {manifest.sets[set_].about}" if set_ else "No models.")
        return
    table.show(manifest, found, console, brief=not (names or set_))
    if store:
        console.print(table.summary(found), highlight=False)


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="ID|SET...")
@click.option("--dry-run", is_flag=True, help="Only show what would be fetched.")
@click.option("--accept-licence", "accepted", multiple=True, metavar="NAME", help="Accept a licence that isn't open.")
@click.option("--replace", is_flag=True, help="Fetch broken files anew, in place of what is there.")
@click.option("--jobs", type=click.IntRange(1, 16), default=3, show_default=True, help="Files at a time.")
@json_option
@place_options
def get(
    names: tuple[str, ...],
    dry_run: bool,
    accepted: tuple[str, ...],
    replace: bool,
    jobs: int,
    as_json: bool,
    **where: Any,
) -> None:
    """Fetch models, with all that they need. What is here already stays as it is.

    An interrupted download goes on where it was. A private Hugging Face file needs `hf auth login`, or HF_TOKEN;
    HF_ENDPOINT names a mirror of Hugging Face.
    """
    from .get import Fetcher, check_licences, plan
    from .show import make_show, show_plan

    manifest, store = open_store(**where)
    asked = chosen(manifest, names)
    if not asked:
        click.echo(f"{' '.join(names)}: there is nothing to fetch.", err=True)
        return
    wanted = plan(store, asked)
    show_plan(manifest, store, wanted, as_json=as_json, dry_run=dry_run)
    if dry_run:
        return
    check_licences((status.model for status in wanted.wanted), accepted)
    if wanted.wanted:
        fetcher = Fetcher(store, wanted.wanted, workers=jobs, replace=replace, packages=manifest.packages)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with make_show(as_json=as_json, total=wanted.size) as show:
                for event in fetcher.events():
                    show(event)
        except KeyboardInterrupt:
            raise Cancelled("Stopped. The same command goes on where this ended.") from None
        fetcher.raise_failures()
    if wanted.by_hand:
        raise BadInput("\n".join(model.missing for model in wanted.by_hand))


@models.command()
@click.argument("names", nargs=-1, metavar="[ID|SET]...")
@json_option
@place_options
def verify(names: tuple[str, ...], as_json: bool, **where: Any) -> None:
    """Read the models that are here and compare their hashes. Without names, all of them."""
    from .show import Hashing
    from .table import as_json as status_json

    manifest, store = open_store(**where)
    asked, broken = _choose(manifest, names), list[str]()
    if not names and not as_json and all(store.places.find(model) is None for model in asked):
        click.echo("There is nothing to verify: no model is here.", err=True)
    with Hashing(live=not as_json and sys.stderr.isatty()) as bar:
        for model in asked:
            if store.places.find(model) is None:
                if names and not as_json:
                    click.echo(f"{model.id}: missing")
                continue
            status, found = store.verify(model, bar.of(model.id))
            known = store.expected(model)[0] is not None
            if status.state == "broken":
                broken.append(f"{status.path}: {status.why}. `myspinbot models get {model.id} --replace` replaces it.")
            if as_json:
                _emit({**status_json(status), "found_sha256": found, "known": known})
            elif status.state == "have":
                said = "whole" if known else f"no hash is known to compare with; its sha256 is {found}"
                click.echo(f"{model.id}: {said}")
    if broken:
        raise BrokenModel("\n".join(broken))


@models.command()
@click.argument("names", nargs=-1, metavar="[ID|SET]...")
@json_option
@place_options
def where(names: tuple[str, ...], as_json: bool, **where: Any) -> None:
    """Show the folders that ComfyUI looks into, or where single models are or would go."""
    manifest, store = open_store(**where)
    if names:
        for model in chosen(manifest, names):
            path = store.places.find(model)
            if as_json:
                target = str(store.places.target(model))
                _emit({"event": "where", "model": model.id, "path": str(path) if path else None, "target": target})
            else:
                click.echo(f"{model.id}: {path or f'{store.places.target(model)} (missing)'}")
        return
    for kind in dict.fromkeys(model.folder for model in manifest.models.values()):
        folders = [str(folder) for folder in store.places.folders(kind)]
        if as_json:
            _emit({"event": "folder", "folder": kind, "paths": folders})
        else:
            click.echo(f"{kind}:\n" + "\n".join(f"  {folder}" for folder in folders))


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="ID|SET...")
@click.option("--yes", is_flag=True, help="Don't ask.")
@place_options
def rm(names: tuple[str, ...], yes: bool, **where: Any) -> None:
    """Remove models and their half-fetched parts from the disk."""
    from .store import removable, remove

    manifest, store = open_store(**where)
    asked = chosen(manifest, names, with_needs=False)
    paths = removable(store, asked)
    for path, text in paths.items():
        click.echo(f"{path} ({text})")
    if paths and not yes:
        click.confirm(f"Remove {'this file' if len(paths) == 1 else f'these {len(paths)} files'}?", abort=True)
    remove(store, asked, paths)
    click.echo("Removed." if paths else "There is nothing to remove.")


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="ID|FILE...")
@click.option("--python", help="The Python that runs ComfyUI.")
@click.option("--layout", type=click.Choice(["kohya", "diffusers"]), help="Of a LoRA; else the one that most read.")
@place_options
def convert(names: tuple[str, ...], python: str | None, layout: str | None, **where: Any) -> None:
    """Write pickle files (.pth, .pt, .bin) as safetensors beside them. A file that would run code is refused.

    A LoRA from ComfyUI's own training, as safetensors, is written beside it as other programs read it:
    NAME-kohya.safetensors, or NAME-diffusers.safetensors.
    """
    from .convert import convert as run
    from .convert import sources

    manifest, store = open_store(**where)
    for path in sources(manifest, store, names):
        click.echo(run(path, where["comfyui"], python, layout or ""))
