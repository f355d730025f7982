"""From paths to files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from regrad.repair.options import Options
from regrad.repair.outcome import Status
from regrad.repair.targets import Rejected, Target, targets

FILES = (
    "a.py",
    "b.ipynb",
    "c.txt",
    "pkg/d.py",
    "pkg/ignored.py",
    "pkg/sub/kept.py",
    "venv/lib/e.py",
    "build/f.py",
    ".git/g.py",
    "out/h.py",
    "pkg/.ipynb_checkpoints/i.ipynb",
)


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("/out/\n*.tmp\n")
    (tmp_path / "pkg" / ".gitignore").write_text("ignored.py\nsub/*\n!sub/kept.py\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*paths: str, **options: object) -> list[str]:
    return [each.path for each in targets(paths, Options(**options)) if isinstance(each, Target)]  # type: ignore[arg-type]


def rejected(*paths: str, **options: object) -> dict[str, Rejected]:
    every = targets(paths, Options(**options))  # type: ignore[arg-type]
    return {each.path: each for each in every if isinstance(each, Rejected)}


def test_a_folder_is_walked_in_order() -> None:
    assert found(".") == ["a.py", "b.ipynb", "pkg/d.py", "pkg/sub/kept.py"]
    assert found("./pkg/") == ["pkg/d.py", "pkg/sub/kept.py"]


def test_gitignore_can_be_disregarded() -> None:
    assert found(".", respect_gitignore=False) == [
        "a.py",
        "b.ipynb",
        "out/h.py",
        "pkg/d.py",
        "pkg/ignored.py",
        "pkg/sub/kept.py",
    ]


def test_the_gitignore_of_the_repository_holds_in_its_folders(tree: Path) -> None:
    (tree / "pkg" / "out").mkdir()
    (tree / ".gitignore").write_text("d.py\n")
    assert found("pkg") == ["pkg/sub/kept.py"]
    assert found("pkg/d.py") == ["pkg/d.py"]


def test_exclude() -> None:
    assert found(".", exclude=("pkg",)) == ["a.py", "b.ipynb"]
    assert found(".", exclude=("*.ipynb", "/pkg/sub/")) == ["a.py", "pkg/d.py"]
    assert found("pkg", exclude=("pkg/d.py",)) == ["pkg/sub/kept.py"]


def test_each_file_once() -> None:
    assert found("a.py", ".", "./a.py", os.path.abspath("a.py")) == ["a.py", "b.ipynb", "pkg/d.py", "pkg/sub/kept.py"]


def test_a_named_file_is_taken_whatever_its_name() -> None:
    assert found("c.txt", "venv/lib/e.py") == ["c.txt", "venv/lib/e.py"]


def test_links_in_folders_are_not_followed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.py").write_text("x = 1\n")
    (tree / "pkg" / "link.py").symlink_to(outside / "secret.py")
    (tree / "pkg" / "folder").symlink_to(outside)
    (tree / "pkg" / "loop").symlink_to("..")
    assert found("pkg") == ["pkg/d.py", "pkg/sub/kept.py"]
    assert found("pkg/link.py") == ["pkg/link.py"]


def test_through_a_linked_folder_patterns_still_hold(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("links") / "project"
    link.symlink_to(tree)
    assert [os.path.relpath(path, link) for path in found(str(link))] == found(".")


def test_what_is_not_read_is_said() -> None:
    assert "no such file" in rejected("nowhere.py")["nowhere.py"].message
    assert rejected("nul\0.py")["nul\0.py"].status is Status.UNREADABLE
    Path("big.py").write_bytes(b"#" * 2000)
    Path("big.ipynb").write_bytes(b" " * 2000)
    large = rejected(".", max_bytes=1000)
    assert list(large) == ["big.py"]
    assert large["big.py"].status is Status.SKIPPED
    os.mkfifo("pipe.py")
    assert rejected("pipe.py")["pipe.py"].status is Status.SKIPPED
    assert "pipe.py" not in found(".")


def test_a_broken_pattern_is_passed_over() -> None:
    Path(".gitignore").write_text("!\n/out/\n[\n")
    assert "out/h.py" not in found(".")
