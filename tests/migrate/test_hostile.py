"""Repositories that are made to do harm: nothing outside of the scratch folder changes, and nothing of theirs is run.

Every harm here is one that shows as a file and does nothing else, were it to happen.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from regrad.migrate.results import State, read_results
from regrad.repair.outcome import Status

from .repositories import BROKEN, LATE, git, repository, request, run, state


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """The file that an executed harm would make."""
    return tmp_path / "pwned"


def test_analysis_imports_and_runs_nothing(tmp_path: Path, mark: Path) -> None:
    harm = f"open({str(mark)!r}, 'w').close()\n"
    files = {
        "harm.py": harm,
        "train.py": f"import harm\n{harm}{BROKEN}",
        "setup.py": harm,
        "conftest.py": harm,
        "sitecustomize.py": harm,
        "tensorflow.py": harm,
        "regrad/__init__.py": harm,
        "libcst.py": harm,
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "harm"\nbackend-path = ["."]\n',
    }
    top = repository(tmp_path / "models", files)
    (result,) = run(request(tmp_path / "out", top))
    assert result.state is State.DONE
    assert result.totals.mended == 1
    assert not mark.exists()


def test_names_with_line_breaks_and_worse(tmp_path: Path) -> None:
    names = [
        "a\nFrom 0 Mon\nb.py",
        "-rf.py",
        "$(touch pwned).py",
        "`id`;.py",
        "q\"uo'te.py",
        "\x1b[31m.py",
        "é\u202e.py",
    ]
    top = repository(tmp_path / "models", dict.fromkeys(names, BROKEN))
    (result,) = run(request(tmp_path / "out", top))
    assert result.totals.mended == len(names)
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(top), str(copy))
    git(copy, "am", "-q", str(tmp_path / "out" / "patches" / "models.patch"))
    assert git(copy, "rev-parse", "HEAD^{tree}") == git(top, "rev-parse", "regrad/mend^{tree}")


def test_links_to_system_files_are_neither_read_nor_written(tmp_path: Path) -> None:
    top = tmp_path / "models"
    secret = tmp_path / "secret.py"
    secret.write_text(BROKEN)
    repository(top, {"train.py": "import outside\n" + BROKEN})
    (top / "outside.py").symlink_to(secret)
    (top / "passwd.py").symlink_to("/etc/passwd")
    (top / "etc").symlink_to("/etc")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "links")
    (result,) = run(request(tmp_path / "out", top))
    assert secret.read_text() == BROKEN
    assert [file.path for file in read_results(tmp_path / "out").files()] == ["train.py"]
    assert "3 links" in " ".join(result.notes)
    assert git(top, "diff", "--name-only", "main", "regrad/mend") == "train.py"


def test_a_link_inside_is_mended_where_it_leads(tmp_path: Path) -> None:
    top = tmp_path / "models"
    repository(top, {"real.py": BROKEN})
    (top / "alias.py").symlink_to("real.py")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "a link")
    run(request(tmp_path / "out", top))
    assert git(top, "diff", "--name-only", "main", "regrad/mend") == "real.py"
    assert git(top, "ls-tree", "regrad/mend", "alias.py").startswith("120000")


def test_a_file_of_a_gigabyte_costs_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "loose"
    folder.mkdir()
    with (folder / "huge.py").open("wb") as file:
        file.truncate(1 << 30)
    (folder / "a.py").write_text(BROKEN)
    (result,) = run(request(tmp_path / "out", folder))
    assert (result.totals.mended, result.totals.skipped) == (1, 1)
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file()) < 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"cells": [' + "[" * 100_000 + "]" * 100_000 + "]}",
        json.dumps({"cells": [{"cell_type": "code", "source": ["import tensorflow\n"] * 20_000}]}),
        json.dumps({"cells": [{"cell_type": "code", "source": "import tensorflow as tf\nx = " + "(" * 5_000}]}),
        json.dumps({"cells": [{"cell_type": "code", "source": "import tensorflow\n\x00"}], "nbformat": 4}),
        '{"cells": "tensorflow", "nbformat": "' + "9" * 10_000 + '"}',
        '{"tensorflow": ' + "9" * 100_000 + "}",
    ],
)
def test_notebooks_that_blow_up(text: str, tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"bomb.ipynb": text, "a.py": BROKEN})
    (result,) = run(request(tmp_path / "out", top))
    assert (result.state, result.totals.mended) == (State.DONE, 1)


def test_programs_that_are_hard_to_read(tmp_path: Path) -> None:
    head = "import tensorflow as tf\n"
    files: dict[str, str | bytes] = {
        "deep.py": head + "x = " + "-" * 20_000 + "1\n",
        "chain.py": head + "x = 1" + " + 1" * 20_000 + "\n",
        "nested.py": head + "".join(" " * level + "if x:\n" for level in range(90)) + " " * 90 + "pass\n",
        "null.py": head + "\0",
        "bytes.py": b"import tensorflow\n\xff\xfe",
        "coding.py": "# coding: rot13\nimport tensorflow\n",
        "power.py": head + "x = 9 ** 9 ** 9 ** 9\ny = 'a' * 10 ** 12\n",
        "forever.py": head + "while True:\n    pass\n",
        "a.py": BROKEN,
    }
    top = repository(tmp_path / "models", files)
    (result,) = run(request(tmp_path / "out", top))
    assert (result.state, result.totals.mended) == (State.DONE, 1)
    told = {file.path: file.outcome.status for file in read_results(tmp_path / "out").files()}
    assert told["null.py"] is Status.SYNTAX_ERROR
    assert told["bytes.py"] is Status.UNREADABLE


def test_a_repository_cannot_name_the_interpreter(tmp_path: Path, mark: Path) -> None:
    from regrad.cli.migration import _SettingsOf
    from regrad.cli.settings import Request

    evil = f"#!/bin/sh\ntouch {mark}\n"
    table = '[tool.regrad]\npython = "./evil"\nselect = ["RG4"]\n'
    files = {"pyproject.toml": table, "evil": evil, "a.py": BROKEN, ".venv/bin/python": evil, ".venv/pyvenv.cfg": ""}
    top = repository(tmp_path / "models", files)
    settings = _SettingsOf(Request(verify=True, timeout=30.0))(str(top), str(top))
    assert settings.options.python is None
    assert settings.options.select == ("RG4",)


def test_hooks_of_a_repository_are_not_run(tmp_path: Path, mark: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN})
    for hook in ("post-checkout", "reference-transaction", "pre-commit", "post-commit"):
        path = top / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {mark}\n")
        path.chmod(0o755)
    (result,) = run(request(tmp_path / "out", top))
    assert result.branch == "regrad/mend"
    assert not mark.exists()


def test_nothing_else_in_the_neighbourhood_changes(tmp_path: Path) -> None:
    top = repository(tmp_path / "neighbours" / "models", {"a.py": BROKEN, "b.py": LATE})
    (tmp_path / "neighbours" / "other").mkdir()
    (tmp_path / "neighbours" / "other" / "c.py").write_text(BROKEN)
    os.chmod(tmp_path / "neighbours" / "other" / "c.py", 0o600)
    before = state(tmp_path / "neighbours")
    run(request(tmp_path / "out", top))
    assert state(tmp_path / "neighbours") == before
