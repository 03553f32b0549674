"""For tests: a server that stops where kept work grows, so that it can be killed or cancelled there and nowhere else.

While `user/myspinbot/hold.txt` says `PATTERN NUMBER`, so many files of kept work that match the pattern are put in
place, and before the next one is, the server writes `held.txt` beside it and waits until `hold.txt` is gone.
"""

import time
from pathlib import Path

import folder_paths

_PLAIN = Path.replace
_seen: dict[int, int] = {}
"""By the moment at which a `hold.txt` was written: how many files were put in place since."""


def _replace(self: Path, target: Path) -> Path:
    folder = Path(folder_paths.get_user_directory()) / "myspinbot"
    hold = folder / "hold.txt"
    if Path(target).parent.parent == folder / "work" and hold.exists():
        (pattern, number), moment = hold.read_text().rsplit(" ", 1), hold.stat().st_mtime_ns
        if Path(target).match(pattern):
            if _seen.get(moment, 0) >= int(number):
                (folder / "held.txt").touch()
                while hold.exists():
                    time.sleep(0.02)
            _seen[moment] = _seen.get(moment, 0) + 1
    return _PLAIN(self, target)


def install() -> None:
    Path.replace = _replace
