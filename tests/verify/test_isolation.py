"""Whatever a program does to its process, the answer is a verdict, the server lives on, and nothing remains."""

# The programs under test stand on long lines.
# ruff: noqa: E501
from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from regrad.verify import Job, Outcome, StepReport, Verifier

pytestmark = pytest.mark.tensorflow
Step = Callable[..., StepReport]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("import os\nos._exit(7)", "status 7"),
        ("import os\nos._exit(0)", "status 0"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os\nos.abort()", "SIGABRT"),
        ("import os\nos.closerange(3, 4096)\nos._exit(0)", "status 0"),
    ],
)
def test_a_process_that_dies_is_a_crash_with_its_reason(step: Step, text: str, word: str) -> None:
    report = step(text)
    assert report.outcome is Outcome.CRASHED and report.reason is not None and word in report.reason
    assert step("print(1)").outcome is Outcome.NO_STEP, "the server lives on"


def test_a_channel_that_is_closed_is_a_crash_and_not_a_verdict(step: Step) -> None:
    assert step("import os\nos.closerange(3, 4096)").outcome is Outcome.CRASHED


def test_printing_a_report_deceives_nobody(step: Step) -> None:
    text = (
        "import json, os, struct\nbody = json.dumps({'outcome': 'stepped', 'variables': []}).encode()\n"
        "frame = struct.pack('>I', len(body)) + body\n"
        "for descriptor in (1, 2):\n    os.write(descriptor, frame)\nprint(json.dumps({'outcome': 'stepped'}))\n"
    )
    assert step(text).outcome is Outcome.NO_STEP


def test_a_loop_ends_in_time_and_takes_its_children_along(tmp_path: Path) -> None:
    marker = f"regrad-test-{os.getpid()}"
    text = (
        "import subprocess, sys, time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)', '{marker}'], start_new_session=True)\n"
        "while True:\n    time.sleep(0.1)\n"
    )
    path = tmp_path / "loop.py"
    path.write_text(text)
    with Verifier(timeout=2.0) as impatient:
        report = impatient.step(Job(str(path)))
    assert report.outcome is Outcome.TIMEOUT and report.reason is not None and "2 s" in report.reason
    assert not [entry for entry in running() if marker in entry]


def test_memory_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "hungry.py"
    path.write_text("blocks = []\nwhile True:\n    blocks.append(bytearray(b'x' * (16 << 20)))\n")
    with Verifier(timeout=30.0, memory=512 << 20) as strict:
        started = time.monotonic()
        report = strict.step(Job(str(path)))
    assert report.outcome is Outcome.CRASHED and report.reason is not None and "memory" in report.reason
    assert time.monotonic() - started < 25


def running() -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found.append(Path("/proc", name, "cmdline").read_bytes().decode("utf-8", "replace"))
            except OSError:
                continue
    return found


def test_nothing_is_written_where_the_program_lives(step: Step, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "table.csv").write_text("1,2\n")
    (tmp_path / "part.py").write_text("VALUE = 3\n")
    outside = tmp_path.parent / f"{tmp_path.name}-outside.txt"
    text = (
        "import os, part, pathlib\nassert open('data/table.csv').read() == '1,2\\n' and part.VALUE == 3\n"
        "open('data/table.csv', 'w').write('overwritten')\nopen('new.txt', 'w').write('new')\nos.makedirs('logs/deep', exist_ok=True)\n"
        "assert open('new.txt').read() == 'new' and open('data/table.csv').read() == 'overwritten'\n"
        "here = pathlib.Path(__file__).parent\n(here / 'absolute.txt').write_text('x')\n"
        f"open({str(outside)!r}, 'w').write('x')\nos.remove('part.py')\n"
        "raise SystemExit('reached the end')\n"
    )
    report = step(text)
    assert report.reason is not None and "reached the end" in report.reason, report
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["data", "data/table.csv", "part.py", "program.py"]
    assert (tmp_path / "data" / "table.csv").read_text() == "1,2\n" and not outside.exists()


def test_modules_are_replaced_without_touching_them(verifier: Verifier, tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("VALUE = 'on disk'\n")
    entry = tmp_path / "main.py"
    entry.write_text("import part, sys\nsys.exit(part.VALUE)\n")
    report = verifier.step(Job(str(entry), {str((tmp_path / "part.py").resolve()): "VALUE = 'handed over'\n"}))
    assert report.reason is not None and "handed over" in report.reason
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_package_module_runs_as_python_dash_m_would(verifier: Verifier, tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("VALUE = 'from the package'\n")
    (package / "train.py").write_text("import sys\nfrom .part import VALUE\nsys.exit(VALUE + ' ' + sys.argv[1])\n")
    report = verifier.step(Job(str(package / "train.py"), arguments=("now",), module="pkg.train"))
    assert report.reason is not None and "from the package now" in report.reason


def test_closing_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text("pass\n")
    with Verifier() as short:
        short.step(Job(str(path)))
        server = next(iter(short.servers.values()))
        scratch, process = Path(server.scratch), server.process.pid
        assert scratch.exists()
    assert not scratch.exists() and not Path(f"/proc/{process}").exists()


def test_a_missing_interpreter_names_what_was_tried(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text("pass\n")
    with Verifier("/no/such/python") as lost:
        report = lost.step(Job(str(path)))
    assert report.outcome is Outcome.UNAVAILABLE and report.reason is not None and "/no/such/python" in report.reason
    assert "--python" in report.reason


# Each attempt must be harmless where isolation fails, since these tests may be run by root: the calls are of the kind
# that is refused, but ask for something that cannot be done anyway, and then fail with another error than EPERM.
REACHING = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def refused(result):
    return result < 0
made = libc.socket(2, 1, 0)
address = bytes([2, 0, 0, 9, 127, 0, 0, 1]) + bytes(8)
print("connect", made < 0 or refused(libc.connect(made, address, 16)))
print("ptrace", libc.ptrace(16, 0, 0, 0) < 0 and ctypes.get_errno() == 1)
print("mount", libc.mount(b"none", b"", b"no-such-kind", 0, None) < 0 and ctypes.get_errno() == 1)
print("packet", refused(libc.socket(17, 3, 0)))
try:
    os.close(os.open({outside!r}, os.O_WRONLY | os.O_CREAT))
    print("write False")
except OSError:
    print("write True")
left, right = socket.socketpair()
left.send(b"x")
print("local", right.recv(1) == b"x")
import tensorflow as tf
print("tensorflow", float(tf.reduce_sum(tf.ones(3))) == 3.0)
"""


def outcomes(verifier: Verifier, tmp_path: Path) -> dict[str, bool]:
    outside = str(tmp_path / "outside.txt")
    path = tmp_path / "reaching.py"
    path.write_text(REACHING.replace("{outside!r}", repr(outside)))
    job = Job(str(path))
    seen = verifier.run(job, path.read_text(), "eager", {}, False)
    found = {}
    for line in seen.output.splitlines():
        name, _, answer = line.partition(" ")
        if answer in ("True", "False"):
            found[name] = answer == "True"
    found["left"] = os.path.exists(outside)
    return found


def test_required_isolation_holds_or_the_run_is_refused(tmp_path: Path) -> None:
    with Verifier(sandbox="require") as strict:
        (tmp_path / "p.py").write_text("pass\n")
        first = strict.step(Job(str(tmp_path / "p.py")))
        if first.outcome is Outcome.UNAVAILABLE:
            assert first.reason is not None and "--sandbox require" in first.reason
            pytest.skip(str(first.reason))
        found = outcomes(strict, tmp_path)
    assert found == {
        **dict.fromkeys(("connect", "ptrace", "mount", "packet", "write", "local", "tensorflow"), True),
        "left": False,
    }


def test_without_isolation_the_program_still_runs_in_its_scratch_folder(tmp_path: Path) -> None:
    with Verifier(sandbox="off") as free:
        path = tmp_path / "writes.py"
        path.write_text("open('made.txt', 'w').write('x')\nraise SystemExit('written')\n")
        report = free.step(Job(str(path)))
        assert report.reason is not None and "written" in report.reason
    assert not (tmp_path / "made.txt").exists()


def test_an_unknown_level_is_an_error() -> None:
    with pytest.raises(ValueError, match="sandbox"):
        Verifier(sandbox="maybe")
