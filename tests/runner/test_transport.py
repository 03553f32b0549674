"""Connections that drop, freeze or lose answers, and servers that die or stall: the job is not lost."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

import pytest

from myspinbot_runner.client import Client
from myspinbot_runner.errors import JobLost, ServerStalled, ServerUnreachable
from myspinbot_runner.events import Finished, Progress, Resubmitted, Trouble
from myspinbot_runner.follow import Patience
from myspinbot_runner.http import Http
from myspinbot_runner.stream import Stream
from tests.runner.helpers import follow, free_port, held, image, in_background, nobody, runs, steps, submit, until
from tests.runner.proxy import Proxy


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.url)
    yield proxy
    proxy.close()


def at_first_progress(act):
    """Calls `act` once, at the first sign that the node works."""
    done = []

    def on_event(event):
        if isinstance(event, Progress) and not done:
            done.append(1)
            act()

    return on_event


def test_dropped_socket_is_replaced_and_events_go_on(server, proxy):
    work = steps(60)
    cut = at_first_progress(proxy.cut)
    with held(server, work) as release:
        job = submit(proxy.url, work)

        def on_event(event):
            cut(event)
            if isinstance(event, Progress) and job._stream.drops:
                release()  # events come again

        seen = follow(job, on_event)
    assert max(event.value for event in seen if isinstance(event, Progress)) > 40
    assert job.outcome().texts["1"][0].endswith("60 steps")
    assert runs(server, work) == 1
    assert not any(isinstance(event, Resubmitted) for event in seen)


def test_half_open_connection_ends_with_the_truth(server, proxy):
    """For a while nothing comes and nothing is closed; then the network is back."""
    work = steps(40)
    job = submit(proxy.url, work)

    def freeze():
        proxy.frozen = True
        in_background(lambda: (time.sleep(4), setattr(proxy, "frozen", False)))

    seen = follow(job, at_first_progress(freeze))
    assert isinstance(seen[-1], Finished)
    assert runs(server, work) == 1


def test_silent_websocket_alone_is_enough_to_finish(server, monkeypatch):
    """Not one event arrives, as behind a stalled reader: the record tells the end."""
    monkeypatch.setattr(Stream, "_read", lambda self, seconds: time.sleep(seconds))
    job = submit(server.url, steps(5))
    assert isinstance(follow(job)[-1], Finished)


def test_websocket_that_never_opens(server, monkeypatch):
    monkeypatch.setattr(Stream, "connect", lambda self: False)
    job = submit(server.url, image())
    assert isinstance(follow(job)[-1], Finished)


def test_somebody_elses_stalled_reader_delays_nobodys_result(server):
    """A client that doesn't read its socket blocks the server's events to all others."""
    Client(server.url)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as bad:
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        bad.sendall(
            f"GET /ws?clientId=bad HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        # A prompt of the bad reader's own fills its buffers.
        Http(server.url).ask("POST", "/prompt", {"prompt": steps(20_000, 0), "client_id": "bad"})
        job = submit(server.url, steps(5))
        assert isinstance(follow(job)[-1], Finished)


def test_lost_answer_to_the_submission_runs_the_job_once(server, proxy):
    work = steps(5)
    proxy.lose_answers_to = b"POST /prompt"
    job = submit(proxy.url, work)
    assert proxy.lost == 1
    follow(job)
    assert runs(server, work) == 1


def test_lost_submission_is_sent_again(server, proxy, monkeypatch):
    """The request itself never arrives: asking for the id shows that, and it is sent once more."""
    monkeypatch.setattr("myspinbot_runner.submit.SETTLE_SECONDS", 1.0)
    work = steps(5)
    sent = []
    post = type(Client(proxy.url).api).post

    def fail_once(self, *args):
        sent.append(1)
        if len(sent) == 1:
            with socket.create_connection((self.http.host, self.http.port)), nobody() as port:
                return Http(f"http://127.0.0.1:{port}").ask("GET", "/")
        return post(self, *args)

    monkeypatch.setattr("myspinbot_runner.api.Api.post", fail_once)
    follow(submit(proxy.url, work))
    assert len(sent) == 2
    assert runs(server, work) == 1


@pytest.mark.slow
def test_nobody_at_the_address():
    with nobody() as port, pytest.raises(ServerUnreachable, match=r"No server answers at http://127\.0\.0\.1"):
        submit(f"http://127.0.0.1:{port}", image())


def test_address_of_something_else():
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_nonsense():
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.sendall(b"220 mail.example ready\r\n")
        connection.close()

    in_background(serve_nonsense)
    with pytest.raises(ServerUnreachable, match="hung up"):
        Http(f"http://127.0.0.1:{listener.getsockname()[1]}").ask("GET", "/queue")
    listener.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is POSIX only")
def test_stalled_server_is_waited_for_and_then_given_up(private_server, monkeypatch):
    server = private_server()
    monkeypatch.setattr("myspinbot_runner.api.Api.job", _impatient(Client(server.url)))
    work = steps(60)
    job = submit(server.url, work)

    stall = at_first_progress(lambda: os.kill(server.pid, signal.SIGSTOP))

    def until_it_is_noticed(event):
        stall(event)
        if isinstance(event, Trouble):
            os.kill(server.pid, signal.SIGCONT)

    seen = follow(job, until_it_is_noticed)
    assert [event for event in seen if isinstance(event, Trouble)]
    assert isinstance(seen[-1], Finished)
    assert runs(server, work) == 1

    job = submit(server.url, steps(600))
    job.patience = Patience(hung=3)
    with pytest.raises(ServerStalled, match="hasn't answered for 3 s"):
        follow(job, at_first_progress(lambda: os.kill(server.pid, signal.SIGSTOP)))
    os.kill(server.pid, signal.SIGCONT)


def _impatient(client):
    """The same request with a limit of a second, so that the test needn't wait for the usual ten."""
    real = type(client.api).job
    return lambda self, job_id, **_: real(self, job_id, timeout=1)


@pytest.mark.slow
def test_server_killed_in_the_middle(private_server):
    """Killed and started again: the job is sent once more, and only once. Without leave to do so, it is lost."""
    server = private_server(port=free_port())
    work = steps(60)
    job = submit(server.url, work)

    def kill_and_restart():
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        in_background(server.start)

    first = job.id
    seen = follow(job, at_first_progress(kill_and_restart))
    again = [event for event in seen if isinstance(event, Resubmitted)]
    assert [event.job_id for event in again] == [job.id]
    assert job.id != first
    assert isinstance(seen[-1], Finished)
    assert runs(server, work) == 2
    assert job.outcome().texts["1"]

    job = submit(server.url, steps(600))
    job.resubmit = False
    with pytest.raises(JobLost, match="restarted"):
        follow(job, at_first_progress(kill_and_restart))
    assert until(lambda: not Client(server.url).api.waiting())

    job = submit(server.url, steps(600))
    job.patience = Patience(connection_lost=2)
    with pytest.raises(ServerUnreachable, match="gone for 2 s"):
        follow(job, at_first_progress(lambda: os.kill(server.pid, signal.SIGKILL)))
