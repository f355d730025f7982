"""The house: imports run one way, nothing heavy is loaded before it is needed, every file says its subject."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "analysis": set(),
    "codemods": {"analysis"},
    "verify": {"analysis"},
    "repair": {"analysis", "codemods", "verify"},
    "report": {"analysis", "codemods", "verify", "repair", "migrate"},
    "notebook": {"analysis", "codemods", "verify", "repair"},
    "migrate": {"analysis", "codemods", "verify", "repair"},
    "cli": {"analysis", "codemods", "verify", "repair", "report", "migrate"},
}
FILES = sorted(path for folder in MAY_IMPORT for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The subpackages of regrad that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found.update(name.split(".")[1] for name in names if name.startswith("regrad."))
    return {name for name in found if (ROOT / name).is_dir()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    assert imported(path) - {folder} <= MAY_IMPORT[folder]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_its_subject(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines and lines[0].startswith(('"""', 'r"""')), "the first line says what the file is about"
    assert path.stem not in {"utils", "helpers", "common", "misc"}


@pytest.mark.parametrize("path", sorted((ROOT / "verify" / "worker").glob("*.py")), ids=lambda path: path.stem)
def test_the_worker_needs_nothing_of_ours(path: Path) -> None:
    assert not imported(path)


def test_analysis_and_rules_load_nothing_heavy() -> None:
    code = (
        "import sys; from regrad.codemods.engine import registry; registry.rules();"
        " from regrad.analysis.reader import Reader;"
        " print([name for name in ('tensorflow', 'libcst', 'numpy', 'bowler') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", sorted((ROOT / "codemods" / "engine").glob("*.py")), ids=lambda path: path.stem)
def test_the_engine_knows_no_rule(path: Path) -> None:
    rules = {each.stem for each in (ROOT / "codemods").glob("*.py")}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            named = {alias.name for alias in node.names} if node.module == "regrad.codemods" else set()
            assert not (named | {node.module.removeprefix("regrad.codemods.")}) & rules
