"""One migration: every repository looked through, mended and proved, several at once, on any executor."""

from __future__ import annotations

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

import regrad
from regrad.migrate import checkout
from regrad.migrate.engine import Engine, Given, Processes
from regrad.migrate.events import Listener, silent
from regrad.migrate.plan import PlannedRepository
from regrad.migrate.repository import Job, Stopped
from regrad.migrate.request import Request
from regrad.migrate.results import RepositoryResult, RunInfo, State
from regrad.migrate.store import Store, Stored
from regrad.migrate.targets import Source


def migrate(
    request: Request,
    *,
    executor: Executor | Engine | None = None,
    listen: Listener = silent,
) -> Iterator[RepositoryResult]:
    """Carries the request out; yields each repository as it is done. The results are in `request.output` as they come.

    `executor` is any `concurrent.futures.Executor`: the caller's own, which stays open. Without one, processes on this
    machine do the work. An interrupted run goes on where it was when the same is asked for again.
    """
    for result, _ in carried_out(request, executor=executor, listen=listen):
        yield result


def carried_out(
    request: Request, *, executor: Executor | Engine | None = None, listen: Listener = silent
) -> Iterator[tuple[RepositoryResult, PlannedRepository | None]]:
    """The same, with what would be done in each repository where a plan is asked for."""
    with ExitStack() as stack:
        store = stack.enter_context(Store(request.output))
        info = RunInfo(time.time(), regrad.__version__, dict(request.words))
        info = store.begin(info, request.fingerprint)
        scratch = _scratch(store, request.scratch)
        stack.callback(_leave, scratch)
        engine = _engine(executor, stack)
        store.forget_all_but(_place(source) for source in request.sources)
        known = [(source, _stored(store, source)) for source in request.sources]
        stop = threading.Event()
        threads = stack.enter_context(
            ThreadPoolExecutor(max(1, min(len(known), engine.width + 1)), thread_name_prefix="repository")
        )
        jobs = (
            Job(request, source, store, stored, engine, scratch, int(info.started), listen, stop)
            for source, stored in known
        )
        futures: list[Future[tuple[RepositoryResult, PlannedRepository | None]]] = [
            threads.submit(job.run) for job in jobs
        ]
        try:
            for future in as_completed(futures):
                try:
                    result, planned = future.result()
                except Stopped:
                    continue
                yield result, planned
        except BaseException:
            # An interruption, or nobody who takes the rest: what is done is kept, what is under way is not waited for.
            stop.set()
            for future in futures:
                future.cancel()
            engine.abandon()
            raise


def _engine(executor: Executor | Engine | None, stack: ExitStack) -> Engine:
    if executor is None:
        return stack.enter_context(Processes())
    return Given(executor) if isinstance(executor, Executor) else executor


def _place(source: Source) -> str:
    return f"{source.kind}\n{source.place}\n{source.within}"


def _stored(store: Store, source: Source) -> Stored:
    place = _place(source)
    known = store.repository(place)
    if known is not None:
        return known
    return store.add(place, RepositoryResult(source.name, source.given, State.WAITING))


def _scratch(store: Store, wanted: Path | None) -> Path:
    """The folder of this store's work trees. What a killed run left there is removed."""
    known = store.value("scratch")
    base = Path(os.path.realpath(wanted or tempfile.gettempdir()))
    if known is not None:
        checkout.remove(known)
    # A name that nobody can know beforehand: the folder may lie where everybody can write.
    scratch = base / f"regrad-migrate-{uuid.uuid4().hex}"
    store.put_value("scratch", str(scratch))
    base.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(mode=0o700)
    return scratch


def _leave(scratch: Path) -> None:
    checkout.remove(str(scratch))
