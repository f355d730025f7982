"""Replacing files on disk."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from regrad.repair.write import NotWritten, replace_file, replace_files


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".regrad-")]


def test_content_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old\r\n")
    path.chmod(0o751)
    replace_file(str(path), b"old\r\n", b"new\r\n")
    assert path.read_bytes() == b"new\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert leftovers(tmp_path) == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.py").write_bytes(b"old")
    (tmp_path / "a.py").symlink_to("real/a.py")
    replace_file(str(tmp_path / "a.py"), b"old", b"new")
    assert (tmp_path / "a.py").is_symlink()
    assert (tmp_path / "real" / "a.py").read_bytes() == b"new"


def test_somebody_elses_change_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"theirs")
    (tmp_path / "b.py").write_bytes(b"old")
    changes = {str(tmp_path / "b.py"): (b"old", b"new"), str(tmp_path / "a.py"): (b"old", b"new")}
    with pytest.raises(NotWritten, match="changed since"):
        replace_files(changes)
    assert (tmp_path / "a.py").read_bytes() == b"theirs"
    assert (tmp_path / "b.py").read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_protected_file_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_bytes(b"old")
    (tmp_path / "a.py").chmod(0o444)
    # Root may write it all the same, and tests often run as root.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(NotWritten, match="write-protected"):
        replace_file(str(tmp_path / "a.py"), b"old", b"new")
    with pytest.raises(NotWritten, match="cannot be written"):
        replace_file(str(tmp_path / "none.py"), b"old", b"new")


def test_when_the_second_rename_fails_the_first_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"old " + name.encode())
    real_replace = os.replace
    calls: list[str] = []

    def replace(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real_replace(source, target)

    monkeypatch.setattr(os, "replace", replace)
    changes = {str(tmp_path / name): (b"old " + name.encode(), b"new") for name in "ab"}
    with pytest.raises(NotWritten, match="No space left"):
        replace_files(changes)
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"old a", b"old b"]
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/shm"), reason="needs a file size limit on a real file system")
def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"old")
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from regrad.repair.write import replace_file, NotWritten\n"
        "try: replace_file(sys.argv[1], b'old', b'x' * 5000)\n"
        "except NotWritten as problem: print(problem.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path / "a.py")], capture_output=True, text=True, check=True
    )
    assert "cannot be written" in done.stdout
    assert (tmp_path / "a.py").read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_killed_in_the_middle_nothing_is_half_written(tmp_path: Path) -> None:
    old, new = b"old\n" * 200_000, b"new\n" * 200_000
    (tmp_path / "a.py").write_bytes(old)
    code = (
        "import sys; from regrad.repair.write import replace_file\n"
        "old, new = b'old\\n' * 200_000, b'new\\n' * 200_000\n"
        "print('ready', flush=True)\n"
        "while True:\n    replace_file(sys.argv[1], old, new); replace_file(sys.argv[1], new, old)\n"
    )
    for delay in (0.01, 0.03, 0.07):
        process = subprocess.Popen([sys.executable, "-B", "-c", code, str(tmp_path / "a.py")], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        process.stdout.close()
        assert (tmp_path / "a.py").read_bytes() in (old, new)
        (tmp_path / "a.py").write_bytes(old)


def test_what_a_killed_run_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"old")
    (tmp_path / ".regrad-abc_1234.tmp").write_bytes(b"half")
    kept = [".regrad-baseline.json", ".regrad-abc_1234", "regrad-abc_1234.tmp", ".regrad-abcdefghi.tmp"]
    for name in kept:
        (tmp_path / name).write_bytes(b"somebody else's")
    replace_file(str(tmp_path / "a.py"), b"old", b"new")
    assert sorted(os.listdir(tmp_path)) == sorted(["a.py", *kept])


def test_what_a_living_run_prepares_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run waits until the first has finished with the folder."""
    (tmp_path / "a.py").write_bytes(b"old")
    (tmp_path / "b.py").write_bytes(b"old")
    code = (
        "import sys; from regrad.repair.write import replace_file; print('begins', flush=True);"
        f" replace_file({str(tmp_path / 'b.py')!r}, b'old', b'new')"
    )
    plain = os.fsync
    seen: list[subprocess.Popen[bytes]] = []

    def fsync(descriptor: int) -> None:
        plain(descriptor)
        if not seen:
            other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
            seen.append(other)
            assert other.stdout is not None and other.stdout.readline() == b"begins\n"
            with pytest.raises(subprocess.TimeoutExpired):
                other.wait(0.3)
            assert (tmp_path / "b.py").read_bytes() == b"old"

    monkeypatch.setattr(os, "fsync", fsync)
    replace_file(str(tmp_path / "a.py"), b"old", b"new")
    with seen[0] as other:
        assert other.wait(20) == 0
    assert sorted(os.listdir(tmp_path)) == ["a.py", "b.py"]
    assert (tmp_path / "a.py").read_bytes() == (tmp_path / "b.py").read_bytes() == b"new"
