"""Where work is done: any `concurrent.futures.Executor`, and what a lost worker costs: a retry, never its neighbours.

A task that was in a worker when it died is tried again alone. If it then ends its worker a second time, it is its own
doing: the caller hears of it and goes on.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from regrad.repair.workers import available

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Lost(Generic[Item]):
    """An item that ended its worker twice."""

    def __init__(self, item: Item, reason: str) -> None:
        self.item = item
        self.reason = reason


class Engine(Protocol):
    """An executor that can be mended, and the number of tasks that it can do at once."""

    width: int

    def submit(self, task: Callable[..., Answer], *arguments: Any) -> Future[Answer]: ...

    def alone(self, task: Callable[..., Answer], *arguments: Any) -> Answer:
        """Done where a crash hits no other task; raises what the executor raises for a lost worker."""
        ...

    def is_loss(self, problem: BaseException) -> bool:
        """Whether a task failed because its worker was lost, and not by its own exception."""
        ...

    def abandon(self) -> None:
        """Ends what is under way, as far as that can be done, and takes nothing more."""
        ...


class Processes:
    """Processes on this machine. Each ends with its parent, however that ends."""

    def __init__(self, jobs: int | None = None) -> None:
        self.width = jobs or available()
        self._lock = threading.Lock()
        self._alone = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._own: ProcessPoolExecutor | None = None
        """The one of a task that is done alone."""
        self._closed = False

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # After an interruption nobody waits for what is under way.
            self.abandon()
            return
        with self._lock:
            self._closed = True
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def abandon(self) -> None:
        with self._lock:
            self._closed = True
            for pool in filter(None, (self._pool, self._own)):
                workers = list(getattr(pool, "_processes", None) or {})
                pool.shutdown(wait=False, cancel_futures=True)
                _kill(workers)

    def submit(self, task: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        with self._lock:
            for _ in range(3):
                self._require_open()
                if self._pool is None:
                    self._pool = _pool(self.width)
                try:
                    return self._pool.submit(task, *arguments)
                except BrokenExecutor:
                    self._pool.shutdown(wait=False)
                    self._pool = None
        raise BrokenExecutor("processes cannot be started on this machine")

    def alone(self, task: Callable[..., Answer], *arguments: Any) -> Answer:
        with self._alone, _pool(1) as pool:
            with self._lock:
                self._require_open()
                self._own = pool
            try:
                return pool.submit(task, *arguments).result()
            finally:
                self._own = None

    def is_loss(self, problem: BaseException) -> bool:
        # What we ended ourselves is not the task's doing.
        return isinstance(problem, BrokenExecutor) and not self._closed

    def _require_open(self) -> None:
        if self._closed:
            raise RuntimeError("the processes were ended")


class Given:
    """An executor that somebody else made and will close: threads, Ray, MPI, a cluster."""

    def __init__(self, executor: Executor, width: int | None = None) -> None:
        self._executor = executor
        self.width = width or int(getattr(executor, "_max_workers", 0)) or available()

    def submit(self, task: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        return self._executor.submit(task, *arguments)

    def alone(self, task: Callable[..., Answer], *arguments: Any) -> Answer:
        return self._executor.submit(task, *arguments).result()

    def is_loss(self, problem: BaseException) -> bool:
        return isinstance(problem, BrokenExecutor)

    def abandon(self) -> None:
        # It is its owner's to end.
        return


def answers(
    engine: Engine,
    task: Callable[..., list[Answer]],
    batches: Iterable[Sequence[Item]],
    *rest: Any,
    first: tuple[Any, ...],
) -> Iterator[list[Answer] | Lost[Item]]:
    """What `task(*first, batch, *rest)` gives for each batch, in any order, with no more under way than is of use.

    A batch whose worker is lost is done again item by item, each alone.
    """
    waiting = iter(batches)
    running: deque[tuple[Sequence[Item], Future[list[Answer]]]] = deque()
    more = True
    while more or running:
        while more and len(running) < 2 * engine.width:
            batch = next(waiting, None)
            if batch is None:
                more = False
                break
            running.append((batch, engine.submit(task, *first, batch, *rest)))
        if not running:
            return
        batch, future = running.popleft()
        try:
            yield future.result()
            continue
        except Exception as problem:
            if not engine.is_loss(problem):
                raise
        for item in batch:
            try:
                yield engine.alone(task, *first, [item], *rest)
            except Exception as problem:
                if not engine.is_loss(problem):
                    raise
                yield Lost(item, "it ended the process that worked on it, twice")


def _pool(workers: int) -> ProcessPoolExecutor:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # The main process has threads, so it must not be forked; a fork server was started when there were none.
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["regrad.migrate.tasks", "regrad.repair.session"])
        return ProcessPoolExecutor(workers, mp_context=context, initializer=_start)
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start)


def _start() -> None:
    """In a new worker: it must not outlive the run, and it leaves interruptions to its parent."""
    import multiprocessing
    import signal
    from multiprocessing.util import Finalize

    from regrad.migrate.tasks import close_verifiers

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Finalize(None, close_verifiers, exitpriority=10)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    from multiprocessing.connection import wait

    wait([sentinel])
    os._exit(1)


def _kill(processes: Iterable[int]) -> None:
    import contextlib
    import signal

    for process in processes:
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
