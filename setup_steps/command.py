"""The command line of `install.py` and the order of its steps."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .after import fetch_landmarker, fetch_script_model, fetch_voice, find_draft, make_demo, run_tests, summary
from .comfyui_source import VERSION, is_comfyui
from .existing import look_at
from .places import Places
from .steps import Setup
from .talk import SetupError, say

EPILOG = """\
Without arguments: makes .venv and ComfyUI/ in this clone and links the clone into that ComfyUI.
Run it again at any time: it goes on where it stopped, and does only what has changed.
Arguments after -- go to pytest, for example: install.py --test -- -k link
"""


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Splits off what comes after `--`, for pytest, and reads the rest."""
    own, rest = list(arguments), list[str]()
    if "--" in own:
        cut = own.index("--")
        own, rest = own[:cut], own[cut + 1 :]
    parser = argparse.ArgumentParser(
        prog="install.py",
        description=f"Sets MySpinBot up with ComfyUI {VERSION}, or with the ComfyUI that you have.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--comfyui", type=Path, metavar="PATH", help="use this ComfyUI; its PyTorch stays as it is")
    parser.add_argument("--python", type=Path, metavar="PATH", help="with --comfyui: the Python that runs it")
    parser.add_argument("--demo", action="store_true", help="make a first video and say where it is")
    parser.add_argument(
        "--with-script-model", action="store_true", help="with --demo: fetch the small model that writes its script"
    )
    parser.add_argument("--test", action="store_true", help="install what the tests need and run them")
    options = parser.parse_args(own)
    if options.python and not options.comfyui:
        parser.error("--python goes with --comfyui")
    if options.with_script_model and not options.demo:
        parser.error("--with-script-model goes with --demo")
    if options.test and options.comfyui:
        parser.error("--test makes a ComfyUI of its own, so that nothing is added to yours; leave out --comfyui")
    if rest and not options.test:
        parser.error("arguments after -- are for pytest and go with --test")
    return options, rest


def run(root: str, arguments: Sequence[str]) -> int:
    """Runs the installer.

    Args:
        root: The clone.
        arguments: The command line without the program's name.

    Returns:
        The exit status: 0, 1 after an error that was explained, 130 when interrupted, or pytest's own.
    """
    options, rest = parse(arguments)
    # A request to end is treated like Ctrl-C, so that programs started from here end too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(Places(Path(root)), options, rest)
    except SetupError as error:
        sys.stdout.flush()
        sys.stderr.write(f"\nerror: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Run the same command again; it goes on from here.\n")
        return 130


def _run(places: Places, options: argparse.Namespace, rest: list[str]) -> int:
    comfyui: Path | None = options.comfyui
    around = places.root.parent.parent
    if not comfyui and not options.test and places.root.parent.name == "custom_nodes" and is_comfyui(around):
        comfyui = around
        say(f"This clone is inside a ComfyUI: using {around}.")
    if options.demo:
        find_draft(places)
    existing = look_at(comfyui, options.python) if comfyui else None
    setup = Setup(places, existing, tests=options.test)
    setup.run()
    start = summary(setup)
    if options.with_script_model:
        fetch_script_model(places)
    if options.demo:
        fetch_voice(places)
        fetch_landmarker(places)
        make_demo(places, start)
    return run_tests(places, rest) if options.test else 0
