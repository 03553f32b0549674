"""Every number that the command can end with is in the table of docs/runner.md, and nothing else is."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import myspinbot_manage
import myspinbot_runner
from myspinbot_manage.cli import call
from myspinbot_runner import errors
from tests.runner.helpers import ROOT


def documented() -> set[int]:
    """The numbers of the table, ranges such as `15 to 17` included."""
    section = (ROOT / "docs" / "runner.md").read_text("utf-8").split("### Exit status")[1].split("\n##")[0]
    found: set[int] = set()
    for first, last in re.findall(r"^\| (\d+)(?: to (\d+))? \|", section, re.MULTILINE):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def error_classes(base: type[errors.RunnerError] = errors.RunnerError) -> set[type[errors.RunnerError]]:
    return {base} | {kind for child in base.__subclasses__() for kind in error_classes(child)}


def sources() -> list[Path]:
    return [path for room in ("runner", "manage") for path in sorted((ROOT / room).rglob("*.py"))]


def test_every_errors_number_is_in_the_table():
    for package in (myspinbot_runner, myspinbot_manage):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.endswith(("__main__", "._boot", "._probe")):
                importlib.import_module(module.name)
    numbers = {kind.__name__: kind.exit_code for kind in error_classes() - {errors.RunnerError}}
    assert {name: number for name, number in numbers.items() if number not in documented()} == {}


def test_no_error_without_a_number_is_ever_raised():
    """The base class has none."""
    with pytest.raises(AttributeError):
        _ = errors.RunnerError.exit_code
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id == "RunnerError"), path


def numbers_in(path: Path) -> set[int]:
    """The numbers that a file exits with: those of exit calls, and what its commands and `call` return."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("exit", "_exit", "Exit", "SystemExit"):
                found |= {
                    arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, int)
                }
        if isinstance(node, ast.FunctionDef) and (path.parent.name == "cli" or path.name == "cli.py"):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and isinstance(inner.value, ast.Constant):
                    found |= {inner.value.value} if type(inner.value.value) is int else set()
    return found


def test_every_number_in_the_commands_is_in_the_table():
    from myspinbot_runner import cli

    assert {cli.WRONG_USE, cli.INTERRUPTED, cli.PIPE_CLOSED} <= documented()
    assert {str(path): numbers for path in sources() if (numbers := numbers_in(path) - documented())} == {}


def test_wrong_use_is_always_two_and_says_what_was_meant(capsys):
    for words, meant in [
        (["rnu"], "Did you mean 'run'?"),
        (["--verison"], "--version"),
        (["status", "--jsno"], "--json"),
        (["run"], "Name a workflow file"),
        (["batch"], "TABLE"),
    ]:
        assert call(words) == 2
        assert meant in capsys.readouterr().err
    assert call(["status", "--jsno", "--json"]) == 2
    assert '"exit_code": 2' in capsys.readouterr().out
