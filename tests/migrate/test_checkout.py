"""Work trees of our own: exact contents, nothing that leads out, no trace in the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from regrad.migrate import checkout
from regrad.migrate.git import GitProblem, Repository

from .repositories import git, repository


def history(folder: Path) -> Repository:
    return Repository(str(folder / ".git"))


def tree(folder: Path, *entries: bytes) -> None:
    """Commits a tree that is made by hand, as git itself would not make it."""
    made = git(folder, "mktree", "--missing", "-z", given=b"\0".join((*entries, b"")))
    made_commit = git(folder, "commit-tree", made, "-m", "made by hand")
    git(folder, "update-ref", "refs/heads/main", made_commit)


def blob(folder: Path, content: bytes) -> bytes:
    return git(folder, "hash-object", "-w", "--stdin", given=content).encode()


def test_contents_are_those_of_the_commit_whatever_filters_say(tmp_path: Path) -> None:
    files = {".gitattributes": "*.py text eol=crlf filter=evil\n", "a.py": "x = 1\n", "d/run.sh": "#!/bin/sh\n"}
    top = repository(tmp_path / "models", files)
    git(top, "config", "filter.evil.smudge", f"touch {tmp_path}/pwned; cat")
    git(top, "update-index", "--chmod=+x", "d/run.sh")
    git(top, "commit", "-q", "-m", "executable")
    (top / "a.py").write_text("x = 3\n")
    made = checkout.export(history(top), "HEAD", str(tmp_path / "work"))
    assert (tmp_path / "work" / "a.py").read_bytes() == b"x = 1\n"
    assert os.access(tmp_path / "work" / "d" / "run.sh", os.X_OK)
    assert {entry.path for entry in made.entries} == {".gitattributes", "a.py", "d/run.sh"}
    assert made.notes == ()
    assert not (tmp_path / "pwned").exists()
    assert git(top, "worktree", "list").count("\n") == 0


def test_links_that_stay_are_made_and_links_that_leave_are_not(tmp_path: Path) -> None:
    top = tmp_path / "models"
    repository(top, {"real/a.py": "x = 1\n"})
    for name, aim in {
        "inside.py": "real/a.py",
        "folder": "real",
        "outside.py": "../secret.py",
        "etc": "/etc",
        "dangling.py": "nowhere.py",
        "round": "round",
        "real/up": "../../..",
    }.items():
        (top / name).symlink_to(aim)
    (tmp_path / "secret.py").write_text("secret\n")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "links")
    made = checkout.export(history(top), "HEAD", str(tmp_path / "work"))
    links = {path.name for path in (tmp_path / "work").rglob("*") if path.is_symlink()}
    assert links == {"inside.py", "folder"}
    assert "5 links" in " ".join(made.notes)


@pytest.mark.parametrize("name", [b"..", b".git", b".GIT", b"a\\..\\b", b"."])
def test_paths_that_would_leave_are_left_out(name: bytes, tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": ""})
    harm = blob(top, b"x = 1\n")
    inner = git(top, "mktree", "-z", given=b"100644 blob " + harm + b"\tharm.py\0").encode()
    tree(top, b"040000 tree " + inner + b"\t" + name, b"100644 blob " + harm + b"\tfine.py")
    made = checkout.export(history(top), "main", str(tmp_path / "work" / "deep"))
    assert [entry.path for entry in made.entries] == ["fine.py"]
    assert "cannot be written safely" in made.notes[0]
    assert not list(tmp_path.rglob("harm.py"))


def test_a_link_cannot_be_written_through(tmp_path: Path) -> None:
    # A tree that names a link and a folder alike: what git itself would never write.
    top = repository(tmp_path / "models", {"a.py": ""})
    outside = tmp_path / "outside"
    outside.mkdir()
    link, harm = blob(top, str(outside).encode()), blob(top, b"x = 1\n")
    inner = git(top, "mktree", "-z", given=b"100644 blob " + harm + b"\tharm.py\0").encode()
    tree(top, b"120000 blob " + link + b"\tplace", b"040000 tree " + inner + b"\tplace")
    checkout.export(history(top), "main", str(tmp_path / "work"))
    assert not list(outside.iterdir())


def test_submodules_pointers_and_environments(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    files = {"a.py": "", "weights.py": pointer, ".venv/pyvenv.cfg": "", ".venv/bin/python": "#!/bin/sh\n"}
    top = repository(tmp_path / "models", files)
    other = repository(tmp_path / "other", {"b.py": ""})
    commit = git(other, "rev-parse", "HEAD")
    git(top, "update-index", "--add", "--cacheinfo", f"160000,{commit},library")
    git(top, "commit", "-q", "-m", "with a submodule")
    made = checkout.export(history(top), "HEAD", str(tmp_path / "work"))
    assert made.pointers == {"weights.py"}
    assert "1 submodule not entered: library" in made.notes
    # A committed environment would name the interpreter that is run outside of the sandbox.
    assert not (tmp_path / "work" / ".venv" / "pyvenv.cfg").exists()


def test_names_with_line_breaks_and_quotes(tmp_path: Path) -> None:
    names = ["a\nb.py", 'quote".py', "tab\t.py", "é.py", "-rf.py"]
    top = repository(tmp_path / "models", dict.fromkeys(names, "x = 1\n"))
    made = checkout.export(history(top), "HEAD", str(tmp_path / "work"))
    assert sorted(entry.path for entry in made.entries) == sorted(names)


def test_a_work_tree_is_removed_even_if_it_resists(tmp_path: Path) -> None:
    stubborn = tmp_path / "work" / "inner"
    stubborn.mkdir(parents=True)
    (stubborn / "a.py").touch()
    stubborn.chmod(0o500)
    outside = tmp_path / "kept"
    outside.mkdir()
    (tmp_path / "work" / "link").symlink_to(outside)
    checkout.remove(str(tmp_path / "work"))
    assert not (tmp_path / "work").exists()
    assert outside.exists()


def test_what_a_partial_clone_lacks_is_told_and_the_rest_is_written(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": "x = 1\n"})
    gone, here = b"1" * 40, blob(top, b"x = 1\n")
    tree(
        top,
        b"100644 blob " + gone + b"\tgone.py",
        b"100644 blob " + here + b"\there.py",
        b"120000 blob " + b"2" * 40 + b"\tlink.py",
    )
    made = checkout.export(history(top), "main", str(tmp_path / "work"))
    assert [entry.path for entry in made.entries] == ["here.py"]
    assert made.notes == ("2 files absent from this clone, which is a partial one: gone.py, link.py",)
    assert sorted(os.listdir(tmp_path / "work")) == [".git", "here.py"]


def test_changed_since(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": "1\n", "b.py": "1\n"})
    first = git(top, "rev-parse", "HEAD")
    (top / "b.py").write_text("2\n")
    git(top, "commit", "-qam", "b")
    assert history(top).changed(first, "HEAD") == {"b.py"}
    with pytest.raises(GitProblem, match="no commit nowhere"):
        history(top).changed("nowhere", "HEAD")
