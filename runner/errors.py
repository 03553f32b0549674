# ruff: noqa: N818  (they are named after what happened)
"""Every way a run can fail, one class and one exit code each.

All errors that the runner raises on purpose are subclasses of `RunnerError`. The message is one or two
sentences for the person at the keyboard. docs/runner.md lists the exit codes.
"""

from __future__ import annotations

from typing import ClassVar


class RunnerError(Exception):
    """Base class, never raised itself; `exit_code` is the exit status of the `myspinbot` command.

    Args:
        message: One or two sentences for the user: what is wrong, where, and what to do.
        detail: What only `--verbose` shows, such as the server's traceback.
    """

    exit_code: ClassVar[int]
    kind: ClassVar[str]

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class BadWorkflow(RunnerError):
    """The file isn't a workflow, or a node in it can't be converted or is refused by the server."""

    exit_code = 3
    kind = "bad_workflow"


class BadInput(RunnerError):
    """A value given by the user is of the wrong type, out of range, not a choice, or a missing file."""

    exit_code = 4
    kind = "bad_input"


class MissingNode(BadWorkflow):
    """The workflow uses a node type that the server doesn't have."""

    exit_code = 5
    kind = "missing_node"


class MissingModel(RunnerError):
    """The workflow names a model file that the server doesn't have."""

    exit_code = 6
    kind = "missing_model"


class NodeFailed(RunnerError):
    """A node raised an error while the workflow ran."""

    exit_code = 7
    kind = "node_failed"


class OutOfMemory(NodeFailed):
    """A node needed more memory than the GPU or the machine has."""

    exit_code = 8
    kind = "out_of_memory"


class JobLost(RunnerError):
    """The server no longer knows the job: it was restarted, or its history was cleared."""

    exit_code = 9
    kind = "lost"


class Cancelled(RunnerError):
    """The job was cancelled, by us or by somebody else."""

    exit_code = 10
    kind = "cancelled"


class ServerUnreachable(RunnerError):
    """No server answers at the address, or our own server didn't start."""

    exit_code = 11
    kind = "server_unreachable"


class UnusableServer(ServerUnreachable):
    """Something answers at the address, but it's not a ComfyUI that the runner can work with."""

    kind = "unusable_server"


class ServerStalled(RunnerError):
    """The server answers but doesn't execute, or is alive but no longer answers."""

    exit_code = 12
    kind = "server_stalled"


class DiskFull(RunnerError):
    """There is no room left on the disk that the results go to, here or on the server."""

    exit_code = 13
    kind = "disk_full"


class CannotSave(RunnerError):
    """A result couldn't be downloaded or written, for a reason other than a full disk."""

    exit_code = 14
    kind = "cannot_save"


class Unfinished(RunnerError):
    """The job's results were asked for before it was done."""

    exit_code = 18
    kind = "unfinished"


class LeftRunning(RunnerError):
    """The user left at once; the job goes on at the server."""

    exit_code = 130
    kind = "left_running"


class DownloadFailed(RunnerError):
    """A model couldn't be fetched whole from any of its addresses."""

    exit_code = 15
    kind = "download_failed"


class LicenceNotAccepted(RunnerError):
    """A model's licence isn't open, and the user didn't say that they accept it."""

    exit_code = 16
    kind = "licence_not_accepted"


class BrokenModel(RunnerError):
    """A model file isn't what it should be."""

    exit_code = 17
    kind = "broken_model"
