"""Whole runs: what comes out of a repository, and that nothing but the branch is new in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from regrad.migrate.events import Begun, Ended, FilesRead
from regrad.migrate.request import Settings, WrongSettings
from regrad.migrate.results import State, read_results
from regrad.repair.outcome import Decision, Status

from .repositories import (
    BROKEN,
    FROZEN,
    LATE,
    SOUND,
    commit,
    git,
    repository,
    request,
    run,
    state,
    told,
    unsafe_settings,
)

FILES = {"a.py": BROKEN, "b.py": LATE, "c.py": FROZEN, "d.py": SOUND, "e.py": "print 'old'\nimport tensorflow\n"}


def test_a_repository_is_mended_on_a_branch(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    (top / "a.py").write_text(BROKEN + "# not committed\n")
    (top / "untracked.py").write_text(BROKEN)
    before, status = state(top), git(top, "status", "--porcelain")
    (result,) = run(request(tmp_path / "out", top))
    assert result.state is State.DONE
    assert (result.branch, result.patch) == ("regrad/mend", "patches/models.patch")
    assert result.commits == ("Mend RG401 forward-outside-tape", "Mend RG402 loss-outside-tape")
    totals = result.totals
    assert (totals.files, totals.findings, totals.mended, totals.not_analysed) == (5, 3, 2, 1)
    assert (totals.fixable_unsafe, totals.changed) == (1, 2)
    assert "1 file has uncommitted changes" in result.notes[0]
    assert (state(top), git(top, "status", "--porcelain")) == (before, status)
    assert git(top, "diff", "--name-only", "main", "regrad/mend").splitlines() == ["a.py", "b.py"]
    assert git(top, "worktree", "list").count("\n") == 0


def test_what_is_told_of_it_can_be_read_again(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    run(request(tmp_path / "out", top))
    results = read_results(tmp_path / "out")
    (result,) = results.repositories()
    assert result.totals == results.totals()
    files = {file.path: file for file in results.files("models")}
    assert sorted(files) == ["a.py", "b.py", "c.py", "e.py"]
    assert [each.decision for each in files["a.py"].outcome.findings] == [Decision.APPLIED]
    assert files["a.py"].outcome.before == BROKEN.encode()
    assert files["a.py"].diff.startswith("--- a/a.py\n+++ b/a.py\n@@")
    assert files["a.py"].unverified == "not asked for (--no-verify)"
    assert files["c.py"].outcome.findings[0].decision is Decision.NEEDS_UNSAFE
    assert files["e.py"].outcome.status is Status.SYNTAX_ERROR
    assert files["a.py"].outcome.findings[0].finding.location.path == "a.py"
    everything = "".join(map(repr, results.files()))
    assert "regrad-migrate-" not in everything


def test_a_folder_under_no_version_control_gets_a_patch(tmp_path: Path) -> None:
    folder = tmp_path / "loose"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.py").write_text(BROKEN)
    before = state(folder)
    (result,) = run(request(tmp_path / "out", folder))
    assert (result.kind, result.branch, result.totals.mended) == ("folder", None, 1)
    assert state(folder) == before
    subprocess.run(["git", "apply", str(tmp_path / "out" / "patches" / "loose.patch")], cwd=folder, check=True)
    assert (folder / "sub" / "a.py").read_text() != BROKEN


def test_a_part_of_a_repository(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"sub/a.py": BROKEN, "a.py": BROKEN})
    (result,) = run(request(tmp_path / "out", top / "sub"))
    assert (result.within, result.totals.findings) == ("sub", 1)
    assert git(top, "diff", "--name-only", "main", "regrad/mend") == "sub/a.py"


def test_a_url_is_cloned_and_the_branch_stays_in_the_clone(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN})
    (result,) = run(request(tmp_path / "out", f"file://{top}"))
    assert result.branch == "regrad/mend"
    clone = tmp_path / "out" / "clones" / "models.git"
    assert git(clone, "log", "--format=%s", "-1", "regrad/mend") == "Mend RG401 forward-outside-tape"
    assert git(top, "branch", "--format=%(refname:short)") == "main"
    git(clone, "push", "-q", "origin", "regrad/mend")
    assert "regrad/mend" in git(top, "branch", "--list", "regrad/mend")


def test_what_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    good = repository(tmp_path / "good", {"a.py": BROKEN})
    first, second, third = run(request(tmp_path / "out", empty, f"file://{tmp_path}/nowhere", good))
    assert (first.state, second.state, third.state) == (State.FAILED, State.FAILED, State.DONE)
    assert "has no commit yet" in (first.message or "")
    assert "nowhere" in (second.message or "")


def test_a_partial_clone_is_mended_as_far_as_it_is_there(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"train.py": BROKEN, "weights.h5": b"\0" * 100})
    weights = git(top, "rev-parse", "HEAD:weights.h5")
    (top / ".git" / "objects" / weights[:2] / weights[2:]).unlink()
    (result,) = run(request(tmp_path / "out", top))
    assert (result.state, result.totals.mended) == (State.DONE, 1)
    assert "1 file absent from this clone, which is a partial one: weights.h5" in result.notes
    assert result.branch is not None
    assert git(top, "rev-parse", f"{result.branch}:weights.h5") == weights
    assert git(top, "diff", "--name-only", "main", result.branch) == "train.py"


def test_wrong_settings_of_one_repository_are_its_own_trouble(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN})

    def wrong(top: str, start: str) -> Settings:
        raise WrongSettings("unknown key `selct`")

    (result,) = run(request(tmp_path / "out", top, settings=wrong))
    assert (result.state, result.message) == (State.FAILED, "unknown key `selct`")


def test_since_looks_at_changed_files_only(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN, "b.py": SOUND})
    commit(top, {"b.py": LATE})
    (result,) = run(request(tmp_path / "out", top, since="HEAD~1"))
    assert result.commits == ("Mend RG402 loss-outside-tape",)
    (wrong,) = run(request(tmp_path / "out", top, since="nowhere"))
    assert wrong.state is State.FAILED
    assert "no commit nowhere" in (wrong.message or "")


def test_one_commit_in_all(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    (result,) = run(request(tmp_path / "out", top, one_commit=True, settings=unsafe_settings))
    assert result.commits == ("Mend RG202, RG401, RG402 (3 places)",)


def test_two_rules_in_one_file_are_two_commits(tmp_path: Path) -> None:
    both = BROKEN + "\n\n" + LATE.replace("import tensorflow as tf\n", "")
    top = repository(tmp_path / "models", {"a.py": both})
    (result,) = run(request(tmp_path / "out", top))
    assert result.commits == ("Mend RG401 forward-outside-tape", "Mend RG402 loss-outside-tape")
    assert git(top, "diff", "--stat", "regrad/mend~1", "regrad/mend").endswith("1 insertion(+), 1 deletion(-)")


def test_vendored_and_generated_files_are_not_touched(tmp_path: Path) -> None:
    files = {"vendor/a.py": BROKEN, "made.py": "# Code generated by a tool. DO NOT EDIT.\n" + BROKEN, "b.py": LATE}
    top = repository(tmp_path / "models", files)
    (result,) = run(request(tmp_path / "out", top))
    assert (result.totals.findings, result.totals.skipped) == (1, 2)
    assert git(top, "diff", "--name-only", "main", "regrad/mend") == "b.py"
    assert "1 file left alone: vendored (in a folder vendor/)" in result.notes


def test_the_second_run_does_nothing_and_a_third_only_what_has_changed(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    (first,), _ = told(request(tmp_path / "out", top))
    (second,), events = told(request(tmp_path / "out", top))
    assert second == first
    assert events == [Ended(first, again=True)]
    commit(top, {"d.py": SOUND + "# changed\n"})
    (third,), events = told(request(tmp_path / "out", top))
    begun = next(event for event in events if isinstance(event, Begun))
    # The files with findings, and the one that changed; the one that is no Python is known.
    assert (begun.files, begun.known) == (5, 1)
    assert sum(event.files for event in events if isinstance(event, FilesRead)) == 4
    assert third.totals == first.totals
    assert third.branch == "regrad/mend"
    assert git(top, "rev-parse", "regrad/mend~2") == git(top, "rev-parse", "main")


def test_a_repository_that_was_mended_meanwhile_loses_its_branch(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN})
    run(request(tmp_path / "out", top))
    git(top, "merge", "-q", "regrad/mend")
    (result,) = run(request(tmp_path / "out", top))
    assert (result.totals.findings, result.branch, result.patch) == (0, None, None)
    assert git(top, "branch", "--list", "regrad/*") == ""
    assert not list((tmp_path / "out" / "patches").iterdir())


def test_other_settings_begin_anew_and_move_our_own_branch(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    run(request(tmp_path / "out", top))
    (result,) = run(request(tmp_path / "out", top, settings=unsafe_settings, words={"unsafe fixes": "yes"}))
    assert (result.totals.mended, result.branch) == (3, "regrad/mend")


def test_the_scratch_folder_is_gone_afterwards(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN})
    run(request(tmp_path / "out", top, scratch=tmp_path / "scratch"))
    assert not list((tmp_path / "scratch").iterdir())


def test_results_in_a_checkout_do_not_show_in_its_status(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN})
    run(request(top / "regrad-migration", top))
    assert git(top, "status", "--porcelain") == ""


def test_a_finding_in_a_module_belongs_to_the_program_that_trains(tmp_path: Path) -> None:
    library = (
        BROKEN.split("for epoch")[0]
        + "\n\ndef train():\n    for epoch"
        + BROKEN.split("for epoch")[1].replace("\n", "\n    ")
    )
    top = repository(tmp_path / "models", {"library.py": library, "train.py": "import library\n\nlibrary.train()\n"})
    (result,) = run(request(tmp_path / "out", top))
    assert result.totals.findings == 1
    assert git(top, "diff", "--name-only", "main", "regrad/mend") == "library.py"
