"""Installing with uv and pip: the user's settings, failures, and packages left half installed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from setup_steps import disk
from setup_steps.environment import find_uv
from setup_steps.packages import Installer, forget_half_installed, installed_versions
from setup_steps.pip_settings import parse_settings, uv_arguments, uv_environment
from setup_steps.pytorch import VERSIONS, Build, remove_cpu_build
from setup_steps.talk import SetupError, call

LISTING = """\
:env:.find-links='/from/the environment'
global.cert='/etc/company.pem'
global.extra-index-url='https://one.example/simple https://two.example/simple'
global.index-url='https://file.example/simple'
install.index-url='https://install.example/simple'
global.find-links='/from/a/file'
global.proxy='proxy.example:3128'
global.timeout='60'
global.trusted-host='one.example'
freeze.timeout='5'
not a setting
"""


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, own_environment: Path, uv: Path) -> Installer:
    return Installer(own_environment, uv if request.param == "uv" else None)


@pytest.fixture(scope="module")
def uv(environment: Path) -> Path:
    found = find_uv(environment / ".venv" / "bin" / "python")
    assert found, "uv is neither here nor can it be installed"
    return found


def test_pip_settings_rank_as_in_pip() -> None:
    settings = parse_settings(LISTING)
    assert settings["find-links"] == "/from/the environment"
    assert settings["index-url"] == "https://install.example/simple"
    assert settings["timeout"] == "60"


def test_uv_gets_what_pip_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "UV_HTTP_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    settings = parse_settings(LISTING.replace("/from/the environment", "/wheels"))
    words = uv_arguments(settings)
    pairs = list(pairwise(words))
    assert ("--default-index", "https://install.example/simple") in pairs
    assert [value for name, value in pairs if name == "--index"] == [
        "https://one.example/simple",
        "https://two.example/simple",
    ]
    assert ("--find-links", "/wheels") in pairs
    assert ("--allow-insecure-host", "one.example") in pairs
    assert uv_environment(settings) == {
        "SSL_CERT_FILE": "/etc/company.pem",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "HTTP_PROXY": "http://proxy.example:3128",
        "UV_HTTP_TIMEOUT": "60",
    }


def test_indexes_set_for_uv_itself_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mine.example/simple")
    assert "--default-index" not in uv_arguments({"index-url": "https://other.example/simple"})


def test_packages_come_from_where_pip_is_told_to_look(installer: Installer, shelf: Callable[..., Path]) -> None:
    shelf("tinyone", "1.0", "tinytwo>=2")
    shelf("tinytwo", "2.1")
    shelf("tinytwo", "3.0")
    installer.install(["tinyone", "tinytwo<3"])
    versions = installed_versions(installer.python)
    assert (versions["tinyone"], versions["tinytwo"]) == ("1.0", "2.1")


def test_a_further_index_gives_the_build_that_is_pinned(
    installer: Installer, shelf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PyTorch's index does, which has the same version with a suffix."""
    plain, special = shelf("tinytorch", "2.11.0"), shelf("tinytorch", "2.11.0+cpu")
    indexes = {}
    for name, wheel in (("usual", plain), ("further", special)):
        folder = tmp_path / name / "tinytorch"
        folder.mkdir(parents=True)
        shutil.move(wheel, folder / wheel.name)
        (folder / "index.html").write_text(f'<a href="{wheel.name.replace("+", "%2B")}">{wheel.name}</a>')
        indexes[name] = (tmp_path / name).as_uri()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", indexes["usual"])
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    installer.install(["tinytorch==2.11.0+cpu"], indexes["further"])
    assert installed_versions(installer.python)["tinytorch"] == "2.11.0+cpu"
    # A later step that asks for the plain version keeps the one that is there.
    installer.install(["tinytorch==2.11.0"])
    assert installed_versions(installer.python)["tinytorch"] == "2.11.0+cpu"


def test_a_gpu_that_comes_later_gets_its_build(installer: Installer, shelf: Callable[..., Path]) -> None:
    for name, version in VERSIONS.items():
        shelf(name, f"{version}+cpu")
    build = Build("the CPU build", "cpu", 1, 1)
    installer.install(build.requirements)
    for name, version in VERSIONS.items():
        shelf(name, version).with_name(f"{name}-{version}+cpu-py3-none-any.whl").unlink()
    remove_cpu_build(installer.python)
    installer.install(Build("the CUDA build", "", 1, 1).requirements)
    found = installed_versions(installer.python)
    assert {name: found[name] for name in VERSIONS} == VERSIONS


def test_a_package_that_cannot_be_had_is_an_error(installer: Installer, shelf: Callable[..., Path]) -> None:
    shelf("tinyone", "1.0")
    with pytest.raises(SetupError, match="tinyone==2"):
        installer.install(["tinyone==2"])
    assert "tinyone" not in installed_versions(installer.python)


def test_without_a_network_the_error_says_so(own_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(SetupError, match="package index can't be reached"):
        Installer(own_environment, None).install(["no-such-package-of-ours"])


def test_a_full_disk_is_named_as_the_reason(
    own_environment: Path, shelf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_space", lambda path: 1000)
    with pytest.raises(SetupError, match="The disk ran full"):
        Installer(own_environment, None).install(["tinyone"])


@pytest.mark.parametrize("harm", ["data.txt", "RECORD", "METADATA"])
def test_half_installed_packages_are_installed_again(
    harm: str, installer: Installer, shelf: Callable[..., Path]
) -> None:
    shelf("tinyone", "1.0")
    shelf("tinytwo", "1.0")
    installer.install(["tinyone", "tinytwo"])
    environment = installer.python.parent.parent
    assert forget_half_installed(environment) == []
    next(path for path in environment.glob(f"lib/*/site-packages/tinyone*/{harm}")).unlink()
    assert forget_half_installed(environment) == ["tinyone-1.0.dist-info"]
    installer.install(["tinyone", "tinytwo"])
    assert installed_versions(installer.python)["tinyone"] == "1.0"
    assert forget_half_installed(environment) == []
    call([installer.python, "-c", "import tinyone, tinytwo"], quiet=True)


def test_uv_that_fails_gives_way_to_pip(
    own_environment: Path, shelf: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "uv"
    broken.write_text(f"#!{sys.executable}\nraise SystemExit('uv is broken')\n")
    broken.chmod(0o755)
    shelf("tinyone", "1.0")
    Installer(own_environment, broken).install(["tinyone"])
    assert installed_versions(own_environment)["tinyone"] == "1.0"
    assert "trying pip" in capsys.readouterr().out
