"""Starts ComfyUI so that it can't outlive the runner. Run by ComfyUI's own Python, not imported.

Standard input is a pipe whose other end the runner holds. When it closes, the runner has died without a
chance to clean up, and the server's process group ends with it.
"""

import os
import runpy
import signal
import sys
import threading


def _end_with(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Run the program named by the first argument with the others as its arguments."""
    pipe = os.dup(0)  # a copy that child processes don't inherit
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_end_with, args=(pipe,), daemon=True, name="runner-watch").start()
    program = sys.argv[1]
    sys.argv = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job, and so we, may ignore
    sys.path[0] = os.path.dirname(program)  # noqa: PTH120  (in place of this file's own folder)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
