"""What goes wrong on the server reaches the user as the right error, in words."""

import pytest

from myspinbot_runner.client import Client
from myspinbot_runner.errors import (
    BadInput,
    BadWorkflow,
    Cancelled,
    DiskFull,
    MissingModel,
    MissingNode,
    NodeFailed,
    OutOfMemory,
    ServerStalled,
    Unfinished,
)
from myspinbot_runner.events import Notice, Progress, Queued
from myspinbot_runner.follow import Patience
from tests.runner.helpers import follow, graph, held, image, in_background, runs, steps, submit, until


def test_node_that_raises_is_named_with_the_reason(server):
    with pytest.raises(NodeFailed, match=r"The node \(node 1\) failed: the value .* can't be used") as caught:
        follow(submit(server.url, graph("TestRaise")))
    assert "Traceback" in caught.value.detail or "faults.py" in caught.value.detail
    assert caught.value.exit_code == 7


def test_out_of_memory_says_what_to_lower(server):
    with pytest.raises(OutOfMemory, match="Lower the width, height, length or batch size"):
        follow(submit(server.url, graph("TestOutOfMemory")))


def test_full_disk_of_the_server(server):
    with pytest.raises(DiskFull, match="the server's disk full"):
        follow(submit(server.url, graph("TestServerDiskFull")))


def test_unknown_node_type(server):
    with pytest.raises(MissingNode, match="no node type 'Sausage'"):
        submit(server.url, {"1": {"class_type": "Sausage", "inputs": {}}})


def test_workflow_without_outputs(server):
    with pytest.raises(BadWorkflow, match="no node that gives a result"):
        submit(server.url, {"1": image()["1"]})


def test_wrong_values_are_told_apart(server):
    work = image()
    work["1"]["inputs"]["width"] = 10**9
    with pytest.raises(BadInput, match=r"EmptyImage \(node 1\): 'width' is 1000000000, and must be at most 16384"):
        submit(server.url, work)
    work["1"]["inputs"]["width"] = "broad"
    with pytest.raises(BadInput, match="'width' can't be 'broad'; it is of the wrong type"):
        submit(server.url, work)
    del work["1"]["inputs"]["width"]
    with pytest.raises(BadWorkflow, match="the input 'width' is needed"):
        submit(server.url, work)


def test_missing_model_and_missing_file(server):
    loader = {"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "big.safetensors"}}}
    loader["2"] = {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}
    with pytest.raises(MissingModel, match=r"needs the model file 'big\.safetensors'.*models get"):
        submit(server.url, loader)
    picture = {"1": {"class_type": "LoadImage", "inputs": {"image": "nobody.png"}}}
    picture["2"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    with pytest.raises(BadInput, match=r"nobody\.png"):
        submit(server.url, picture)


def test_workflow_with_one_bad_output_runs_nothing(server):
    """The server itself would run the good output and leave the other out without a word."""
    good = steps(5)
    work = {**good, "2": {"class_type": "SaveImage", "inputs": {"images": ["9", 0], "filename_prefix": "x"}}}
    work["9"] = {"class_type": "EmptyImage", "inputs": {"width": -5, "height": 64, "batch_size": 1, "color": 0}}
    with pytest.raises(BadInput, match="must be at least"):
        submit(server.url, work)
    assert until(lambda: not Client(server.url).api.waiting())
    assert runs(server, good) <= 1  # it may have begun before it was cancelled, and no file is saved


def test_ui_form_is_refused_by_the_server_but_converted_by_us(server):
    ui = {"nodes": [], "links": []}
    with pytest.raises(BadWorkflow, match="no nodes that could run"):
        Client(server.url).submit(ui)


def test_notices_are_told_once_with_the_title(server):
    job = submit(server.url, graph("TestNotice"))
    told = [event for event in follow(job) if isinstance(event, Notice)]
    assert [(n.level, n.title) for n in told] == [("info", "The node"), ("warning", "The node")]
    assert list(job.outcome().notices) == told
    again = Client(server.url).job(job.id).outcome()
    assert list(again.notices) == told


def test_flood_of_progress_is_survived(server):
    job = submit(server.url, steps(50_000, 0))
    counts = [event.value for event in follow(job) if isinstance(event, Progress)]
    assert counts == sorted(counts)
    assert job.outcome().texts["1"][0].endswith("50000 steps")


def test_running_job_cancelled_by_another_client(server):
    job = submit(server.url, steps(4000))
    other = Client(server.url)

    def cancel_once(event):
        if isinstance(event, Progress):
            other.api.cancel(job.id)

    with pytest.raises(Cancelled):
        follow(job, cancel_once)


def test_pending_job_cancelled_by_another_client(server):
    """The server says nothing at all about this one: no event, no history, not even an error."""
    work = steps(5)
    assert until(lambda: not Client(server.url).api.waiting())

    def cancel_once(event):
        if isinstance(event, Queued):
            assert event.ahead == 1
            Client(server.url).api.cancel(second.id)

    with held(server, work):
        first, second = submit(server.url, work), submit(server.url, steps(5))
        with pytest.raises(Cancelled, match="Somebody else"):
            follow(second, cancel_once)
    follow(first)


def test_results_of_a_job_that_runs_are_not_there_yet(server):
    job = submit(server.url, steps(2000))
    other = Client(server.url).job(job.id)
    with pytest.raises(Unfinished, match=f"myspinbot attach {job.id}") as caught:
        other.outcome()
    assert caught.value.exit_code == 18
    other.cancel()


def test_stubborn_node_ends_as_it_really_ended(server):
    """Cancelling says yes, the node goes on to the end, and the job is done: that is the truth."""
    work = steps(20, stubborn=True)
    job = submit(server.url, work)
    job.stop = lambda: runs(server, work) > 0
    try:
        follow(job)
    except Cancelled:
        assert job.record.status == "cancelled"
    else:
        assert job.record.status == "completed"


def test_two_runners_at_once_keep_their_jobs_apart(server):
    jobs = [submit(server.url, steps(15)) for _ in range(2)]
    results = {}
    threads = [in_background(lambda job=job: results.update({job.id: follow(job)})) for job in jobs]
    for thread in threads:
        thread.join(240)
    for job in jobs:
        nodes = [event.value for event in results[job.id] if isinstance(event, Progress)]
        assert len(nodes) <= 15
        assert job.outcome().job_id == job.id


@pytest.mark.slow
def test_server_whose_worker_has_ended_is_found_out(private_server):
    """Such a server answers everything, takes jobs, and runs none: its worker thread is dead."""
    zombie = private_server()
    with pytest.raises(ServerStalled, match="worker has ended"):
        job = submit(zombie.url, graph("TestCrash"))
        job.patience = Patience(idle=2)
        follow(job)
    with pytest.raises(ServerStalled, match="worker has ended"):
        job = submit(zombie.url, image())
        job.patience = Patience(idle=2)
        follow(job)
