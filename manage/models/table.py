"""The manifest as tables: for a terminal, and as Markdown for the documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from myspinbot_shared.disk import format_size
from myspinbot_shared.manifest import Manifest, Model

from .store import Status

COLORS = {"have": "green", "missing": "yellow", "broken": "red", "unknown": "yellow"}


def as_json(status: Status) -> dict[str, Any]:
    """A status as a JSON object."""
    model = status.model
    return {
        "event": "model",
        "model": model.id,
        "state": status.state,
        "why": status.why,
        "path": str(status.path) if status.path else None,
        "file": model.file,
        "folder": model.folder,
        "stage": model.stage,
        "sets": list(model.sets),
        "bytes": status.bytes if status.path else model.bytes,
        "sha256": model.sha256,
        "licence": model.licence,
        "open": model.open,
        "reason": model.reason,
    }


def show(manifest: Manifest, found: Iterable[Status], console: Console, *, brief: bool = False) -> None:
    """Print the models as a table, and below it what is wrong with any; `brief` tells many of a kind as one."""
    found = list(found)
    extras = manifest.extras() if brief else {}
    hidden = {model.id for models in extras.values() for model in models}
    table = Table(box=None, pad_edge=False, header_style="bold")
    # Ids are what people type, so they are never cut.
    for name, options in (
        ("id", {"no_wrap": True, "overflow": "ignore"}),
        ("", {"no_wrap": True}),
        ("size", {"justify": "right", "no_wrap": True}),
        ("licence", {"overflow": "fold"}),
        ("for", {"overflow": "fold"}),
    ):
        table.add_column(name, **options)  # type: ignore[arg-type]
    for status in found:
        model = status.model
        if model.id in hidden and status.state in ("missing", "unknown"):
            continue
        amount = format_size(status.bytes if status.path else model.bytes).replace("size unknown", "?")
        licence = model.licence if model.open else f"[yellow]{model.licence} (not open)[/]"
        state = f"[{COLORS[status.state]}]{status.state}[/]"
        table.add_row(model.id, state, amount, licence, manifest.stages[model.stage])
    console.print(table)
    for name, models in extras.items():
        more = [status for status in found if status.model in models and status.state in ("missing", "unknown")]
        if more:
            said = f"and {len(more)} more that are in the set {name}: `myspinbot models list --set {name}`"
            console.print(said, highlight=False)
    for status in found:
        if status.why:
            console.print(f"{status.model.id}: {status.why}", style="red" if status.path else "yellow", highlight=False)


def summary(found: Iterable[Status]) -> str:
    """One line: how many are there, missing and broken, and how much the missing ones are."""
    found = list(found)
    counts = {state: sum(status.state == state for status in found) for state in COLORS}
    missing = [status.model.bytes for status in found if status.state == "missing"]
    text = f"{counts['have']} of {len(found)} models are here"
    if missing:
        unknown = sum(count is None for count in missing)
        text += f"; {format_size(sum(count or 0 for count in missing))} are missing"
        text += f" and {unknown} of unknown size" if unknown else ""
    return text + (f"; {counts['broken']} broken" if counts["broken"] else "") + "."


def least_vram(manifest: Manifest, model: Model) -> str:
    """The smallest card of the sets that a model is in."""
    if model.cpu:
        return "none"
    cards = [manifest.sets[name].vram_gb for name in model.sets]
    return f"{min(cards)} GB" if cards else "not known"


def markdown(manifest: Manifest) -> str:
    """The table of the documents: stage by stage, the open default first."""
    lines = [
        "| Stage | Model | File | Size | Licence | Open | Least VRAM | Sets |",
        "|---|---|---|---:|---|---|---|---|",
    ]
    for stage, title in manifest.stages.items():
        extras = manifest.extras()
        hidden = {model.id for models in extras.values() for model in models}
        models = [m for m in manifest.models.values() if m.stage == stage and m.id not in hidden]
        for model in sorted(models, key=lambda model: "open" not in model.sets):
            role = f"**{model.role}**" if "open" in model.sets else model.role
            name = f"`{model.id}`: `{model.place}/{model.name}`"
            amount = format_size(model.bytes).replace("size unknown", "?")
            openness = "yes" if model.open else f"no: {model.reason}"
            sets = ", ".join(name for name in model.sets if name != "open") or "-"
            vram = least_vram(manifest, model)
            lines.append(f"| {title} | {role} | {name} | {amount} | {model.licence} | {openness} | {vram} | {sets} |")
        for name, more in extras.items():
            first, size = more[0], format_size(sum(model.bytes or 0 for model in more))
            if first.stage == stage:
                about = (
                    f"{len(more)} more of the kind | `myspinbot models list --set {name}` | {size} | {first.licence}"
                )
                openness = "yes" if first.open else "no"
                lines.append(f"| {title} | {about} | {openness} | {least_vram(manifest, first)} | {name} |")
    return "\n".join(lines) + "\n"
