"""The inputs that a workflow offers: what `extra.linearData` names, as command-line flags."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BadInput
from .model import ABSENT, Graph, Host, Node, Widget
from .schema import CONTROLS, Spec

UPLOADS = {
    "image_upload": "image file",
    "animated_image_upload": "image file",
    "video_upload": "video file",
    "audio_upload": "audio file",
    "mesh_upload": "3D file",
    "file_upload": "file",
}


KIND_HELP = {
    kind: f"A path on this machine, or the name of a file on the server ({kind})." for kind in UPLOADS.values()
}
# What the page draws beside inputs and never sends: buttons, players, what happens to a seed after a run.
PAGE_ONLY = {"IMAGEUPLOAD", "AUDIOUPLOAD", "AUDIO_UI", "button", "control", "toggle"}

# Flags of `myspinbot run` itself; an input of such a name gets its node's title in front.
RESERVED_FLAGS = {
    *("set", "out", "server", "detach", "count", "json", "verbose", "help", "previews"),
    *("no-resubmit", "no-start", "comfyui", "python", "user", "header", "ca-file", "insecure"),
}


@dataclass(frozen=True)
class Field:
    """One value of a workflow that can be set. `flag` is without dashes, such as `topic`."""

    flag: str
    node: Node
    widget: Widget
    label: str

    @property
    def spec(self) -> Spec:
        """The schema of the value."""
        return self.widget.spec or Spec(self.widget.name, self.widget.kind)

    @property
    def kind(self) -> str:
        """`text`, `int`, `float`, `bool`, `choice`, `image file` and so on, as shown to people."""
        return kind_of(self.spec)

    @property
    def default(self) -> Any:
        """The value that the workflow has now; None when it has none."""
        return None if self.widget.value is ABSENT else self.widget.value

    def range(self) -> str:
        """The allowed values in words, empty when anything goes."""
        options = self.spec.options
        if self.kind in ("int", "float"):
            least, most = options.get("min"), options.get("max")
            return "" if least is None and most is None else f"{_number(least)} to {_number(most)}"
        if self.kind == "choice":
            shown = [str(choice) for choice in self.spec.choices]
            return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
        return ""

    def help(self) -> str:
        """What it is for: its tooltip, else that of an input which its node feeds, else a word on its kind.

        Only a node with this one setting, such as a loader, is described by what it feeds.
        """
        settings = [widget for widget in self.node.widgets if widget.sent]
        fed = _fed(self.node) if settings == [self.widget] else ()
        told = (str(spec.options.get("tooltip") or "").split("\n")[0] for spec in (self.spec, *fed))
        return next(filter(None, told), "") or KIND_HELP.get(self.kind, "")


def kind_of(spec: Spec) -> str:
    """The kind of value that an input takes, in a word."""
    for flag, name in UPLOADS.items():
        if spec.options.get(flag):
            return name
    names = {"INT": "int", "FLOAT": "float", "BOOLEAN": "bool", "STRING": "text"}
    if CONTROLS.get(spec.type) == "combo":
        return "choice"
    return names.get(spec.type, spec.type.lower())


def slug(text: str) -> str:
    """Letters, digits and dashes: `Frame rate (fps)` gives `frame-rate-fps`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def fields(graph: Graph) -> list[Field]:
    """The inputs that the workflow names in `extra.linearData`, in its order, each with a flag of its own."""
    found: list[tuple[Node, Widget, str]] = []
    for reference, widget_name in _entries(graph.raw):
        node = find_node(graph, reference)
        widget = node.widget(widget_name) if node else None
        if node and widget and widget.sent and widget.kind not in PAGE_ONLY:
            socket = node.input_of(widget)
            found.append((node, widget, (socket.label if socket else None) or widget.name))
    names = [slug(label) or slug(widget.name) or "value" for _, widget, label in found]
    result: list[Field] = []
    for (node, widget, label), name in zip(found, names, strict=True):
        flag = name if names.count(name) == 1 and name not in RESERVED_FLAGS else f"{slug(node.title)}-{name}"
        used = {field.flag for field in result}
        number = 2
        while flag in used:
            flag, number = f"{slug(node.title)}-{name}-{number}", number + 1
        result.append(Field(flag, node, widget, label))
    return result


def names_in_file(content: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The names of a workflow's own inputs as far as the file alone has them, without the server's node types.

    Returns:
        The names, and whether they are certain: then each flag is such a name, with the node's title in front or a
        number behind where two share it. An input of a subgraph may have another label inside.
    """
    nodes = content.get("nodes")
    by_id = {str(node.get("id")): node for node in nodes if isinstance(node, dict)} if isinstance(nodes, list) else {}
    inner = str(content.get("definitions") or "")
    names: list[str] = []
    certain = True
    for reference, widget_name in _entries(content):
        node = by_id.get(reference, {})
        if _is_page_only(node, widget_name):
            continue
        certain = certain and bool(node) and str(node.get("type")) not in inner
        sockets = node.get("inputs")
        labels = [
            socket.get("label")
            for socket in (sockets if isinstance(sockets, list) else ())
            if isinstance(socket, dict) and socket.get("name") == widget_name
        ]
        names.append(slug(str(labels[0] if labels and labels[0] else widget_name)) or slug(widget_name) or "value")
    return names, certain


def _fed(node: Node) -> Iterator[Spec]:
    """The schemas of the inputs that a node's outputs lead to."""
    for link_id in (link_id for output in node.outputs for link_id in output.links):
        link = node.graph.links.get(link_id)
        target, item = (node.graph.target(link) if link else None) or (None, None)
        if target and item:
            yield from (spec for spec in target.specs if spec.name == item.name)


def _is_page_only(node: Mapping[str, Any], name: str) -> bool:
    """Whether a node in a file has no such input to send: a button, for one.

    Newer files list every input that has a widget as a socket too; in older ones nothing tells.
    """
    found = node.get("inputs")
    sockets = [
        item for item in (found if isinstance(found, list) else ()) if isinstance(item, dict) and item.get("widget")
    ]
    kinds = [item.get("type") for item in sockets if item.get("name") == name]
    return bool(sockets) and (not kinds or kinds[0] in PAGE_ONLY)


def _entries(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What `extra.linearData` names: the reference of a node, and a widget of it."""
    extra = content.get("extra")
    linear = extra.get("linearData") if isinstance(extra, Mapping) else None
    entries = linear.get("inputs") if isinstance(linear, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, list) and len(entry) >= 2:
            yield str(entry[0]), str(entry[1])


def find_node(graph: Graph, reference: str) -> Node | None:
    """A node by its id, by a path of ids such as `12:4`, or by its title when only one node has it."""
    head, _, rest = reference.partition(":")
    node = graph.nodes.get(head)
    if rest and isinstance(node, Host):
        return find_node(node.subgraph, rest)
    if node and not rest:
        return node
    named = [node for node in graph.nodes.values() if reference in (node.title, slug(node.title))]
    return named[0] if len(named) == 1 else None


def parse(text: str, spec: Spec, name: str) -> Any:
    """A value from the command line, checked against the input's schema.

    Args:
        text: What the user wrote.
        spec: The input's schema.
        name: What the user knows the input by, for the error.

    Raises:
        BadInput: When it is of the wrong type, out of range or not a choice.
    """
    kind = kind_of(spec)
    if kind in ("int", "float"):
        return _parse_number(text, spec, name, whole=kind == "int")
    if kind == "bool":
        low = text.strip().lower()
        if low in ("true", "yes", "on", "1"):
            return True
        if low in ("false", "no", "off", "0"):
            return False
        raise BadInput(f"{name} takes true or false, not {text!r}.")
    if kind == "choice":
        return _parse_choice(text, spec, name)
    return text


def _parse_number(text: str, spec: Spec, name: str, *, whole: bool) -> float:
    try:
        value: float = int(text, 0) if whole else float(text)
    except ValueError:
        raise BadInput(f"{name} takes a {'whole number' if whole else 'number'}, not {text!r}.") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise BadInput(f"{name} takes a finite number, not {text!r}.")
    least, most = spec.options.get("min"), spec.options.get("max")
    if isinstance(least, int | float) and value < least:
        raise BadInput(f"{name} must be at least {_number(least)}; {text} is too small.")
    if isinstance(most, int | float) and value > most:
        raise BadInput(f"{name} must be at most {_number(most)}; {text} is too large.")
    return value


def _parse_choice(text: str, spec: Spec, name: str) -> Any:
    for choice in spec.choices:
        if str(choice) == text:
            return choice
    same = [choice for choice in spec.choices if str(choice).lower() == text.lower()]
    if len(same) == 1:
        return same[0]
    shown = ", ".join(str(choice) for choice in spec.choices[:20])
    more = f" and {len(spec.choices) - 20} more" if len(spec.choices) > 20 else ""
    about = spec.options.get("tooltip", "") if len(spec.choices) < 2 else ""  # it may say where others come from
    choices = f"Choose one of: {shown or 'nothing, the server has none'}{more}."
    raise BadInput(f"{name} can't be {text!r}. {choices} {about}".rstrip())


def _number(value: Any) -> str:
    return "any" if value is None else str(int(value) if isinstance(value, float) and value.is_integer() else value)
