"""Dask distributed as the engine: a scheduler and workers that run already, on this machine or on many."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

import regrad

Answer = TypeVar("Answer")


TRIES = 3
"""How often a task may lose its worker before it is taken for the cause."""
PATIENCE = 30.0
"""Seconds to wait for a scheduler and its first worker."""


class NoCluster(Exception):
    """The scheduler cannot be used; the message is a sentence."""


class Cluster:
    """The workers of a Dask scheduler. They need regrad in the same version, and to see the scratch folder."""

    def __init__(self, address: str, timeout: float | None = None) -> None:
        timeout = PATIENCE if timeout is None else timeout
        try:
            import distributed
        except ImportError:
            raise NoCluster("Dask distributed is not installed. Install it with: pip install 'regrad[dask]'") from None
        try:
            client: Any = distributed.Client
            self._client = client(address, timeout=timeout, set_as_default=False)
        except (OSError, ValueError) as problem:
            raise NoCluster(f"The scheduler {address} cannot be reached: {problem}") from None
        self._require_workers(address, timeout)
        self.width = sum(int(threads) for threads in self._client.nthreads().values())
        self._executor = self._client.get_executor(pure=False)
        self._alone = threading.Lock()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=kind is None)
        self._client.close()

    def submit(self, task: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        future: Future[Answer] = self._executor.submit(task, *arguments)
        return future

    def alone(self, task: Callable[..., Answer], *arguments: Any) -> Answer:
        # A worker has other tasks beside this one. Those that were lost already wait here for their turn, so that only
        # the first try of another deadly task can still hit it: what is lost again and again is lost by itself.
        with self._alone:
            for _ in range(TRIES - 1):
                try:
                    return self.submit(task, *arguments).result()
                except Exception as problem:
                    if not self.is_loss(problem):
                        raise
            return self.submit(task, *arguments).result()

    def is_loss(self, problem: BaseException) -> bool:
        from distributed import KilledWorker

        return isinstance(problem, KilledWorker)

    def abandon(self) -> None:
        self._executor.shutdown(wait=False)

    def _require_workers(self, address: str, timeout: float) -> None:
        try:
            self._client.wait_for_workers(1, timeout=timeout)
            versions = self._client.run(_version)
        except Exception as problem:
            self._client.close()
            raise NoCluster(f"The scheduler {address} has no worker that answers: {problem}") from None
        wrong = sorted({version for version in versions.values() if version != regrad.__version__})
        if wrong:
            self._client.close()
            raise NoCluster(f"Workers of {address} have regrad {', '.join(wrong)}; {regrad.__version__} is needed.")


def _version() -> str:
    return str(regrad.__version__)
