"""The report on a real terminal: its width is kept, NO_COLOR is obeyed, and a pipe gets plain lines."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from .test_end_to_end import BROKEN

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(BROKEN)
    return path


def on_terminal(folder: Path, columns: int, *arguments: str, **variables: str) -> str:
    """What `regrad` writes to a terminal of that width."""
    import fcntl
    import termios

    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    for name in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"} - variables.keys():
        environment.pop(name, None)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "regrad.cli", *arguments]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 65536):
            written += piece
    except OSError:
        # Linux tells the end of a terminal by an error.
        pass
    finally:
        os.close(ours)
        process.wait(60)
    return written.decode()


@pytest.mark.parametrize("columns", [40, 72, 200])
def test_no_line_is_wider_than_the_terminal(columns: int, program: Path) -> None:
    text = ESCAPE.sub("", on_terminal(program.parent, columns, "check", "--isolated", program.name))
    assert "RG401" in text
    assert max(map(cell_len, text.splitlines())) <= columns


@pytest.mark.parametrize("columns", [40, 72])
@pytest.mark.parametrize("arguments", [("rules",), ("explain", "RG401")])
def test_the_pages_of_the_rules_fit_as_well(arguments: tuple[str, ...], columns: int, tmp_path: Path) -> None:
    text = ESCAPE.sub("", on_terminal(tmp_path, columns, *arguments))
    assert "RG401" in text
    assert max(map(cell_len, text.splitlines())) <= columns
    assert "…" not in text


def test_colour_is_for_terminals_that_want_it(program: Path) -> None:
    wanted = on_terminal(program.parent, 80, "check", "--isolated", program.name)
    unwanted = on_terminal(program.parent, 80, "check", "--isolated", program.name, NO_COLOR="1")
    assert ESCAPE.search(wanted)
    assert not ESCAPE.search(unwanted)
    assert ESCAPE.sub("", wanted) == unwanted


def test_a_pipe_gets_whole_lines_without_colour(program: Path) -> None:
    command = [sys.executable, "-m", "regrad.cli", "check", "--isolated", program.name]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    done = subprocess.run(command, cwd=program.parent, env=environment, capture_output=True, text=True, check=False)
    assert not ESCAPE.search(done.stdout)
    assert done.stderr == ""
    message = done.stdout.splitlines()[1]
    assert message.startswith("  `") and message.endswith("Dense")
