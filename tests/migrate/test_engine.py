"""What a lost worker costs: a retry, and never its neighbours."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from regrad.migrate.engine import Given, Lost, Processes, answers


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with Processes(2) as engine:
        yield engine


def harmless(folder: str, names: list[str]) -> list[str]:
    """Each name twice; a name of its own kind ends its worker, once or always."""
    for name in names:
        mark = Path(folder) / name
        if name.startswith("always") or (name.startswith("once") and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return [name * 2 for name in names]


def failing(folder: str, names: list[str]) -> list[str]:
    raise KeyError(names[0])


def done(engine: Processes, folder: Path, *batches: list[str]) -> tuple[list[str], list[str]]:
    found: list[str] = []
    lost: list[str] = []
    for answer in answers(engine, harmless, iter(batches), first=(str(folder),)):
        if isinstance(answer, Lost):
            lost.append(answer.item)
        else:
            found += answer
    return sorted(found), sorted(lost)


def test_a_crash_costs_a_retry(processes: Processes, tmp_path: Path) -> None:
    assert done(processes, tmp_path, ["a", "once"], ["b"]) == (["aa", "bb", "onceonce"], [])


def test_what_crashes_twice_is_passed_over_and_nothing_else(processes: Processes, tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(40)]
    batches = [names[start : start + 4] for start in range(0, 40, 4)]
    batches[3][1] = "always-1"
    batches[7][0] = "always-2"
    found, lost = done(processes, tmp_path, *batches)
    assert lost == ["always-1", "always-2"]
    assert len(found) == 38


def test_a_tasks_own_exception_is_raised(processes: Processes) -> None:
    with pytest.raises(KeyError):
        list(answers(processes, failing, iter([["a"]]), first=("",)))


def test_nothing_is_taken_before_it_is_of_use() -> None:
    taken: list[int] = []

    def batches() -> Iterator[list[str]]:
        for number in range(100):
            taken.append(number)
            yield [str(number)]

    with ThreadPoolExecutor(1) as executor:
        stream = answers(Given(executor), harmless, batches(), first=("",))
        next(stream)
        assert len(taken) <= 4
        assert len(list(stream)) == 99


def test_an_interrupted_run_leaves_no_process() -> None:
    with pytest.raises(KeyboardInterrupt), Processes(1) as engine:
        number = engine.submit(os.getpid).result()
        engine.submit(time.sleep, 60)
        raise KeyboardInterrupt
    for _ in range(50):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the worker is still there")
