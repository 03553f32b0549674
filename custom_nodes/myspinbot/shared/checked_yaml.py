"""YAML held against a JSON schema: every mistake is found at once, and named by its line and field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

Where = tuple[str | int, ...]
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, ten times as fast, where PyYAML has it


class Document:
    """A YAML text, and the mistakes found in it.

    Attributes:
        data: Its content in plain Python types; None where it isn't YAML or is empty.
    """

    def __init__(self, text: str, name: str) -> None:
        """Read `text`, the content of the file `name`. What isn't YAML is noted."""
        self.name = name
        self.data: Any = None
        self._lines: dict[Where, int] = {(): 1}
        self._nodes: dict[Where, yaml.Node] = {}
        self._seen: set[int] = set()
        self._found: list[tuple[int, str]] = []
        self._wrong: set[Where] = set()
        try:
            node = yaml.compose(text, Loader=_Loader)
            if node is None:
                self._found.append((0, f"{name} is empty."))
            else:
                self.data = self._plain(node, ())
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            at = f", line {line}" if line else ""
            self._found.append((line, f"{name}{at}: is not YAML: {error.problem or error.context}."))
        except yaml.YAMLError as error:
            self._found.append((0, f"{name}: is not YAML: {error}."))
        except RecursionError:
            self._found.append((0, f"{name}: is nested too deeply."))

    @property
    def mistakes(self) -> list[str]:
        """A sentence for each mistake, in the order of their lines."""
        return [text for _, text in sorted(self._found, key=lambda found: found[0])]

    def is_wrong(self, *where: str | int) -> bool:
        """Whether a mistake was noted at a place or below it."""
        return any(place[: len(where)] == where for place in self._wrong)

    def wrong(self, where: Where, what: str) -> None:
        """Note a mistake at a place: the keys and indexes that lead to it. `what` goes on after the field's name."""
        line = next(self._lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in self._lines)
        field = ".".join(part for part in where if isinstance(part, str)) or "the file"
        self._wrong.add(where)
        self._found.append((line, f"{self.name}, line {line}: {field} {what}"))

    def check(self, schema: Mapping[str, Any]) -> None:
        """Note each value that breaks a rule of the schema, in the words of its `x-rule`."""
        if self.data is None:
            return
        for error in _validator(schema).iter_errors(self.data):
            where = tuple(error.absolute_path)
            names = error.schema.get("properties", {})
            if error.validator == "required":
                for name in error.validator_value:
                    if name not in error.instance:
                        self._once((*where, name), "is missing.")
            elif error.validator == "additionalProperties":
                for name in error.instance:
                    if name not in names:
                        self._once((*where, name), "is not a known field.")
            elif "propertyNames" in error.absolute_schema_path:
                self._once((*where, error.instance, "id"), "must be lower-case letters, digits, dots and hyphens.")
            elif error.validator == "uniqueItems":
                self._once(where, "names something twice.")
            else:
                rule = error.schema.get("x-rule") or f"breaks the rule {error.validator}"
                self._once(where, f"{rule}, not {_shown(self._nodes[where])}.")

    def _once(self, where: Where, what: str) -> None:
        if where not in self._wrong:
            self.wrong(where, what)

    def _plain(self, node: yaml.Node, where: Where) -> Any:
        self._nodes[where] = node
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if id(node) in self._seen:
            self.wrong(where, "refers to another part of the file; write it out.")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._lines[*where, index] = item.start_mark.line + 1
            return [self._plain(item, (*where, index)) for index, item in enumerate(node.value)]
        found: dict[str, Any] = {}
        for key, value in node.value:
            name: str = key.value if isinstance(key, yaml.ScalarNode) else ""
            if not name:
                self.wrong(where, "has a field without a name.")
            elif name in found:
                self._lines[*where, name] = key.start_mark.line + 1
                self.wrong((*where, name), "is given twice.")
            else:
                self._lines[*where, name] = key.start_mark.line + 1
                found[name] = self._plain(value, (*where, name))
        return found


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    def is_integer(_: Any, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)  # by the standard 5.0 is one too

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer)
    return extend(Draft202012Validator, type_checker=checker)(schema)


def _scalar(node: yaml.ScalarNode) -> Any:
    """The value of a scalar node, by YAML's own rules; the node itself, which no schema allows, where it has none."""
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value) if node.value else "nothing"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
