"""Names that files may have."""

from __future__ import annotations

import pytest

from myspinbot.shared.file_names import checked_name


@pytest.mark.parametrize("name", ["", " ", "..", ".hidden", "a/b", "a\\b", "a:b", "x" * 81, "a\nb"])
def test_names_that_no_file_can_have(name):
    with pytest.raises(ValueError, match="A voice can't be called"):
        checked_name(name, "A voice")


@pytest.mark.parametrize("name", ["con", "AUX", "nul.", "Com1", "lpt\u00b2", "con.old", "prn .x", "CONOUT$"])
def test_names_that_windows_keeps(name):
    with pytest.raises(ValueError, match="Windows keeps"):
        checked_name(name, "A bot")


@pytest.mark.parametrize("name", ["Conny", "auxiliary", "com", "Ada. ", "\u4e2d\u6587", "my identity"])
def test_other_names_are_taken(name):
    assert checked_name(name, "A bot") == name.strip().rstrip(".")
