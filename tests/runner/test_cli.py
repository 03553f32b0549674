"""The command itself, in a process of its own: output, exit status, Ctrl-C in a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myspinbot_manage.cli import call as call_here
from myspinbot_runner.cli.run import run
from myspinbot_runner.client import Client
from myspinbot_runner.errors import BadInput
from myspinbot_runner.workflow import Workflow
from myspinbot_runner.workflow.inputs import RESERVED_FLAGS, names_in_file
from tests.runner.helpers import (
    ROOT,
    call,
    command,
    graph,
    held,
    image,
    in_background,
    nobody,
    runs,
    steps,
    until,
    write,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals here are POSIX")


@pytest.fixture
def at(server):
    return ["--server", server.url, "--no-start"]


def test_run_prints_the_paths_and_nothing_else(at, tmp_path):
    code, out, err = call("run", write(tmp_path / "w.json", image()), "--out", str(tmp_path / "o"), *at)
    assert (code, err) == (0, "")
    assert Path(out.strip()).read_bytes().startswith(b"\x89PNG")


def test_json_events_are_complete(at, tmp_path):
    work = {**graph("TestNotice"), "2": image()["1"]}
    work["3"] = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "j"}}
    code, out, _ = call("run", write(tmp_path / "w.json", work), "--out", str(tmp_path / "o"), "--json", *at)
    events = [json.loads(line) for line in out.splitlines()]
    kinds = [event["event"] for event in events]
    assert code == 0
    assert kinds[0] == "submitted"
    assert kinds[-1] == "result"
    assert {"started", "node_started", "notice", "saved", "finished"} <= set(kinds)
    assert [notice["level"] for notice in events[-1]["notices"]] == ["info", "warning"]


def test_values_are_checked_before_anything_is_sent(at, tmp_path):
    path = write(tmp_path / "w.json", image())
    for setting, said in [
        ("1.width=99999999", "at most 16384"),
        ("1.width=broad", "whole number"),
        ("1.wide=3", "no input '1.wide'"),
        ("9.width=3", "no input '9.width'"),
        ("nonsense", "NODE.INPUT=VALUE"),
    ]:
        code, _, err = call("run", path, "--set", setting, "--out", str(tmp_path / "o"), *at)
        assert code == 4, err
        assert said in err
        assert "Traceback" not in err


def app(tmp_path: Path) -> str:
    """A small workflow in the editor's form, with inputs of every usual kind."""
    nodes = [
        {"id": 1, "type": "EmptyImage", "mode": 0, "widgets_values": [64, 64, 1, 0], "inputs": [
            {"name": "width", "type": "INT", "widget": {"name": "width"}, "label": "Breadth of it", "link": None},
            {"name": "height", "type": "INT", "widget": {"name": "height"}, "link": None}],
         "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}]},
        {"id": 2, "type": "ImageScale", "mode": 0, "widgets_values": ["nearest-exact", 32, 32, "disabled"],
         "title": "Shrink", "inputs": [{"name": "image", "type": "IMAGE", "link": 1}],
         "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}]},
        {"id": 3, "type": "SaveImage", "mode": 0, "widgets_values": ["app"],
         "inputs": [{"name": "images", "type": "IMAGE", "link": 2}], "outputs": []},
        {"id": 4, "type": "LoadImage", "mode": 0, "widgets_values": ["none.png", "image"], "inputs": [],
         "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [3]}, {"name": "MASK", "type": "MASK"}]},
        {"id": 5, "type": "SaveImage", "mode": 0, "widgets_values": ["copy"],
         "inputs": [{"name": "images", "type": "IMAGE", "link": 3}], "outputs": []},
    ]  # fmt: skip
    links = [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"], [3, 4, 0, 5, 0, "IMAGE"]]
    inputs = [["1", "width"], ["1", "height"], ["2", "height"], ["2", "upscale_method"], ["4", "image"]]
    extra = {"linearData": {"inputs": inputs, "outputs": ["3", "5"]}}
    content = {"nodes": nodes, "links": links, "extra": extra, "version": 0.4, "last_node_id": 5}
    return write(tmp_path / "small.app.json", content)


def test_the_flags_are_the_workflows_own_inputs(at, tmp_path):
    path = app(tmp_path)
    _, out, _ = call("run", path, "--help", *at)
    for words in ("--breadth-of-it INT", "--emptyimage-height INT", "--shrink-height INT", "--upscale-method CHOICE",
                  "bilinear", "--image IMAGE-FILE", "1 to 16384"):  # fmt: skip
        assert words.replace("emptyimage", "empty-image") in out or words in out, out
    _, out, _ = call("inputs", path, "--json", *at)
    fields = {field["label"]: field for field in json.loads(out)}
    assert fields["Breadth of it"]["default"] == 64
    assert fields["upscale_method"]["choices"][0] == "nearest-exact"


def test_values_and_an_uploaded_file_arrive(at, server, tmp_path):
    from PIL import Image

    path, picture = app(tmp_path), tmp_path / "mine, really.png"
    Image.new("RGB", (20, 10), (255, 0, 0)).save(picture)
    args = ["--breadth-of-it", "80", "--shrink-height=16", "--upscale-method", "bilinear", "--image", str(picture)]
    code, out, err = call("run", path, *args, "--out", str(tmp_path / "o"), *at)
    assert code == 0, err
    sizes = {Path(line).name.split("_")[0]: Image.open(line) for line in out.splitlines()}
    assert sizes["app"].size == (32, 16)
    assert sizes["copy"].size == (20, 10)
    # What was set is also in the workflow that the saved picture carries.
    inside = json.loads(sizes["app"].info["workflow"])
    assert inside["nodes"][0]["widgets_values"][0] == 80


def test_files_anywhere_on_the_server_can_be_named(at, server, tmp_path):
    """As its own loaders name them, though its list of choices doesn't have them."""
    from PIL import Image

    base = Path(server.base_directory)
    for place in ("input/subf/in.png", "output/sub/out.png"):
        (base / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10), (255, 0, 0)).save(base / place)
    path = app(tmp_path)
    for name in ("subf/in.png", "subf/in.png [input]", "sub/out.png [output]"):
        args = ["--set", f"4.image={name}", "--out", str(tmp_path / "o")]
        code, out, err = call("run", path, *args, *at)
        assert code == 0, err
        assert len(out.splitlines()) == 2
    for name in ("subf/none.png", "in.png [output]", "../subf/in.png", "x [elsewhere]", "a\udc80.png"):
        code, _, err = call("run", path, "--image", name, "--out", str(tmp_path / "o"), *at)
        assert (code, "nor one of that name on the server" in err) == (4, True), err


def test_wrong_flags_say_what_there_is(at, tmp_path):
    path = app(tmp_path)
    for args, said in [
        (["--bread", "5"], "Its inputs are: --breadth-of-it"),
        (["--breadth-of-ti", "5"], "Did you mean --breadth-of-it?"),
        (["--detatch"], "Did you mean --detach?"),
        (["--image", "--breadth-of-it", "5"], "--image needs a value: image file"),
        (["--image", "gone.png"], "no file gone.png here"),
        (["--image", path], "--image takes an image file, and " + path + " holds text"),
        (["--upscale-method", "magic"], "Choose one of: nearest-exact"),
        (["--upscale-method", "photos/"], "there is no folder photos/ here"),
        (["stray"], "not an option"),
        (["--breadth-of-it"], "--breadth-of-it needs a value: int"),
    ]:
        code, _, err = call("run", path, *args, "--out", str(tmp_path / "o"), *at)
        assert code == 4
        assert said in err


def test_flags_come_in_any_order_and_values_may_begin_with_a_dash(at, tmp_path):
    """All that a shell may hand over: a value of its own word or after =, before the file, negative, like -h."""
    work = {"1": steps(1)["1"] | {"class_type": "TestSteps"}}
    nodes = [{"id": 1, "type": "TestSteps", "mode": 0, "outputs": [],
              "inputs": [{"name": name, "type": kind, "widget": {"name": name}, "link": None}
                         for name, kind in (("tag", "STRING"), ("steps", "INT"), ("stubborn", "BOOLEAN"))],
              "widgets_values": list(work["1"]["inputs"].values())}]  # fmt: skip
    extra = {"linearData": {"inputs": [["1", "tag"], ["1", "steps"], ["1", "stubborn"]], "outputs": ["1"]}}
    path = write(tmp_path / "s.app.json", {"nodes": nodes, "links": [], "extra": extra, "version": 0.4})
    rest = ["--out", str(tmp_path / "o"), *at]
    for words, said in [
        (["--tag", "-happy", path], "-happy"),
        (["--tag=--two", path, "--stubborn"], "--two"),
        (["--stubborn", "false", path, "--tag", "a=b"], "a=b"),
        ([path, "--tag", "first", "--tag", "last"], "last"),
    ]:
        code, out, err = call("run", *words, *rest)
        assert code == 0, err
        assert out.startswith(f"{said}: 1 steps"), out
    code, _, err = call("run", path, "--steps", "-5", *rest)
    assert code == 4
    assert "--steps must be at least" in err
    code, out, _ = call("run", path, "-h", *at)
    assert code == 0
    assert "--stubborn BOOL" in out


def test_the_options_of_run_are_those_that_no_input_may_be_called(capsys):
    """But for --seed: it sets every seed, the one that is an input of its own included."""
    own = {name.removeprefix("--") for option in run.params for name in option.opts if name.startswith("--")}
    assert own - {"seed"} == RESERVED_FLAGS
    assert call_here(["run", "x.json", "--seed", str(2**64)]) == 4
    assert f"to {2**64 - 1}" in capsys.readouterr().err


def test_names_of_inputs_need_no_server(tmp_path):
    with nobody() as port:
        args = ["--no-start", "--server", f"127.0.0.1:{port}"]
        code, out, _ = call("inputs", app(tmp_path), *args)
        assert code == 0
        assert "--breadth-of-it, --height" in out
        assert "Their types and ranges come from a server" in out
        assert call("inputs", app(tmp_path), "--json", *args)[0] == 11


shipped = pytest.mark.parametrize("path", sorted(ROOT.glob("workflows/*.app.json")), ids=lambda path: path.name)


@shipped
def test_every_flag_of_a_shipped_workflow_says_what_it_is_for(server, path):
    for field in Client(server.url).open(path).inputs:
        assert len(field.help().split()) > 2, field.flag


def test_a_button_of_the_page_is_no_input(server, tmp_path):
    """As the file names it or as the server does, and whatever the page only shows."""
    path = app(tmp_path)
    content = json.loads(Path(path).read_text())
    load = content["nodes"][3]
    load["inputs"] = [{"name": name, "type": kind, "widget": {"name": name}, "link": None}
                      for name, kind in (("image", "COMBO"), ("upload", "IMAGEUPLOAD"))]  # fmt: skip
    content["extra"]["linearData"]["inputs"] = [["4", "upload"], ["4", "image"], ["4", "a button of a script"]]
    assert names_in_file(content) == (["image"], True)
    assert [field.flag for field in Client(server.url).bind(Workflow(content)).inputs] == ["image"]


@shipped
def test_the_file_alone_names_the_inputs_that_a_server_knows(server, path):
    names, certain = names_in_file(json.loads(path.read_text("utf-8")))
    flags = [field.flag for field in Client(server.url).open(path).inputs]
    assert certain
    for flag, name in zip(flags, names, strict=True):
        assert flag == name or flag.endswith(f"-{name}")


def test_a_wrong_flag_is_named_before_a_server_is_started(tmp_path):
    """Where the file alone can tell: an input of a subgraph may be called otherwise inside."""
    with nobody() as port:
        args = ["--server", f"127.0.0.1:{port}", "--comfyui", str(tmp_path), "--out", str(tmp_path / "o")]
        code, _, err = call("run", app(tmp_path), "--breadth-of-ti", "5", *args)
        assert (code, "Did you mean --breadth-of-it?" in err) == (4, True)
        code, _, err = call("run", write(tmp_path / "w.json", image()), "--width", "5", *args)
        assert (code, "use --set NODE.INPUT=VALUE" in err) == (4, True)
        content = json.loads(Path(app(tmp_path)).read_text())
        content["definitions"] = {"subgraphs": [{"id": "ImageScale", "nodes": [], "links": []}]}
        code, _, err = call("run", write(tmp_path / "s.app.json", content), "--breadth-of-ti", "5", *args)
        assert code == 11, err


def test_half_an_emoji_is_written_as_its_escape(tmp_path):
    path, target = tmp_path / "w.json", tmp_path / "api.json"
    path.write_text('{"1": {"class_type": "Any", "inputs": {"text": "a\\ud83d b"}}}')
    assert call("convert", str(path), "--out", str(target))[0] == 0
    assert json.loads(target.read_text()) == json.loads(path.read_text())
    assert json.loads(call("convert", str(path))[1]) == json.loads(path.read_text())


def test_count_shifts_the_seeds(at, tmp_path):
    work = {"1": {"class_type": "TestSteps", "inputs": {"tag": "a", "steps": 1, "seconds": 0, "stubborn": False,
                                                       "seed": 7}}}  # fmt: skip
    flow = Workflow(work)
    flow.shift_seeds(None, 0)
    assert flow.api()["1"]["inputs"]["seed"] == 7
    flow.shift_seeds(None, 2)
    assert flow.api()["1"]["inputs"]["seed"] == 9
    flow.shift_seeds(100, 1)
    assert flow.api()["1"]["inputs"]["seed"] == 101
    most = 2**64 - 1  # ComfyUI's own limit
    flow = Workflow({"1": {"class_type": "RandomNoise", "inputs": {"noise_seed": most}}})
    flow.shift_seeds(None, 0)
    assert flow.api()["1"]["inputs"]["noise_seed"] == most
    with pytest.raises(BadInput, match=f"The seed 1.noise_seed would be {most + 1}, and its node takes {most} at most"):
        flow.shift_seeds(None, 1)
    work["1"]["inputs"]["seed"] = 2**31 - 2
    flow = Client(at[1]).bind(Workflow(work))
    flow._info["TestSteps"]["input"].setdefault("optional", {})["seed"] = ["INT", {"max": 2**31 - 1}]
    flow.shift_seeds(None, 1)
    with pytest.raises(BadInput, match=f"its node takes {2**31 - 1} at most"):
        flow.shift_seeds(None, 2)
    work["1"]["inputs"]["seed"] = 7
    code, out, _ = call("run", write(tmp_path / "w.json", work), "--count", "3", "--out", str(tmp_path / "o"), *at)
    assert code == 0
    assert out.count("1 steps") == 3


def test_detach_status_attach_and_fetch_need_only_the_id(at, server, tmp_path):
    work = steps(5)
    path = write(tmp_path / "w.json", work)
    with held(server, work):
        code, out, _ = call("run", path, "--detach", *at)
        job_id = out.strip()
        assert code == 0
        assert call("status", job_id, "--server", server.url)[1].strip() in ("pending", "in_progress")
        attached = command("attach", job_id, "--json", "--server", server.url, "--out", str(tmp_path / "o"))
        assert any(json.loads(line)["event"] == "progress" for line in attached.stdout)
    attached.communicate(timeout=240)
    assert attached.returncode == 0
    assert call("status", job_id, "--server", server.url)[1].startswith("completed")
    code, out, _ = call("fetch", job_id, "--server", server.url, "--out", str(tmp_path / "o"))
    assert (code, out.strip().endswith(" 5 steps")) == (0, True)
    assert call("fetch", "not-an-id", "--server", server.url)[0] == 4
    assert call("fetch", "00000000-0000-0000-0000-000000000000", "--server", server.url)[0] == 9


def test_cancel_by_id(at, server, tmp_path):
    _, out, _ = call("run", write(tmp_path / "w.json", steps(4000)), "--detach", *at)
    code, said, _ = call("cancel", out.strip(), "--server", server.url)
    assert (code, said.strip()) == (0, "The job is cancelled.")


def test_convert_writes_what_the_server_runs_and_overwrites_nothing(at, tmp_path):
    path, target = app(tmp_path), tmp_path / "api.json"
    assert call("convert", path, "--out", str(target), *at)[0] == 0
    assert json.loads(target.read_text())["2"]["inputs"]["image"] == ["1", 0]
    assert call("convert", path, "--out", str(target), *at)[0] == 4


def test_results_folder_that_can_not_be_written_is_refused_first(at, server, tmp_path):
    work = steps(1)
    (tmp_path / "o").write_text("a file")
    code, _, err = call("run", write(tmp_path / "w.json", work), "--out", str(tmp_path / "o"), *at)
    assert code == 14
    assert "--out" in err
    assert runs(server, work) == 0


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_cancels_our_job_and_waits(at, server, tmp_path, number):
    work = steps(2000)
    process = command("run", write(tmp_path / "w.json", work), "--out", str(tmp_path / "o"), *at)
    assert until(lambda: runs(server, work))
    process.send_signal(number)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 10, err
    assert "Traceback" not in err
    assert until(lambda: not Client(server.url).api.waiting())


@posix
def test_paths_reach_a_pipe_while_the_terminal_shows_progress(at, tmp_path):
    import pty

    leader, terminal = pty.openpty()
    args = ["run", write(tmp_path / "w.json", image()), "--out", str(tmp_path / "o"), *at]
    process = command(*args, stderr=terminal)
    os.close(terminal)
    shown: list[bytes] = []
    reader = in_background(lambda: shown.extend(read_all(leader)))  # a terminal that nobody reads fills up
    out, _ = process.communicate(timeout=240)
    assert Path(out.strip()).is_file()
    reader.join(60)
    assert b"Saved" in b"".join(shown)
    os.close(leader)


def read_all(terminal: int) -> Iterator[bytes]:
    """What is written to a terminal, until its last writer is gone."""
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 4096):
            yield piece


@posix
def test_ctrl_c_in_a_real_terminal(at, server, tmp_path):
    """Twice, while the node ignores the cancellation: the command leaves at once and says how to go on."""
    import pty

    work = steps(5, stubborn=True)
    path = write(tmp_path / "w.json", work)
    with held(server, work):
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["PYTHONPATH"] = str(ROOT)
            os.execv(
                sys.executable,
                [sys.executable, "-m", "myspinbot_manage", "run", path, "--out", str(tmp_path / "o"), *at],
            )
        assert until(lambda: runs(server, work))
        os.write(terminal, b"\x03")
        text = b""
        for piece in read_all(terminal):
            if b"Cancelling the job" in text + piece and b"Cancelling the job" not in text:
                assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it waits for what becomes of the job"
                os.write(terminal, b"\x03")
            text += piece
        _, status = os.waitpid(pid, 0)
        assert Client(server.url).api.waiting(), "it has left, and the node goes on"
    assert os.waitstatus_to_exitcode(status) == 130
    plain = text.decode().replace("\r\n", " ").replace("\n", " ")
    assert "myspinbot attach" in plain
    assert "Traceback" not in plain
    assert until(lambda: not Client(server.url).api.waiting())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
keys = st.sampled_from(
    [
        *("nodes", "links", "id", "type", "mode", "inputs", "outputs", "name", "link", "widget", "widgets_values"),
        *("properties", "proxyWidgets", "definitions", "subgraphs", "origin_id", "target_id", "origin_slot"),
        *("target_slot", "linkIds", "extra", "linearData", "title", "class_type"),
    ]
)
types = st.sampled_from(["KSampler", "Reroute", "PrimitiveNode", "CustomCombo", "BatchImagesNode", "a-b-c", "Note"])
workflow_like = st.recursive(
    st.none() | st.integers(-20, 20) | types | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=8),
    max_leaves=60,
)


class Known(dict[str, object]):
    """Named in a word when a test fails, for all the types would fill many pages."""

    def __repr__(self) -> str:
        return "Known(...)"


@pytest.fixture(scope="module")
def known(server):
    """The server's node types, asked for once; the conversions below need no server."""
    return Known(Client(server.url).api.object_info(None))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=json_values | workflow_like | st.fixed_dictionaries({"nodes": st.lists(workflow_like, max_size=4)}))
def test_no_json_gives_a_traceback(server, known, monkeypatch, tmp_path, content):
    path = tmp_path / "any.json"
    path.write_text(json.dumps(content))
    with monkeypatch.context() as patch:
        patch.setattr("myspinbot_runner.api.Api.object_info", lambda *_: known)
        with CliRunner().isolation():
            code = call_here(["convert", str(path), "--no-start", "--server", server.url])
    assert code in (0, 3, 4, 5)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=60) | st.just(b"[" * 100_000) | st.just(b"\xff\xfe") | st.just(b""))
def test_no_file_gives_a_traceback(tmp_path, content):
    path = tmp_path / "any.json"
    path.write_bytes(content)
    with CliRunner().isolation():
        assert call_here(["convert", str(path), "--no-start", "--server", "http://127.0.0.1:1"]) in (3, 11)
