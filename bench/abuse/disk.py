"""What `regrad fix` loses when the disk is full, when nothing may be written, when others write, and when it is killed.

    python bench/abuse/disk.py --json disk.json

Everything happens on a small file system in memory, in a mount namespace of this command's own (which takes root, or a
user namespace). Told are the exit status, what was said, files that are neither as they were nor mended, and temporary
files that were left. The exit status is 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BROKEN = (ROOT / "fixtures" / "quickstart" / "linear_regression_forward_outside.py").read_bytes()
MARK = "REGRAD_ABUSE_IN_NAMESPACE"
FIX = [sys.executable, "-m", "regrad.cli", "fix", "--isolated", "--no-verify", "--quiet"]
FILES = 12
KILLS = 20


@dataclass(frozen=True)
class Row:
    """How one attempt ended."""

    attempt: str
    status: str
    said: str
    lost: int
    """Files that are neither as they were nor mended."""
    left: int
    """Temporary files afterwards."""
    wanted: bool
    """Whether it ended as it should."""


def mended() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.py")
        path.write_bytes(BROKEN)
        run(str(path))
        assert path.read_bytes() != BROKEN
        return path.read_bytes()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*FIX, *arguments], capture_output=True, text=True, check=False)


def tree(folder: Path, count: int) -> list[Path]:
    made = []
    for number in range(count):
        path = folder / f"part{number % 3}" / f"train{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(BROKEN)
        made.append(path)
    return made


def row(attempt: str, folder: Path, done: subprocess.CompletedProcess[str] | None, after: bytes, wanted: bool) -> Row:
    lost = sum(path.read_bytes() not in (BROKEN, after) for path in folder.rglob("*.py"))
    left = sum(1 for _ in folder.rglob(".regrad-*"))
    said = ""
    if done is not None:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = next((line for line in lines if "written" in line or "chang" in line), lines[-1] if lines else "")
    status = "" if done is None else str(done.returncode)
    return Row(attempt, status, said.replace(str(folder) + "/", "")[:200], lost, left, wanted and not lost and not left)


def full(folder: Path, after: bytes) -> Row:
    path = folder / "train.py"
    path.write_bytes(BROKEN)
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(512))
    except OSError:
        pass
    done = run(str(path))
    filler.unlink()
    told = "No space left" in done.stdout + done.stderr
    return row("the disk is full", folder, done, after, told and done.returncode == 1 and path.read_bytes() == BROKEN)


def quota(folder: Path, after: bytes) -> Row:
    path = folder / "train.py"
    path.write_bytes(BROKEN)
    limited = [
        sys.executable,
        "-c",
        "import os, resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        "os.execv(sys.argv[1], sys.argv[1:])",
    ]
    done = subprocess.run([*limited, *FIX, str(path)], capture_output=True, text=True, check=False)
    good = done.returncode == 1 and path.read_bytes() == BROKEN
    return row("no file may grow beyond 200 bytes", folder, done, after, good)


def read_only(folder: Path, after: bytes) -> Row:
    path = folder / "train.py"
    path.write_bytes(BROKEN)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    done = run(str(path))
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    told = "Read-only" in done.stdout + done.stderr or "write-protected" in done.stdout + done.stderr
    return row("the file system is read-only", folder, done, after, told and done.returncode == 1)


def protected(folder: Path, after: bytes) -> Row:
    """Without root's right to write what is write-protected."""
    path = folder / "train.py"
    path.write_bytes(BROKEN)
    path.chmod(0o444)
    without = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"]
    done = subprocess.run([*without, *FIX, str(path)], capture_output=True, text=True, check=False)
    told = "write-protected" in done.stdout + done.stderr
    path.chmod(0o644)
    return row("the file is write-protected", folder, done, after, told and done.returncode == 1)


def changed_meanwhile(folder: Path, after: bytes) -> Row:
    """The file changes while the interpreter that verifies is being tried, which here takes its time."""
    path = folder / "train.py"
    path.write_bytes(BROKEN)
    slow = folder / "python"
    slow.write_text("#!/bin/sh\ntouch started\nsleep 2\nexit 1\n".replace("started", str(folder / "started")))
    slow.chmod(0o755)
    command = [each for each in FIX if each != "--no-verify"] + ["--python", str(slow), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        deadline = time.monotonic() + 60
        while not (folder / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        own = BROKEN + b"# the author's last thought\n"
        path.write_bytes(own)
        said, _ = process.communicate()
    kept = path.read_bytes() == own
    path.write_bytes(BROKEN)
    done = subprocess.CompletedProcess(command, process.returncode, said, "")
    return row("the file changes meanwhile", folder, done, after, kept and "has changed" in said)


def together(folder: Path, after: bytes) -> Row:
    paths = tree(folder, FILES)
    runs = [subprocess.Popen([*FIX, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(3)]
    for each in runs:
        each.communicate()
    statuses = ", ".join(sorted({str(each.returncode) for each in runs}))
    good = all(path.read_bytes() == after for path in paths) and all(each.returncode in (0, 1) for each in runs)
    found = row("three runs at once on one tree", folder, None, after, good)
    return Row(found.attempt, statuses, f"{FILES} files, all mended", found.lost, found.left, found.wanted)


def killed(folder: Path, after: bytes) -> Row:
    """Killed at random moments, most of them while it writes; then a run to the end."""
    generator = random.Random(0)
    paths = tree(folder, FILES)
    lost = left_behind = writing = 0
    for _ in range(KILLS):
        with subprocess.Popen([*FIX, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            before = {path: path.stat().st_ino for path in paths}
            deadline = time.monotonic() + 30
            # Wait for the first file that is replaced: from then on it writes.
            while process.poll() is None and time.monotonic() < deadline:
                if any(path.stat().st_ino != before[path] for path in paths):
                    break
            time.sleep(generator.random() * 0.03)
            writing += process.poll() is None
            process.send_signal(signal.SIGKILL)
        contents = [path.read_bytes() for path in paths]
        lost += sum(content not in (BROKEN, after) for content in contents)
        left_behind += sum(1 for _ in folder.rglob(".regrad-*"))
        for path in paths:
            path.write_bytes(BROKEN)
    run(str(folder))
    found = row("SIGKILL at random moments", folder, None, after, not lost)
    said = f"{writing} of {KILLS} runs killed while they wrote, temporary files left {left_behind} times, then cleared"
    return Row(found.attempt, "", said, lost + found.lost, found.left, found.wanted)


ATTEMPTS: tuple[Callable[[Path, bytes], Row], ...] = (
    full,
    quota,
    read_only,
    protected,
    changed_meanwhile,
    together,
    killed,
)


def in_namespace(arguments: list[str]) -> int:
    """Runs this command again where its mounts are nobody else's."""
    command = ["unshare", "--mount", "--propagation", "private"]
    if os.getuid():
        command += ["--user", "--map-root-user"]
    environment = {**os.environ, MARK: "1", "REGRAD_CACHE_DIR": ""}
    return subprocess.run([*command, sys.executable, __file__, *arguments], env=environment, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if MARK not in os.environ:
        return in_namespace(sys.argv[1:])
    after = mended()
    rows = []
    for attempt in ATTEMPTS:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
            try:
                rows.append(attempt(Path(folder), after))
            finally:
                subprocess.run(["umount", folder], check=True)
        one = rows[-1]
        print(f"{'' if one.wanted else 'LOST':5} {one.attempt:36} {one.status:5} {one.said}", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n")
    return 0 if all(each.wanted for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
