"""Fetches many models at once, and tells what happens."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from myspinbot_runner.errors import Cancelled, DownloadFailed, LicenceNotAccepted, RunnerError
from myspinbot_shared.disk import format_size
from myspinbot_shared.manifest import Model, Package

from ..disk import check_room
from .download import Download
from .packages import Packages
from .places import part_of
from .store import Status, Store

WORKERS = 3


@dataclass(frozen=True)
class Growing:
    """`done` of `total` bytes are here; `total` is None while nobody knows."""

    model: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Note:
    """Something worth telling about a model."""

    model: str
    text: str


@dataclass(frozen=True)
class Fetched:
    """A model is whole and in its place. `fetched` is False when it was there; `known` when its hash was known."""

    model: str
    path: str
    bytes: int
    sha256: str
    fetched: bool
    known: bool


@dataclass(frozen=True)
class Failed:
    """A model couldn't be fetched."""

    model: str
    kind: str
    message: str


Event = Growing | Note | Fetched | Failed


def as_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object with its kind under `event`."""
    return {"event": type(event).__name__.lower(), **asdict(event)}


@dataclass(frozen=True)
class Plan:
    """What is to be fetched: `bytes` are still to come, `unknown` counts the files of unknown size.

    `size` is that of all wanted files, with what is here of them; None when it isn't known.
    """

    have: tuple[Status, ...]
    wanted: tuple[Status, ...]
    by_hand: tuple[Model, ...]
    bytes: int
    unknown: int
    size: int | None

    @property
    def total(self) -> str:
        """The amount in words."""
        if self.unknown == 0:
            return format_size(self.bytes)
        files = f"{self.unknown} file{'s' if self.unknown > 1 else ''} of unknown size"
        return f"{format_size(self.bytes)} and {files}" if self.bytes else files


def plan(store: Store, models: Sequence[Model]) -> Plan:
    """Look at what is there already."""
    found = [store.status(model) for model in models]
    missing = [status for status in found if status.state != "have"]
    wanted = [status for status in missing if status.model.urls]
    known = [(store.expected(status.model)[1], _part_size(store, status.model)) for status in wanted]
    return Plan(
        have=tuple(status for status in found if status.state == "have"),
        wanted=tuple(wanted),
        by_hand=tuple(status.model for status in missing if not status.model.urls),
        bytes=sum(max(total - part, 0) for total, part in known if total is not None),
        unknown=sum(total is None for total, _ in known),
        size=None if any(total is None for total, _ in known) else sum(total or 0 for total, _ in known),
    )


def _part_size(store: Store, model: Model) -> int:
    part = part_of(store.places.target(model))
    return part.stat().st_size if part.is_file() else 0


def check_licences(models: Iterable[Model], accepted: Iterable[str]) -> None:
    """Raises LicenceNotAccepted when a licence isn't open and isn't among `accepted`."""
    names = {name.lower() for name in accepted}
    refused = [model for model in models if not model.open and model.licence.lower() not in names]
    if not refused:
        return
    lines = [f"  {model.id}: {model.licence}. {model.reason}" for model in refused]
    flags = " ".join(f"--accept-licence {name}" for name in dict.fromkeys(model.licence for model in refused))
    raise LicenceNotAccepted(
        "These weights are not under an open licence:\n" + "\n".join(lines) + f"\nIf you accept, add: {flags}"
    )


class Fetcher:
    """Fetches what a plan wants, several files at a time. `stop()` ends it at once; parts stay."""

    def __init__(
        self,
        store: Store,
        wanted: Iterable[Status],
        *,
        workers: int = WORKERS,
        replace: bool = False,
        packages: Mapping[str, Package] | None = None,
    ) -> None:
        self.store = store
        self.wanted = list(wanted)
        self.workers = workers
        self.replace = replace
        self.failures: list[RunnerError] = []
        self._stop = threading.Event()
        self._packages = Packages(packages or {}, self._stop)
        self._silent: set[tuple[str, str]] = set()
        self._events: queue.Queue[Event | None] = queue.Queue()

    def stop(self) -> None:
        """End all downloads."""
        self._stop.set()

    def events(self) -> Iterator[Event]:
        """Fetch, and yield what happens. Raises DiskFull before anything is fetched; see `raise_failures`."""
        sizes = [(self.store.places.target(s.model), self.store.expected(s.model)[1]) for s in self.wanted]
        parts = [_part_size(self.store, status.model) for status in self.wanted]
        check_room((path, max(total - part, 0)) for (path, total), part in zip(sizes, parts, strict=True) if total)
        todo: queue.Queue[Status] = queue.Queue()
        for status in self.wanted:
            todo.put(status)
        count = min(self.workers, len(self.wanted))
        for _ in range(count):
            # Daemons: one that waits for a silent server must not keep the program from ending.
            threading.Thread(target=self._work, args=(todo,), daemon=True).start()
        try:
            while count:
                # With a limit, because on Windows a wait without one can't be interrupted.
                try:
                    event = self._events.get(timeout=1.0)
                except queue.Empty:
                    continue
                if event is None:
                    count -= 1
                else:
                    yield event
        finally:
            self._stop.set()
            self._packages.close()

    def raise_failures(self) -> None:
        """Raise what went wrong: the error itself when it is one, else DownloadFailed with all of them."""
        found = [error for error in self.failures if not isinstance(error, Cancelled)] or self.failures
        if len(found) == 1:
            raise found[0]
        if found:
            same = type(found[0]) if len({type(error) for error in found}) == 1 else DownloadFailed
            raise same("\n".join(error.message for error in found))

    def _work(self, todo: queue.Queue[Status]) -> None:
        while not self._stop.is_set():
            try:
                status = todo.get_nowait()
            except queue.Empty:
                break
            try:
                self._events.put(self._fetch(status))
            except RunnerError as error:
                self._fail(status.model, error)
            except Exception as error:
                self._fail(status.model, DownloadFailed(f"{status.model.name}: {type(error).__name__}: {error}"))
        self._events.put(None)

    def _fail(self, model: Model, error: RunnerError) -> None:
        self.failures.append(error)
        self._events.put(Failed(model.id, error.kind, error.message))

    def _fetch(self, status: Status) -> Fetched:
        model = status.model
        sha256, total = self.store.expected(model)
        # A broken file is replaced where it is, which may be another of the kind's folders.
        target = status.path or self.store.places.target(model)
        got = Download(
            model,
            target,
            sha256=sha256,
            bytes=total,
            replace=self.replace,
            on_bytes=lambda done, total: self._events.put(Growing(model.id, done, total)),
            on_note=lambda text: self._events.put(Note(model.id, text)),
            stop=self._stop,
            packages=self._packages,
            silent=self._silent,
        ).fetch()
        if got.url:
            self.store.lock.put(model.id, sha256=got.sha256, size=got.bytes, url=got.url, path=got.path)
        return Fetched(model.id, str(got.path), got.bytes, got.sha256, bool(got.url), bool(model.sha256))
