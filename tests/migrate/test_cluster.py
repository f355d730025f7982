"""Dask distributed: a real scheduler, real workers in processes of their own, and one that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from regrad.migrate.cluster import Cluster, NoCluster
from regrad.migrate.engine import Lost, answers
from regrad.migrate.results import State

from .repositories import BROKEN, LATE, git, repository, request, run

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import dask

    # Dask itself tries a task of a lost worker again three times, which here would be as many starts of workers.
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": False}
    folder = tmp_path_factory.mktemp("dask")
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(folder)
        ) as cluster,
    ):
        yield cluster.scheduler_address


def deadly(folder: str, names: list[str]) -> list[str]:
    for name in names:
        mark = Path(folder) / name
        if name == "always" or (name == "once" and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return names


def test_a_migration_on_a_cluster(address: str, tmp_path: Path) -> None:
    files = {f"a{number}.py": (BROKEN, LATE)[number % 2] for number in range(20)}
    top = repository(tmp_path / "models", files)
    with Cluster(address) as cluster:
        assert cluster.width == 2
        (result,) = run(request(tmp_path / "out", top), cluster)
    assert (result.state, result.totals.mended) == (State.DONE, 20)
    (alone,) = run(request(tmp_path / "other", top, branch="alone"))
    assert git(top, "rev-parse", f"{result.branch}^{{tree}}") == git(top, "rev-parse", f"{alone.branch}^{{tree}}")


def test_a_lost_worker_costs_a_retry_and_a_deadly_task_is_passed_over(address: str, tmp_path: Path) -> None:
    with Cluster(address) as cluster:
        batches = [["a", "once"], ["b"], ["c", "always", "d"], ["e"]]
        found: list[Any] = list(answers(cluster, deadly, iter(batches), first=(str(tmp_path),)))
    lost = [answer.item for answer in found if isinstance(answer, Lost)]
    assert lost == ["always"]
    done = sorted(name for answer in found if not isinstance(answer, Lost) for name in answer)
    assert done == ["a", "b", "c", "d", "e", "once"]


def test_workers_that_do_not_see_the_scratch_folder_say_so(tmp_path: Path) -> None:
    from regrad.migrate.tasks import Unseen, read_files
    from regrad.repair.options import Options

    with pytest.raises(Unseen, match="--scratch"):
        read_files(str(tmp_path / "elsewhere"), ["a.py"], Options())


def test_no_scheduler() -> None:
    with pytest.raises(NoCluster, match="cannot be reached"):
        Cluster("tcp://127.0.0.1:9", timeout=1)
    with pytest.raises(NoCluster, match="cannot be reached"):
        Cluster("nonsense://x", timeout=1)
