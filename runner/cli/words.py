"""Takes a command line apart whose options are only partly known beforehand, and writes its help."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import BadInput


@dataclass(frozen=True)
class Option:
    """One option of ours. Without `takes` (what its value is called) it is a switch."""

    name: str
    help: str
    takes: str = ""
    default: str = ""
    many: bool = False


@dataclass
class Words:
    """What a command line says: our options, and the others in their order."""

    values: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    others: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    files: list[str] = field(default_factory=list[str])

    def text(self, name: str, default: str = "") -> str:
        """The last value given for an option."""
        return self.values.get(name, [default])[-1]

    def on(self, name: str) -> bool:
        """Whether a switch was given."""
        return name in self.values

    def number(self, name: str, least: int) -> int | None:
        """An option's value as a whole number. Raises BadInput when it is none or too small."""
        if name not in self.values:
            return None
        text = self.text(name)
        if not text.isdecimal() or not least <= int(text) < 2**63:
            raise BadInput(f"--{name} takes a whole number from {least}, not {text!r}.")
        return int(text)


def read(words: Sequence[str], options: Sequence[Option]) -> Words:
    """Take the words apart. An option that isn't ours and has no value stands for true.

    A value that begins with two dashes is written `--name=--value`. Raises BadInput for stray words.
    """
    known = {option.name: option for option in options}
    found, index = Words(), 0
    while index < len(words):
        word = words[index]
        index += 1
        if not word.startswith("--") or word == "--":
            if found.files:
                raise BadInput(f"{word!r} is not an option. Options begin with two dashes; quote text with spaces.")
            found.files.append(word)
            continue
        name, equals, rest = word[2:].partition("=")
        value: str | None = rest
        option = known.get(name)
        if option and not option.takes:
            if equals:
                raise BadInput(f"--{name} takes no value.")
            found.values[name] = []
            continue
        if not equals:
            if index < len(words) and not words[index].startswith("--"):
                value = words[index]
                index += 1
            elif option:
                raise BadInput(f"--{name} needs a value: {option.takes}.")
            else:
                value = None
        if not option or value is None:
            found.others.append((name, value))
        elif option.name in found.values and not option.many:
            raise BadInput(f"--{name} is given twice.")
        else:
            found.values.setdefault(name, []).append(value)
    return found


def help_text(usage: str, about: str, options: Sequence[Option]) -> str:
    """The help of a command."""
    lines = [f"Usage: {usage}", "", *(f"  {line}" for line in textwrap.wrap(about, 100)), "", "Options:"]
    for option in options:
        left = f"  --{option.name} {option.takes}".rstrip()
        right = option.help + (f" [default: {option.default}]" if option.default else "")
        wrapped = textwrap.wrap(right, 76)
        first = f"{left:<27} {wrapped[0]}" if len(left) < 27 else f"{left}\n{'':<27} {wrapped[0]}"
        lines += [first, *(f"{'':<27} {line}" for line in wrapped[1:])]
    return "\n".join(lines)
