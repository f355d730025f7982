"""The bar: on a terminal, for long work alone, and never among the lines of a report."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from regrad.cli.progress import with_progress
from regrad.repair.outcome import FileOutcome

from ..report import samples


class Screen(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@dataclass(frozen=True)
class Terminal:
    """Runs the work before two streams, and keeps what was written to the second."""

    patch: pytest.MonkeyPatch

    def __call__(
        self,
        outcomes: Iterator[FileOutcome],
        total: int,
        patience: float = 0,
        terminals: tuple[bool, bool] = (True, True),
        each: Callable[[str], None] = lambda so_far: None,
    ) -> str:
        def count() -> int:
            return total

        screens = Screen(terminals[0]), Screen(terminals[1])
        with self.patch.context() as patch:
            # In the test and not in a fixture: pytest sets its own streams between the two.
            patch.setattr(sys, "stdout", screens[0])
            patch.setattr(sys, "stderr", screens[1])
            try:
                for _ in with_progress(outcomes, "Reading", count, patience=patience):
                    each(screens[1].getvalue())
            except KeyboardInterrupt:
                pass
        assert screens[0].getvalue() == ""
        return screens[1].getvalue()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return Terminal(monkeypatch)


def work(*outcomes: FileOutcome) -> Iterator[FileOutcome]:
    yield from outcomes


def test_long_work_has_a_bar_that_counts_the_files(terminal: Terminal) -> None:
    written = terminal(work(samples.CLEAN, samples.CHECKED, samples.CLEAN), 3)
    assert "Reading" in written
    assert "1/3" in written


def test_short_work_has_none(terminal: Terminal) -> None:
    assert terminal(work(samples.CLEAN, samples.CLEAN), 2, patience=60) == ""


def test_no_bar_is_left_where_an_outcome_is_shown(terminal: Terminal) -> None:
    shown: list[str] = []
    terminal(work(samples.CHECKED, samples.CHECKED), 3, each=shown.append)
    assert len(shown) == 2
    # Taken away: the cursor is shown again, one line up, and that line cleared.
    assert all(so_far.endswith("\x1b[?25h\r\x1b[1A\x1b[2K") for so_far in shown)


def test_what_is_interrupted_takes_its_bar_away(terminal: Terminal) -> None:
    def interrupted() -> Iterator[FileOutcome]:
        yield samples.CLEAN
        raise KeyboardInterrupt

    assert terminal(interrupted(), 9).endswith("\x1b[2K")


@pytest.mark.parametrize("terminals", [(True, False), (False, True), (False, False)])
def test_a_pipe_gets_no_bar(terminals: tuple[bool, bool], terminal: Terminal) -> None:
    assert terminal(work(samples.CLEAN), 2, terminals=terminals) == ""


@pytest.mark.parametrize("name", ["dumb", None])
def test_a_terminal_that_cannot_take_back_a_line_gets_no_bar(
    name: str | None, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", name) if name else monkeypatch.delenv("TERM")
    assert terminal(work(samples.CLEAN), 2) == ""
