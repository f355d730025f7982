"""The text of a pull request: every change with its evidence, and no way in for what a program says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from regrad.migrate.packing import counted, packed_file
from regrad.migrate.results import FileResult, RepositoryResult, RunInfo, State
from regrad.migrate.store import Store
from regrad.repair.outcome import FileOutcome
from regrad.report import pull_request

from . import samples


def text_of(folder: Path, *files: FileResult) -> str:
    with Store(folder) as store:
        store.begin(RunInfo(), "")
        stored = store.add("models", RepositoryResult("models", "models", State.DONE))
        store.put_files(stored, [packed_file(file) for file in files])
        result = pull_request.write(folder, replace(stored.result, totals=store.totals(stored)))
    assert result.pull_request == "pull-requests/models.md"
    return (folder / "pull-requests" / "models.md").read_text(encoding="utf-8")


def test_a_change_with_its_evidence(tmp_path: Path) -> None:
    text = text_of(tmp_path, FileResult("models", samples.PROVED, "train.py --epochs 1"))
    assert text.startswith("# Let gradients flow: mend 1 training fault\n")
    assert "## `train.py`" in text
    assert "One training step of `train.py --epochs 1`." in text
    assert "| variable | gradient before | gradient after | changed |" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(samples.STEP_AFTER.variables)
    assert "none" in rows[0] and "flows" in rows[0]


def test_what_was_not_verified_says_why(tmp_path: Path) -> None:
    outcome = replace(samples.PROVED, evidence=None)
    outcome = replace(outcome, findings=tuple(replace(each, evidence=None) for each in outcome.findings))
    text = text_of(tmp_path, FileResult("models", outcome, None, "no script reaches this file"))
    assert "Not verified: no script reaches this file." in text
    assert "This change was not proved by one training step before and one after; below stands why." in text
    assert "| variable" not in text


def test_what_a_program_says_stays_text(tmp_path: Path) -> None:
    evil = "@somebody <img src=x> [a](b) #1 | `code`\n## heading"
    finding = samples.PROVED.findings[0]
    changed = replace(finding, finding=replace(finding.finding, message=evil), reason=evil)
    outcome = replace(samples.PROVED, path="a`b|c\n# d.py", findings=(changed,))
    text = text_of(tmp_path, FileResult("models", outcome))
    assert "@somebody" not in text
    assert "<img" not in text
    assert "[a](b)" not in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Let gradients flow: mend 1 training fault",
        "## `a'b¦c # d.py`",
    ]


def test_a_text_without_an_end_has_one(tmp_path: Path) -> None:
    files = [FileResult("models", replace(samples.PROVED, path=f"a{number:04}.py")) for number in range(200)]
    text = text_of(tmp_path, *files)
    assert len(text) < 65_000
    assert "more files, in the report." in text


def test_nothing_mended_is_no_pull_request(tmp_path: Path) -> None:
    result = RepositoryResult("models", "models", State.DONE, totals=counted(samples.CHECKED, unsafe=False))
    assert pull_request.write(tmp_path, result) is result
    assert not list(tmp_path.iterdir())


def test_an_outcome_without_contents_has_no_diff() -> None:
    assert FileResult("models", FileOutcome("a.py", samples.CLEAN.status)).diff == ""
