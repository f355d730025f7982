"""Patches, taken by the real git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regrad.repair.diff import patch, unified
from regrad.repair.outcome import FileOutcome, Status

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def applied(folder: Path, name: str, before: bytes, after: bytes, where: str = ".") -> bytes:
    """The file after `git apply` of the patch, run in `where`."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(before)
    text = unified(str(path), before, after, str(folder / where))
    done = subprocess.run(["git", "apply", "-"], cwd=folder / where, input=text, capture_output=True)
    assert done.returncode == 0, (done.stderr.decode(), text.decode("latin-1"))
    return path.read_bytes()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb\n", b"a\nc\n"),
        (b"a\nb", b"a\nc"),
        (b"a\nb", b"a\nb\n"),
        (b"a\nb\n", b"a\nb"),
        (b"a\r\nb\r\n", b"a\r\nc\r\n"),
        (b"a\rb\r", b"a\rc\r"),
        (b"a\r\nb", b"c\r\nb"),
        (b"\xff\xfe\n\x0c\nx\n", b"\xff\xfe\n\x0c\ny\n"),
        (b"", b"x\n"),
        (b"x\n", b""),
        ("é\u2028ü\x85\nx\n".encode(), "é\u2028ü\x85\ny\n".encode()),
        (b'{\n "source": ["a"]\n}', b'{\n "source": ["b"]\n}'),
        (b"--- a\n+++ b\n", b"--- a\n+++ c\n"),
    ],
)
def test_git_takes_it(repository: Path, before: bytes, after: bytes) -> None:
    assert applied(repository, "a.py", before, after) == after


@pytest.mark.parametrize(
    "name", ["sub/dir/a.py", "my file.py", "naïve.py", 'quo"te.py', "tab\t.py", "new\nline.py", "back\\s.py", "-a.py"]
)
def test_names(repository: Path, name: str) -> None:
    assert applied(repository, name, b"a\n", b"b\n") == b"b\n"


def test_in_a_folder_of_the_repository(repository: Path) -> None:
    (repository / "sub").mkdir()
    assert applied(repository, "sub/deep/a.py", b"a\n", b"b\n", where="sub") == b"b\n"


def test_a_file_outside_is_named_from_its_own_repository(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (repository / "pkg").mkdir()
    assert unified(str(repository / "pkg" / "a.py"), b"a\n", b"b\n", str(elsewhere)).startswith(b"--- a/pkg/a.py\n")


def test_nothing_changed() -> None:
    assert patch(FileOutcome("a.py", Status.OK)) == b""
    assert patch(FileOutcome("a.py", Status.OK, before=b"a", after=b"a")) == b""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["a", "b", "c\r", "", "\x0c", "é", "\\ No newline", "-", "+ x", "d\re"]), max_size=12),
    st.lists(st.sampled_from(["a", "b", "c\r", "", "\x0c", "é", "\\ No newline", "-", "+ x", "d\re"]), max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_any_change(repository: Path, old: list[str], new: list[str], old_end: bool, new_end: bool) -> None:
    before, after = ("\n".join(old) + "\n" * old_end).encode(), ("\n".join(new) + "\n" * new_end).encode()
    if before != after:
        assert applied(repository, "a.py", before, after) == after
