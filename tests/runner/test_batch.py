"""Batches: read from any table, recorded before they are submitted, resumed after a kill without repeats."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from myspinbot_runner.cli.batch import read_rows
from myspinbot_runner.cli.journal import Journal
from myspinbot_runner.client import Client
from myspinbot_runner.errors import BadInput
from tests.runner.helpers import call, command, image, runs, steps, until, write


@pytest.fixture
def at(server):
    return ["--server", server.url, "--no-start"]


def table(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def test_tables_of_every_kind_give_the_same_rows(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"topic": "sky, blue", "fps": 8}\n\n{"topic": "sea", "fps": null}\n')
    (tmp_path / "a.csv").write_text('topic,fps\n"sky, blue",8\nsea,\n')
    (tmp_path / "a.yaml").write_text("- topic: sky, blue\n  fps: 8\n- topic: sea\n")
    rows = [read_rows(tmp_path / f"a.{kind}", "w.json") for kind in ("jsonl", "csv", "yaml")]
    assert rows[0] == rows[2]
    assert rows[0][0].values == rows[1][0].values == (("topic", "sky, blue"), ("fps", "8"))
    assert rows[0][0].folder == "0001"


def test_rows_that_are_wrong_are_named_before_anything_runs(tmp_path):
    for content, said in [
        ('{"topic": [1]}', "row 1: 'topic' must be text"),
        ("[1]", "a row is a set of names and values"),
        ("{", "line 1 is not JSON"),
        ('{"seed": "x"}', "the seed must be a whole number"),
        ('{"seed": 18446744073709551616}', "the seed must be a whole number up to 18446744073709551615"),
        ("", "has no rows"),
    ]:
        (tmp_path / "a.jsonl").write_text(content)
        with pytest.raises(BadInput, match=said):
            read_rows(tmp_path / "a.jsonl", "w.json")
    with pytest.raises(BadInput, match="name a workflow"):
        (tmp_path / "a.jsonl").write_text('{"topic": "x"}')
        read_rows(tmp_path / "a.jsonl", None)


def test_equal_rows_are_both_run_and_hostile_names_stay_inside(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a.b": 1}\n{"a.b": 1}\n{"a.b": 1, "name": "../../etc"}\n')
    rows = read_rows(tmp_path / "a.jsonl", "w.json")
    assert len({row.key for row in rows[:2]}) == 2
    assert rows[2].folder == "etc"


def test_a_journal_is_held_by_one_batch_and_survives_a_torn_line(tmp_path):
    path = tmp_path / "journal"
    with Journal.open(path) as journal:
        journal.add("k", "submitting", job_id="j1")
        journal.add_file("k", "/view?a", "a.png")
        with pytest.raises(BadInput, match="Another batch"):
            Journal.open(path)
    with path.open("a") as file:
        file.write('{"key": "k", "sta')
    with Journal.open(path) as journal:
        assert (journal.state("k").name, journal.state("k").job_id) == ("submitting", "j1")
        assert journal.saved("k") == {"/view?a": "a.png"}
        journal.add("k", "done", files=[])
    with Journal.open(path) as journal:
        assert journal.state("k").name == "done"


def test_batch_saves_each_row_in_its_folder_and_repeats_nothing(at, tmp_path):
    rows = [{"1.width": 64 + 8 * n, "name": f"size-{n}"} for n in range(3)]
    args = [table(tmp_path / "jobs.jsonl", rows), "--workflow", write(tmp_path / "w.json", image()),
            "--out", str(tmp_path / "o"), *at]  # fmt: skip
    code, out, err = call("batch", *args)
    assert code == 0, err
    assert [len(list((tmp_path / "o" / f"size-{n}").glob("*.png"))) for n in range(3)] == [1, 1, 1]
    assert "3 done." in err
    code, out, err = call("batch", *args)
    assert (code, out) == (0, "")
    assert len(list((tmp_path / "o").rglob("*.png"))) == 3


def test_a_column_of_an_inputs_name_sets_that_input(at, server, tmp_path):
    """Also the column `name`, which names the folder of the results besides."""
    nodes = [{"id": 1, "type": "TestSteps", "mode": 0, "outputs": [], "widgets_values": ["x", 1, 0.0, False],
              "inputs": [{"name": "tag", "type": "STRING", "widget": {"name": "tag"}, "label": "name",
                          "link": None}]}]  # fmt: skip
    extra = {"linearData": {"inputs": [["1", "tag"]], "outputs": ["1"]}}
    path = write(tmp_path / "w.app.json", {"nodes": nodes, "links": [], "extra": extra, "version": 0.4})
    rows = [{"name": "anna"}, {"name": "bob?x"}]
    args = [table(tmp_path / "jobs.jsonl", rows), "--workflow", path, "--out", str(tmp_path / "o"), *at]
    code, out, err = call("batch", *args, "--json")
    assert code == 0, err
    done = [json.loads(line)["job_id"] for line in out.splitlines() if '"finished"' in line]
    texts = [Client(server.url).job(job_id).outcome().texts["1"][0] for job_id in done]
    assert [text.split(":")[0] for text in texts] == ["anna", "bob?x"]
    names = [event["name"] for event in map(json.loads, out.splitlines()) if event["event"] == "row"]
    assert names == ["anna", "bob_x"]
    (tmp_path / "jobs.jsonl").write_text('{"name": "anna"}\n{"name": "carl"}\n')
    _, out, _ = call("batch", *args, "--json")
    assert out.count('"finished"') == 1, "another name is another run"


def test_paths_in_a_table_are_relative_to_the_current_folder_and_that_is_said(at, tmp_path):
    (tmp_path / "tables").mkdir()
    jobs = table(tmp_path / "tables" / "jobs.jsonl", [{"workflow": "w.json", "1.width": 64}])
    code, _, err = call("batch", jobs, *at, cwd=tmp_path)
    assert code == 3
    assert f"no such file in {tmp_path}" in err
    assert "relative to the folder that the command is run in" in err
    write(tmp_path / "w.json", image())
    code, _, err = call("batch", jobs, "--out", "o", *at, cwd=tmp_path)
    assert code == 0, err
    work = {"1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}},
            "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}  # fmt: skip
    write(tmp_path / "w.json", work)
    jobs = table(tmp_path / "tables" / "b.jsonl", [{"workflow": "w.json", "1.image": "me.png"}])
    code, _, err = call("batch", jobs, "--out", "o", *at, cwd=tmp_path)
    assert code == 4
    assert f"no file me.png here (in {tmp_path})" in err


def test_failing_row_stops_the_batch_or_not(at, tmp_path):
    rows = [{"1.width": 64}, {"1.width": 10**9}, {"1.width": 72}]
    args = [table(tmp_path / "jobs.jsonl", rows), "--workflow", write(tmp_path / "w.json", image()),
            "--out", str(tmp_path / "o"), *at]  # fmt: skip
    code, _, err = call("batch", *args)
    assert code == 4
    assert "1 done, 1 failed, 1 waiting." in err
    assert "at most 16384" in err
    code, _, err = call("batch", *args, "--keep-going")
    assert code == 4
    assert "2 done, 1 failed." in err


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX only")
def test_killed_batch_goes_on_and_runs_nothing_twice(at, server, tmp_path):
    work = steps(30)
    tags = [work["1"]["inputs"]["tag"] + str(n) for n in range(3)]
    rows = [{"1.tag": tag} for tag in tags]
    args = ["batch", table(tmp_path / "jobs.jsonl", rows), "--workflow", write(tmp_path / "w.json", work),
            "--out", str(tmp_path / "o"), *at]  # fmt: skip

    def count(tag):
        return runs(server, {"1": {"inputs": {"tag": tag}}})

    first = command(*args)
    assert until(lambda: count(tags[1]))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    code, _, err = call(*args)
    assert code == 0, err
    assert "3 done." in err
    assert [count(tag) for tag in tags] == [1, 1, 1]
    assert not Client(server.url).api.waiting()
