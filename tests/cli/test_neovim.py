"""The real Neovim, without a screen: `:make` fills the quickfix list, and the buffer is mended through a filter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .test_end_to_end import BROKEN

NEOVIM = shutil.which("nvim")
RUNTIME = Path(__file__).resolve().parents[2] / "editors" / "vim"

pytestmark = pytest.mark.skipif(NEOVIM is None, reason="there is no Neovim")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A `regrad` on the path, wherever the tests run, and no configuration of the user's."""
    command = tmp_path / "bin" / "regrad"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m regrad.cli "$@"\n')
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}


def driven(folder: Path, environment: dict[str, str], *commands: str) -> None:
    arguments = [str(NEOVIM), "--headless", "-u", "NONE", "-i", "NONE", "--cmd", f"set runtimepath^={RUNTIME}"]
    for command in commands:
        arguments += ["-c", command]
    done = subprocess.run(
        [*arguments, "-c", "qa!"], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["train.py", "my model's train.py"])
def test_make_takes_the_editor_to_the_line(name: str, tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / name).write_text(BROKEN)
    driven(
        tmp_path,
        environment,
        f"execute 'edit ' . fnameescape({json.dumps(name)})",
        "compiler regrad",
        "silent make",
        "call writefile([json_encode(map(getqflist(), '[bufname(v:val.bufnr), v:val.lnum, v:val.col, v:val.text,"
        " v:val.valid]'))], 'found.json')",
    )
    found = [row for row in json.loads((tmp_path / "found.json").read_text()) if row[4]]
    (line,) = [number for number, text in enumerate(BROKEN.splitlines(), 1) if "= model(" in text]
    assert [(row[0], row[1]) for row in found] == [(name, line)]
    assert found[0][3].startswith("RG401 ")


def test_a_buffer_that_is_not_saved_is_mended_and_kept_where_nothing_is_wrong(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "train.py").write_text(BROKEN)
    mend = "silent %!regrad fix --no-verify --exit-zero --stdin-filename train.py - 2>/dev/null"
    driven(
        tmp_path,
        environment,
        "edit train.py",
        "call setline(1, getline(1) . '  # edited')",
        mend,
        "write once.py",
        mend,
        "write twice.py",
    )
    once = (tmp_path / "once.py").read_text()
    assert once.splitlines()[0] == BROKEN.splitlines()[0] + "  # edited"
    assert once.index("GradientTape") < once.index("= model(")
    assert (tmp_path / "twice.py").read_text() == once
    assert (tmp_path / "train.py").read_text() == BROKEN
