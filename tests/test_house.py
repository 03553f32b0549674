"""The house rules that a machine can check beside lint and types: directions of imports, requirements, prose."""

import ast
import graphlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from myspinbot_runner.locate import find_installation

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "custom_nodes" / "myspinbot"


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], capture_output=True, text=True, cwd=ROOT, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def imported(path: Path) -> set[str]:
    """Dotted names that `path` imports, relative ones resolved against the repository."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = path.parent
            for _ in range(node.level - 1):
                base = base.parent
            prefix = ".".join(base.relative_to(ROOT).parts) + "." if node.level else ""
            base = (prefix + (node.module or "")).rstrip(".")
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


ROOMS = ("nodes", "comfyui", "engines", "media", "shared")
"""Of the pack: each knows only those after it."""
COMFYUI = {"comfy", "comfy_api", "comfy_execution", "comfy_extras", "folder_paths", "nodes", "server"}
OTHERS = {
    "custom_nodes/myspinbot": {
        *("runner", "manage", "setup_steps"),
        *("myspinbot_runner", "myspinbot_manage", "myspinbot_shared"),
    },
    "runner": {"custom_nodes", "manage", "setup_steps", "myspinbot", "myspinbot_shared", "myspinbot_manage"},
    "manage": {"custom_nodes", "runner", "setup_steps", "myspinbot"},
    "setup_steps": {"custom_nodes", "runner", "manage"},
}
"""What a folder never imports: `manage` knows `runner` and `shared` by the names under which they are installed."""


@pytest.mark.parametrize("room", ROOMS)
def test_the_packs_rooms_look_one_way(room: str):
    above = {f"custom_nodes.myspinbot.{other}" for other in ROOMS[: ROOMS.index(room)]}
    for path in (PACK / room).rglob("*.py"):
        for name in imported(path):
            assert ".".join(name.split(".")[:3]) not in above, f"{path} imports {name}"
            if room not in ("nodes", "comfyui"):
                assert name.split(".")[0] not in COMFYUI, f"{path} imports {name}"


def test_what_is_shared_needs_little():
    """Pack and command line both have it, and the command line has no more than this."""
    allowed = sys.stdlib_module_names | {"custom_nodes", "filelock", "jsonschema", "yaml"}
    for path in (PACK / "shared").rglob("*.py"):
        assert {name.split(".")[0] for name in imported(path)} <= allowed, path
        assert not {name for name in imported(path) if name == "custom_nodes.myspinbot"}, f"{path} leaves its room"


@pytest.mark.parametrize("folder", OTHERS)
def test_the_houses_know_each_other_one_way(folder: str):
    for path in (ROOT / folder).rglob("*.py"):
        assert not {name for name in imported(path) if name.split(".")[0] in OTHERS[folder]}, path


def test_the_runners_files_know_each_other_one_way():
    """No circle of imports, not even by imports within functions or for types alone."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in (ROOT / "runner").rglob("*.py")}
    knows: dict[str, set[str]] = {}
    for name, path in files.items():
        found: set[str] = set()
        for one in imported(path) - {"runner", ".".join(path.relative_to(ROOT).parts[:-1])}:
            # A file itself, a package's `__init__`, or a name that one of the two has.
            home = one if one in files or f"{one}.__init__" in files else one.rpartition(".")[0]
            found |= {home, f"{home}.__init__"} & files.keys()
        knows[name] = found
    assert knows["runner.workflow.file"] >= {"runner.errors", "runner.workflow.load"}
    assert "runner.workflow.__init__" in knows["runner.client"]
    graphlib.TopologicalSorter(knows).prepare()


@pytest.mark.usefixtures("starts_processes")
def test_the_nodes_load_without_heavy_libraries():
    """A start of ComfyUI must not wait for us, and a missing library must cost one node, not the pack.

    What counts is what the pack adds to what ComfyUI itself has loaded by then.
    """
    code = (
        "import sys\n"
        f"sys.path[:0] = [{str(find_installation().comfyui)!r}, {str(ROOT / 'custom_nodes')!r}]\n"
        "sys.argv = ['x', '--cpu']\n"
        "import comfy.options; comfy.options.enable_args_parsing()\n"
        "import comfy_api.latest, folder_paths\n"
        "before = set(sys.modules)\n"
        "import asyncio, myspinbot\n"
        "for node in asyncio.run(asyncio.run(myspinbot.comfy_entrypoint()).get_node_list()):\n"
        "    node.GET_SCHEMA()\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    heavy = {
        "jsonschema",
        "ollama",
        "onnxruntime",
        "httpx",
        "skimage",
        "transformers",
        "torchaudio",
        "pypinyin",
        "rjieba",
        "pyloudnorm",
    }
    assert set(done.stdout.split()) & heavy == set()


def test_files_stay_one_thought():
    long = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in tracked("*.py")}
    assert {name: lines for name, lines in long.items() if lines > 600} == {}


def sockets() -> Iterator[tuple[str, str, str | None]]:
    """Where each input and output of a node is declared, its name and its tooltip."""
    for path in (PACK / "nodes").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            declared = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
            if declared and node.func.attr in ("Input", "Output") and isinstance(node.args[0], ast.Constant):
                tips = [word.value for word in node.keywords if word.arg == "tooltip"]
                tip = tips[0].value if tips and isinstance(tips[0], ast.Constant) else None
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0].value, tip


def filled_in() -> Iterator[tuple[str, str]]:
    """Where each input of a node in our workflows is, and its name and its label, if it has one."""
    for path in (ROOT / "workflows").glob("*.app.json"):
        workflow = json.loads(path.read_text("utf-8"))
        for graph in (workflow, *workflow.get("definitions", {}).get("subgraphs", ())):
            for owner in (graph, *graph["nodes"]):
                for socket in owner.get("inputs") or ():
                    for word in (socket["name"], socket.get("label")):
                        if word:
                            yield f"{path.name}, {owner.get('type') or owner.get('name')}", word


def test_the_interface_keeps_to_the_fields_words():
    """Names as people search for them, in American spelling; what was renamed stays renamed."""
    dropped = re.compile(
        r"colour|grey|centre|made_with|liveliness|steadiness|if_out_of_memory|colormatch|match_color|relip"
        r"|nfe_step|sampling_steps|sampling_cfg|photo"
    )
    found = list(sockets())
    assert len(found) > 200
    for where, name, tip in found:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name), f"{where}: {name}"
        assert not dropped.search(name), f"{where}: {name}"
        assert tip is None or tip.endswith("."), f"{where}: {tip!r} is no whole sentence"
    shipped = list(filled_in())
    assert len(shipped) > 200
    for where, name in shipped:
        assert not dropped.search(re.sub(r"\W", "_", name.lower())), f"{where}: {name}"
    nodes = {path.stem for path in (PACK / "web" / "docs").glob("MySpinBot*.md")}
    assert not {name for name in nodes if re.search("Relip|Credit", name)}


def test_the_packs_requirements_hold_back_nothing():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        requirement = line.split("#")[0].strip()
        if requirement:
            assert re.fullmatch(r"[A-Za-z0-9-]+(>=[\d.]+)?", requirement), f"{requirement}: no upper bound, no pin"
            importlib.metadata.version(requirement.split(">=")[0])


def test_nothing_is_left_to_do():
    for path in tracked("*.py", "*.md", "*.toml", "*.yaml", "*.json", "*.js", "*.txt"):
        if path != Path(__file__):
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                assert not re.search(r"\b(TODO|FIXME)\b", line), f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def test_links_in_the_documents_lead_somewhere():
    for path in tracked("*.md"):
        if "web/docs" in str(path):
            continue
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"


def test_the_licence_is_what_the_metadata_says():
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text()
    assert 'license = "GPL-3.0-or-later"' in (ROOT / "pyproject.toml").read_text()
