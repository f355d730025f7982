"""Killed at any moment and started again: the same result, nothing twice, nothing left behind."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from regrad.migrate.events import Begun, Event, Mending
from regrad.migrate.results import State, read_results
from regrad.migrate.run import migrate

from .repositories import BROKEN, LATE, SOUND, git, repository, request, state, told

SCRIPT = Path(__file__).with_name("interrupted_run.py")


def started(output: Path, scratch: Path, *targets: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(SCRIPT), str(output), str(scratch), *map(str, targets)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A run in the background of a shell ignores interruptions, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def outcome(output: Path, *tops: Path) -> list[object]:
    """What must not depend on interruptions: branches, patches, findings, totals."""
    found: list[object] = [git(top, "rev-parse", "regrad/mend^{tree}") for top in tops]
    found += [git(top, "log", "--format=%s%n%b", "main..regrad/mend") for top in tops]
    results = read_results(output)
    for result in results.repositories():
        found += [result.name, result.state, result.totals, result.commits, result.notes]
        assert (output / (result.patch or "")).read_bytes()
    for file in results.files():
        found += [file.repository, file.path, file.outcome]
    return found


def test_killed_at_random_moments(tmp_path: Path) -> None:
    files = {f"p{number}/a{number}.py": (BROKEN, LATE, SOUND)[number % 3] for number in range(40)}
    tops = (repository(tmp_path / "first", files), repository(tmp_path / "second", {"a.py": BROKEN}))
    before = [state(top) for top in tops]
    begun = time.monotonic()
    whole = started(tmp_path / "whole", tmp_path / "scratch", *tops)
    _, errors = whole.communicate(timeout=120)
    assert whole.returncode == 0, errors.decode()
    lasted = time.monotonic() - begun
    expected = outcome(tmp_path / "whole", *tops)
    for top in tops:
        git(top, "branch", "-D", "-q", "regrad/mend")
    chance, killed = random.Random(7), 0
    for share in sorted(chance.uniform(0.2, 1.0) for _ in range(4)):
        victim = started(tmp_path / "killed", tmp_path / "scratch", *tops)
        try:
            victim.communicate(timeout=lasted * share)
        except subprocess.TimeoutExpired:
            # The run alone: its workers must notice by themselves.
            victim.kill()
            victim.communicate()
            killed += 1
    assert killed
    last = started(tmp_path / "killed", tmp_path / "scratch", *tops)
    _, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors.decode()
    assert outcome(tmp_path / "killed", *tops) == expected
    assert [state(top) for top in tops] == before
    for top in tops:
        assert git(top, "branch", "--format=%(refname:short)").splitlines() == ["main", "regrad/mend"]
        assert git(top, "worktree", "list").count("\n") == 0
        assert not list((top / ".git").glob("*.lock"))
    assert not list((tmp_path / "scratch").iterdir())
    # A part that is written is whole: what was in work has another name.
    assert sorted(path.name for path in (tmp_path / "killed" / "patches").iterdir()) == ["first.patch", "second.patch"]


def test_the_workers_of_a_killed_run_end(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {f"a{number}.py": BROKEN for number in range(60)})
    victim = started(tmp_path / "out", tmp_path / "scratch", top)
    deadline = time.monotonic() + 60
    while len(session(victim.pid)) < 4 and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    victim.kill()
    victim.communicate()
    while session(victim.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not session(victim.pid)


def test_an_interruption_does_not_wait_for_what_is_under_way(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {f"a{number}.py": BROKEN for number in range(300)})
    victim = started(tmp_path / "out", tmp_path / "scratch", top)
    deadline = time.monotonic() + 60
    while len(session(victim.pid)) < 4 and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    victim.send_signal(signal.SIGINT)
    _, errors = victim.communicate(timeout=30)
    assert victim.returncode != 0
    assert b"KeyboardInterrupt" in errors
    while session(victim.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not session(victim.pid)
    assert not list((tmp_path / "scratch").iterdir())
    (result,), _ = told(request(tmp_path / "out", top))
    assert (result.totals.findings, result.totals.mended, result.totals.not_analysed) == (300, 300, 0)


def session(leader: int) -> list[int]:
    """The processes of a session that are alive."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("stop_after", [Begun, Mending])
def test_nothing_is_done_twice(stop_after: type[Event], tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {f"a{number}.py": BROKEN for number in range(20)})

    class Enough(Exception):
        pass

    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, stop_after)
        if seen:
            seen += 1
        if seen > 3:
            raise Enough

    with pytest.raises(Enough):
        list(migrate(request(tmp_path / "out", top), listen=listen))
    (between,) = read_results(tmp_path / "out").repositories()
    assert between.state in (State.READING, State.MENDING)
    (result,), events = told(request(tmp_path / "out", top))
    begun = next(event for event in events if isinstance(event, Begun))
    mending = next(event for event in events if isinstance(event, Mending))
    assert begun.known > 0 or mending.known > 0
    assert (result.totals.findings, result.totals.mended) == (20, 20)


def test_a_run_goes_on_with_the_commit_that_it_began_with(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {f"a{number}.py": BROKEN for number in range(20)})

    def listen(event: Event) -> None:
        if isinstance(event, Mending):
            raise KeyError

    with pytest.raises(KeyError):
        list(migrate(request(tmp_path / "out", top), listen=listen))
    base = git(top, "rev-parse", "main")
    (top / "a0.py").write_text(SOUND)
    git(top, "commit", "-qam", "moved")
    (result,), _ = told(request(tmp_path / "out", top))
    assert result.revision == base
    assert result.totals.mended == 20
    (again,), _ = told(request(tmp_path / "out", top))
    assert (again.revision, again.totals.mended) == (git(top, "rev-parse", "main"), 19)


def test_two_runs_do_not_write_to_one_place(tmp_path: Path) -> None:
    from regrad.migrate.store import InUse, Store

    top = repository(tmp_path / "models", {"a.py": BROKEN})
    with Store(tmp_path / "out"), pytest.raises(InUse, match="Another run"):
        told(request(tmp_path / "out", top))
    (result,), _ = told(request(tmp_path / "out", top))
    assert result.state is State.DONE
