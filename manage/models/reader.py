"""Reads YAML strictly: every mistake is found at once, and named by its line and field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml


class Mistakes:
    """The mistakes found in one file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[str] = []

    def add(self, node: yaml.Node, where: str, what: str) -> None:
        """Note what is wrong at a node."""
        self.found.append(f"{self.name}, line {node.start_mark.line + 1}: {where} {what}")


class Table:
    """A mapping whose fields are taken out one by one; `close` names those that nobody asked for.

    A field that is wrong or absent is noted, and a harmless value stands in for it.
    """

    def __init__(self, node: yaml.Node, where: str, mistakes: Mistakes) -> None:
        self.node = node
        self.where = where
        self.mistakes = mistakes
        self._left: dict[str, yaml.Node] = {}
        if not isinstance(node, yaml.MappingNode):
            mistakes.add(node, where or "the file", "must be a mapping of fields to values.")
            return
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if not name:
                mistakes.add(key, where or "the file", "has a field without a name.")
            elif name in self._left:
                mistakes.add(key, self._path(name), "is given twice.")
            else:
                self._left[name] = value

    def _path(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def wrong(self, name: str, what: str, node: yaml.Node | None = None) -> None:
        """Note that a field is wrong."""
        self.mistakes.add(node or self.node, self._path(name), what)

    def take(self, name: str, *, required: bool = True) -> yaml.Node | None:
        """The field's node; None when it is absent, which is a mistake if it is required."""
        node = self._left.pop(name, None)
        if node is None and required and isinstance(self.node, yaml.MappingNode):
            self.wrong(name, "is missing.")
        return node

    def text(self, name: str, *, required: bool = True) -> str | None:
        """A string that isn't empty."""
        node = self.take(name, required=required)
        if node is None:
            return None
        value = _scalar(node)
        if not isinstance(value, str) or not value.strip():
            self.wrong(name, f"must be text, not {_shown(node)}.", node)
            return None
        return value.strip()

    def number(self, name: str, *, optional: bool = False) -> int | None:
        """A whole number of 0 or more; null only if `optional`, and then it must be written."""
        node = self.take(name)
        if node is None:
            return None
        value = _scalar(node)
        if value is None and optional and isinstance(node, yaml.ScalarNode):
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.wrong(name, f"must be a whole number{' or null' if optional else ''}, not {_shown(node)}.", node)
        return None

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """True or false; required unless there is a default."""
        node = self.take(name, required=default is None)
        if node is None:
            return bool(default)
        value = _scalar(node)
        if not isinstance(value, bool):
            self.wrong(name, f"must be true or false, not {_shown(node)}.", node)
            return False
        return value

    def texts(self, name: str, *, required: bool = True) -> tuple[str, ...]:
        """A list of strings, which may be empty."""
        node = self.take(name, required=required)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(name, f"must be a list, not {_shown(node)}.", node)
            return ()
        values: list[str] = []
        for item in node.value:
            value = _scalar(item)
            if isinstance(value, str) and value.strip():
                values.append(value.strip())
            else:
                self.wrong(name, f"must hold texts only, not {_shown(item)}.", item)
        if len(set(values)) < len(values):
            self.wrong(name, "names something twice.", node)
        return tuple(values)

    def table(self, name: str) -> Table:
        """A mapping inside this one."""
        node = self.take(name)
        return Table(node or yaml.MappingNode("", [], self.node.start_mark), self._path(name), self.mistakes)

    def names(self) -> tuple[str, ...]:
        """The fields that were not taken yet."""
        return tuple(self._left)

    def tables(self) -> Iterator[tuple[str, Table]]:
        """All fields that were not taken yet, each as a mapping."""
        for name in self.names():
            yield name, self.table(name)

    def close(self) -> None:
        """Note the fields that are left over."""
        for name, node in self._left.items():
            self.wrong(name, "is not a known field.", node)


def parse(text: str, mistakes: Mistakes) -> yaml.Node | None:
    """The YAML node of the whole text; None when it isn't YAML, which is noted."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        mistakes.found.append(f"{mistakes.name}{line}: is not YAML: {error.problem or error.context}.")
        return None
    except yaml.YAMLError as error:
        mistakes.found.append(f"{mistakes.name}: is not YAML: {error}.")
        return None
    if node is None:
        mistakes.found.append(f"{mistakes.name} is empty.")
    return node


def _scalar(node: yaml.Node) -> Any:
    """The value of a scalar node, by YAML's own rules; the node itself for anything else."""
    if not isinstance(node, yaml.ScalarNode):
        return node
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value) if node.value else "nothing"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
