"""Without a server at the address, the command starts one, uses it and ends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from myspinbot_runner.locate import find_installation
from tests.conftest import missing
from tests.runner.helpers import call, free_port, image, nobody, write


@pytest.mark.slow
def test_run_brings_its_own_server_and_takes_it_away(tmp_path):
    try:
        installation = find_installation()
    except Exception as error:
        missing(str(error))
        raise
    # A ComfyUI folder of its own kind, so that the user's is left alone: main.py moves its base directory here.
    folder, base = tmp_path / "comfyui", tmp_path / "base"
    folder.mkdir()
    for name in ("custom_nodes", "input", "models", "output"):
        (base / name).mkdir(parents=True)
    (folder / "main.py").write_text(
        f"import os, runpy, sys\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        f"os.chdir({str(installation.comfyui)!r})\nsys.path[0] = {str(installation.comfyui)!r}\n"
        f"sys.argv += ['--base-directory', {str(base)!r}]\n"
        f"runpy.run_path({str(installation.comfyui / 'main.py')!r}, run_name='__main__')\n"
    )
    args = ["--server", f"http://127.0.0.1:{free_port()}", "--comfyui", str(folder)]
    args += ["--python", str(installation.python), "--out", str(tmp_path / "o")]
    code, out, err = call("run", write(tmp_path / "w.json", image()), *args, env={"XDG_STATE_HOME": str(tmp_path)})
    assert code == 0, err
    assert Path(out.strip()).is_file()
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert list((tmp_path / "myspinbot").glob("server-*.log"))


def test_no_start_and_far_servers_start_nothing(tmp_path):
    path = write(tmp_path / "w.json", image())
    with nobody() as port:
        code, _, err = call("run", path, "--no-start", "--server", f"127.0.0.1:{port}", "--out", str(tmp_path))
    assert code == 11
    assert "myspinbot serve" in err
    code, _, err = call("run", path, "--server", "ftp://x", "--out", str(tmp_path))
    assert code == 4


def test_no_comfyui_at_all_says_how_to_get_one(tmp_path):
    (tmp_path / "empty").mkdir()
    path = write(tmp_path / "w.json", image())
    with nobody() as port:
        args = ["--server", f"127.0.0.1:{port}", "--comfyui", str(tmp_path / "empty"), "--out", str(tmp_path)]
        code, _, err = call("run", path, *args)
    assert code == 11
    assert "install.py" in err
