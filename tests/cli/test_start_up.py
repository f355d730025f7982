"""Starting is fast because nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("tensorflow", "keras", "libcst", "numpy", "rich", "pathspec", "asyncio", "bowler")


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
    assert not imported_by(ask) & (set(HEAVY) - {"pathspec"})
