"""Commits without a checkout, the branch, and patches that git takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.migrate import branch
from regrad.migrate.commits import Done, Step
from regrad.migrate.git import Repository

from .repositories import commit, git, repository


def step(*codes: str, **files: str) -> Step:
    done = tuple(Done(code, "name-of-it", f"{next(iter(files))}.py", 1, "do it", "not verified") for code in codes)
    return Step(codes, tuple((f"{name}.py", text.encode()) for name, text in files.items()), done)


def write(top: Path, steps: list[Step], *, one: bool = False, own_tip: str | None = None) -> branch.Branch:
    history = Repository(str(top / ".git"))
    return branch.write(
        history,
        git(top, "rev-parse", "HEAD"),
        branch.commits(steps, one=one),
        name="regrad/mend",
        index=str(top.parent / "index"),
        moment=1_700_000_000,
        own_tip=own_tip,
        checked_out=branch.checked_out(history),
    )


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return repository(tmp_path / "models", {"a.py": "1\n", "b.py": "1\n", "c.py": "1\n"})


def test_one_commit_per_rule_in_the_order_of_the_rules(top: Path) -> None:
    made = write(top, [step("RG4", a="3\n"), step("RG1", b="2\n"), step("RG4", c="3\n")])
    assert made.subjects == ("Mend RG1 name-of-it", "Mend RG4 name-of-it (2 places)")
    assert git(top, "log", "--format=%s", "main..regrad/mend").splitlines() == list(reversed(made.subjects))
    assert git(top, "diff", "--name-only", "main", "regrad/mend~1") == "b.py"
    assert git(top, "show", "regrad/mend:a.py") == "3"
    assert git(top, "status", "--porcelain") == ""
    assert git(top, "branch", "--show-current") == "main"


def test_rules_that_one_program_cannot_tell_apart_go_together_with_those_between(top: Path) -> None:
    steps = [step("RG1", a="2\n"), step("RG3", a="3\n"), step("RG2", "RG4", b="9\n"), step("RG5", c="5\n")]
    made = branch.commits(steps, one=False)
    assert [each.subject for each in made] == [
        "Mend RG1 name-of-it",
        "Mend RG2, RG3, RG4 (3 places)",
        "Mend RG5 name-of-it",
    ]
    assert dict(made[1].files) == {"a.py": b"3\n", "b.py": b"9\n"}


def test_all_in_one(top: Path) -> None:
    made = write(top, [step("RG1", a="2\n"), step("RG4", a="3\n"), step("RG4", b="3\n")], one=True)
    assert len(made.subjects) == 1
    assert git(top, "show", "regrad/mend:a.py") == "3"


def test_the_same_again_is_the_same_commit(top: Path) -> None:
    steps = [step("RG1", a="2\n")]
    assert write(top, steps) == write(top, steps)
    assert git(top, "branch", "--format=%(refname:short)").splitlines() == ["main", "regrad/mend"]


def test_somebody_elses_branch_is_left_alone(top: Path) -> None:
    git(top, "branch", "regrad/mend")
    before = git(top, "rev-parse", "regrad/mend")
    assert write(top, [step("RG1", a="2\n")]).name == "regrad/mend-2"
    assert git(top, "rev-parse", "regrad/mend") == before


def test_our_own_branch_is_moved_but_not_under_a_checkout(top: Path) -> None:
    first = write(top, [step("RG1", a="2\n")])
    second = write(top, [step("RG1", a="3\n")], own_tip=first.tip)
    assert second.name == first.name
    git(top, "checkout", "-q", "regrad/mend")
    git(top, "symbolic-ref", "HEAD", "refs/heads/regrad/mend")
    third = write(top, [step("RG1", b="4\n")], own_tip=second.tip)
    assert third.name == "regrad/mend-2"
    assert git(top, "rev-parse", "HEAD") == second.tip


def test_modes_and_names_survive(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": "1\n"})
    (top / "a.py").chmod(0o755)
    commit(top, {'new\nline "é".py': "1\n"})
    done = (Done("RG1", "name", 'new\nline "é".py', 1, "do it", "not verified"),)
    write(top, [Step(("RG1",), (("a.py", b"2\n"), ('new\nline "é".py', b"2\n")), done)])
    assert git(top, "ls-tree", "regrad/mend", "a.py").startswith("100755")
    changed = git(top, "diff", "--name-only", "-z", "main", "regrad/mend").split("\0")
    assert set(changed) - {""} == {"a.py", 'new\nline "é".py'}
    assert "\nline" not in git(top, "log", "-1", "--format=%B", "regrad/mend")


@pytest.mark.parametrize("attributes", ["", "*.py binary\n", "*.py -diff\n"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_the_patch_is_taken_by_apply_and_by_am(attributes: str, ending: str, tmp_path: Path) -> None:
    files = {"a.py": f"x = 1{ending}", "b.py": "y = 1\n", ".gitattributes": attributes}
    top = repository(tmp_path / "models", files)
    git(top, "config", "format.attach", "true")
    git(top, "config", "diff.noprefix", "true")
    made = write(top, [step("RG1", a=f"x = 2{ending}"), step("RG2", a=f"x = 3{ending}", b="y = 2\n")])
    patch = tmp_path / "models.patch"
    patch.write_bytes(branch.patch(Repository(str(top / ".git")), git(top, "rev-parse", "main"), made.tip))
    for number, command in enumerate((["apply"], ["am", "-q", "--keep-cr"])):
        copy = tmp_path / f"copy{number}"
        git(tmp_path, "clone", "-q", str(top), str(copy))
        git(copy, *command, str(patch))
        assert (copy / "a.py").read_bytes() == f"x = 3{ending}".encode()
        assert (copy / "b.py").read_bytes() == b"y = 2\n"


def test_no_hook_filter_or_signature_is_run(top: Path, tmp_path: Path) -> None:
    mark = tmp_path / "pwned"
    for hook in ("pre-commit", "post-commit", "reference-transaction", "post-checkout", "post-index-change"):
        path = top / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {mark}\n")
        path.chmod(0o755)
    (top / ".git" / "info" / "attributes").write_text("*.py filter=evil\n")
    for key, value in {
        "filter.evil.clean": f"touch {mark}; cat",
        "commit.gpgSign": "true",
        "gpg.program": f"touch {mark}; false",
        "core.fsmonitor": f"touch {mark}; false",
    }.items():
        git(top, "config", key, value)
    mark.unlink(missing_ok=True)
    write(top, [step("RG1", a="2\n")])
    assert not mark.exists()


def test_a_branch_of_ours_can_be_taken_away_again(top: Path) -> None:
    made = write(top, [step("RG1", a="2\n")])
    history = Repository(str(top / ".git"))
    branch.remove(history, made.name, "0" * 40)
    assert history.commit(made.name) == made.tip
    branch.remove(history, made.name, made.tip)
    assert history.commit(made.name) is None
