"""Servers behind a gateway, servers that are too old, and addresses that aren't any."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from myspinbot_manage.cli import call
from myspinbot_runner import Client, hooks
from myspinbot_runner.errors import BadInput, MissingModel, ServerUnreachable, UnusableServer
from myspinbot_runner.events import Finished, Trouble
from myspinbot_runner.follow import Patience
from myspinbot_runner.http import Http
from tests.runner.fake_server import FakeServer
from tests.runner.helpers import follow

WORK = {"1": {"class_type": "Any", "inputs": {}}}
NOT_FOUND = (404, {"error": "Job not found"})


class Behind:
    """A server that has one job, behind a gateway that may fail for a while."""

    def __init__(self, *failures: int) -> None:
        self.failures = list(failures)
        self.posts = 0

    def __call__(self, method: str, path: str) -> tuple[int, Any]:
        if path == "/prompt":
            self.posts += 1
        if self.posts and self.failures:
            return self.failures.pop(0), "<html>the gateway's page</html>"
        if path == "/prompt":
            return 200, {}
        if path.startswith("/api/jobs/"):
            return (200, {"status": "completed", "outputs": {}}) if self.posts else NOT_FOUND
        return 404, "404: Not Found"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_gateway_that_fails_for_a_while_is_waited_for(status):
    server = Behind()
    with FakeServer(server) as fake:
        job = Client(fake.url).submit(WORK)
        server.failures = [status] * 2  # of the websocket and of the looks at the job
        seen = follow(job)
    assert [event for event in seen if isinstance(event, Trouble)]
    assert isinstance(seen[-1], Finished)


def test_a_gateway_that_fails_for_good_is_given_up_with_the_way_to_go_on():
    server = Behind()
    with FakeServer(server) as fake:
        job = Client(fake.url).submit(WORK)
        server.failures = [502] * 1000
        job.patience = Patience(connection_lost=1)
        with pytest.raises(ServerUnreachable, match=f"gone for 1 s.*myspinbot attach {job.id}"):
            follow(job)


@pytest.mark.parametrize("status", [502, 504])
def test_a_submission_whose_answer_the_gateway_lost_is_not_sent_twice(status):
    server = Behind(status)
    with FakeServer(server) as fake:
        follow(Client(fake.url).submit(WORK))
    assert server.posts == 1


def test_a_server_too_old_to_tell_about_jobs_gets_none():
    stats = {"system": {"comfyui_version": "0.3.40"}}
    with FakeServer(lambda method, path: (200, stats) if path == "/system_stats" else (404, "404: Not Found")) as fake:
        with pytest.raises(UnusableServer, match=r"needs ComfyUI 0\.30 or later, and this is 0\.3\.40") as caught:
            Client(fake.url).submit(WORK)
        assert ("POST", "/prompt") not in fake.asked
    assert caught.value.exit_code == 11


@pytest.mark.parametrize(
    "address",
    ["http://a..b:8188", "http://" + "a" * 300, "http://exa mple:8188", "ftp://x", "http://:80", "http://x:port", ""],
)
def test_what_is_no_address_is_named(address, capsys, monkeypatch):
    with pytest.raises(BadInput, match="is not a server address"):
        Http(address)
    assert call(["status", "--server", address]) == 4
    assert "Traceback" not in capsys.readouterr().err


def test_a_path_in_the_address_may_hold_any_letter():
    with FakeServer(lambda method, path: (200, {"jobs": []})) as fake:
        assert Client(f"{fake.url}/büro/a b").jobs() == []
    assert fake.asked == [("GET", "/b%C3%BCro/a%20b/api/jobs?limit=20")]


def test_a_password_in_the_address_is_sent_and_never_shown():
    with FakeServer(Behind()) as fake:
        client = Client(f"http://bob:se%20cret@{fake.address}")
        events = follow(client.submit(WORK))
    assert {headers.get("Authorization") for headers in fake.headers} == {
        "Basic " + base64.b64encode(b"bob:se cret").decode()
    }
    assert "cret" not in str(events)
    assert client.url == fake.url
    with pytest.raises(BadInput) as caught:
        Http("http://bob:secret@a..b")
    assert "secret" not in caught.value.message


def test_plain_http_named_as_https_starts_no_server_of_our_own(capsys):
    with FakeServer(Behind()) as fake:
        assert call(["inputs", str(__file__), "--server", f"https://{fake.address}"]) in (3, 11)
        with pytest.raises(UnusableServer, match="SSL_CERT_FILE"):
            Client(f"https://{fake.address}").check_reachable()


def test_a_model_that_only_a_hook_knows_is_explained(monkeypatch):
    monkeypatch.setattr(hooks, "explain_missing_file", [lambda file: f"Fetch {file} yourself."])
    error = {"type": "value_not_in_list", "extra_info": {"received_value": "a.safetensors", "input_name": "model"}}
    refusal = {"error": {}, "node_errors": {"1": {"errors": [error]}}}
    answers = {"/prompt": (400, refusal)}
    with (
        FakeServer(lambda method, path: answers.get(path, NOT_FOUND)) as fake,
        pytest.raises(MissingModel, match=r"Fetch a\.safetensors yourself"),
    ):
        Client(fake.url).submit(WORK)
