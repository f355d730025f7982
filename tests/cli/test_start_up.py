"""Starting is fast because nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regrad.cli.command import COMMANDS, command
from regrad.cli.exit_status import ExitStatus
from regrad.cli.job import Job
from regrad.cli.quick import quick_job
from typer.testing import CliRunner

HEAVY = ("tensorflow", "keras", "libcst", "numpy", "rich", "pathspec", "asyncio", "bowler")
NOT_FOR_A_CHECK = {*HEAVY, "typer", "pydantic", "importlib_metadata"}


def imported_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_command_line_alone_imports_nothing_heavy() -> None:
    assert not imported_by("import regrad.cli.main") & set(HEAVY)


def test_asking_for_the_version_imports_nothing_heavy() -> None:
    ask = "sys.argv = ['regrad', '--version']\nfrom regrad.cli.main import run\ntry: run()\nexcept SystemExit: pass"
    assert not imported_by(ask) & set(HEAVY)


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "regrad.cli", "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("regrad 0.")


def test_a_clean_file_is_checked_without_what_only_mending_and_drawing_need(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import tensorflow as tf\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n"
    )
    ask = (
        f"sys.argv = ['regrad', 'check', '--isolated', {str(tmp_path / 'train.py')!r}]\n"
        "from regrad.cli.main import run\ntry: run()\nexcept SystemExit as left: assert not left.code, left.code"
    )
    assert not imported_by(ask) & (NOT_FOR_A_CHECK - {"pathspec"})


def arguments() -> st.SearchStrategy[list[str]]:
    option = st.sampled_from(
        [
            ["--isolated"],
            ["--exit-zero"],
            ["--output-format", "concise"],
            ["--output-format=json"],
            ["--output-format", "nonsense"],
            ["--output-format"],
            ["--jobs", "2"],
            ["--jobs=0"],
            ["--jobs", "many"],
            ["--stdin-filename", "a.py"],
            ["--stdin-filename="],
            ["--select", "RG4"],
            ["-q"],
            ["--"],
            ["-"],
            ["train.py"],
            ["--help"],
            [""],
            ["--isolate"],
        ]
    )
    return st.lists(option, max_size=4).map(lambda each: ["check", *(word for words in each for word in words)])


class Asked(Exception):
    """Carries the job to which a command line came."""


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(arguments())
def test_what_is_read_without_typer_means_what_it_means_to_typer(line: list[str]) -> None:
    quick = quick_job(line)
    if quick is None:
        return

    def carry_out(job: Job) -> ExitStatus:
        raise Asked(job)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Asked) as asked:
        patch.setattr("regrad.cli.job.carry_out", carry_out)
        command()(line, standalone_mode=False)
    assert asked.value.args == (quick,)


def test_the_lines_that_editors_send_are_read_without_typer() -> None:
    assert quick_job(["check", "--output-format", "concise", "train.py"]) is not None
    assert (
        quick_job(["check", "--output-format", "concise", "--exit-zero", "--stdin-filename", "a.py", "-"]) is not None
    )
    assert quick_job(["check", "--select", "RG4", "train.py"]) is None
    assert quick_job(["fix", "train.py"]) is None


def test_a_command_asked_for_alone_is_the_one_among_all() -> None:
    for name in COMMANDS:
        alone, among = (
            CliRunner().invoke(app, [name, "--help"], prog_name="regrad").output for app in (command([name]), command())
        )
        assert alone == among
        assert name in alone
