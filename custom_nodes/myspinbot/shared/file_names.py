"""Names that a file may have on any system."""

import re

_NAME = re.compile(r"[^<>:\"/\\|?*\x00-\x1f]{1,80}")
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL)


def checked_name(name: str, what: str) -> str:
    """`name` as a file may be called on any system; `what` will have it, as "A voice".

    Raises:
        ValueError: It is empty, too long, has a character that a file's name can't have, or Windows reserves it.
    """
    name = name.strip().rstrip(".")
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise ValueError(f"{what} can't be called {name!r}. Use letters, digits, spaces and dashes.")
    if is_reserved(name):
        raise ValueError(f"{what} can't be called {name!r}, which Windows keeps for a device. Choose another name.")
    return name


def is_reserved(name: str) -> bool:
    """Whether Windows keeps a file's name, one without folders, for a device."""
    return bool(_RESERVED.fullmatch(name))
