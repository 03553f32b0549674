"""Sets MySpinBot up: `python3 install.py --help` lists the choices.

ComfyUI-Manager runs this file without arguments after it has installed requirements.txt; then there is
nothing left to do, and it ends at once without a word. This file keeps to a syntax that old Pythons can
read, so that they can say what is wrong; the work is in `setup_steps`.
"""

import os
import sys

OLDEST_PYTHON = (3, 11)
ROOT = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is younger than some Pythons


def in_custom_nodes():
    """Whether this clone is one of a ComfyUI's custom nodes, itself or through a link there."""
    if os.path.basename(os.path.dirname(ROOT)) == "custom_nodes":  # noqa: PTH119, PTH120
        return True
    base = os.environ.get("COMFYUI_FOLDERS_BASE_PATH") or os.environ.get("COMFYUI_PATH")
    nodes = os.path.join(base, "custom_nodes") if base else ""  # noqa: PTH118
    if not os.path.isdir(nodes):  # noqa: PTH112
        return False
    here = os.path.realpath(ROOT)
    return any(os.path.realpath(os.path.join(nodes, name)) == here for name in os.listdir(nodes))  # noqa: PTH118, PTH208


def main():
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write(
            "MySpinBot needs Python 3.11 or newer, and this is Python "
            + sys.version.split()[0]
            + " (" + sys.executable + ").\n"
            "Install a newer Python and run this again with it, for example: python3.12 install.py\n"
        )  # fmt: skip
        return 1
    if len(sys.argv) == 1 and in_custom_nodes():
        if sys.stdout.isatty():
            sys.stdout.write(
                "This clone is already one of ComfyUI's custom nodes: restart ComfyUI, and it is there.\n"
                "To add the command line runner and make a first video: python install.py --demo\n"
            )
        return 0
    from setup_steps.command import run

    return run(ROOT, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
