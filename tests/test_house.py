"""The house rules that a machine can check: lint, types, directions of imports, requirements, prose."""

import ast
import graphlib
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from myspinbot_runner.locate import find_installation

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "custom_nodes" / "myspinbot"


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT, timeout=800)


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


def test_ruff_finds_nothing():
    done = tool("ruff", "check", ".")
    assert done.returncode == 0, done.stdout


def test_types_are_strict_and_right():
    done = tool("basedpyright", "--level", "error", "--pythonpath", sys.executable)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", ["engines", "media"])
def test_engines_and_media_do_not_know_comfyui_and_look_one_way(room):
    above = {"engines": ("nodes",), "media": ("nodes", "engines")}[room]
    for path in (PACK / room).rglob("*.py"):
        for name in imported(path):
            assert name.split(".")[0] not in ("comfy", "comfy_api", "comfy_extras", "folder_paths", "nodes"), path
            assert not name.startswith(tuple(f"custom_nodes.myspinbot.{other}" for other in above)), path
            assert not name.startswith("runner"), path


def test_the_runner_never_imports_the_pack_nor_the_pack_the_runner():
    for path in (ROOT / "runner").rglob("*.py"):
        assert not [name for name in imported(path) if "custom_nodes" in name or name.startswith("myspinbot")], path
    for path in PACK.rglob("*.py"):
        assert not [name for name in imported(path) if name.split(".")[0] == "runner"], path


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
    heavy = {"ollama", "httpx", "skimage", "transformers", "torchaudio", "pypinyin", "rjieba", "pyloudnorm"}
    assert set(done.stdout.split()) & heavy == set()


def test_files_stay_small():
    long = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in tracked("*.py")}
    assert {name: lines for name, lines in long.items() if lines > 320} == {}


def test_the_packs_requirements_hold_back_nothing():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        requirement = line.split("#")[0].strip()
        if requirement:
            assert re.fullmatch(r"[A-Za-z0-9-]+(>=[\d.]+)?", requirement), f"{requirement}: no upper bound, no pin"
            importlib.metadata.version(requirement.split(">=")[0])


def test_the_project_names_no_place_outside_itself():
    bad = re.compile(
        r"/root/|/work/|/tmp/\w/|/home/\w+/|\bpypi\.|pythonhosted|\bnpmjs\b|\bdeb\.debian\b|\bTODO\b|\bFIXME\b"
    )
    for path in tracked("*.py", "*.md", "*.toml", "*.yaml", "*.json", "*.js", "*.txt", ".ci/*"):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert not bad.search(line), f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


def test_links_in_the_documents_lead_somewhere():
    for path in tracked("*.md"):
        if "web/docs" in str(path):
            continue
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"


def test_the_licence_is_what_the_metadata_says():
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text()
    assert 'license = "GPL-3.0-or-later"' in (ROOT / "pyproject.toml").read_text()
