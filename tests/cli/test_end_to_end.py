"""The whole way on a real program: found, previewed, mended, proved; and whatever cannot be analysed stays as it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from .console_script import Script

BROKEN = """\
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam()
for epoch in range(10):
    prediction = model(X_train)  # outside
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(prediction - y_train))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
MENDED = BROKEN.replace("    prediction = model(X_train)  # outside\n", "").replace(
    "        loss = ", "        prediction = model(X_train)  # outside\n        loss = "
)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("train.py")
    path.write_text(BROKEN)
    return path


def test_check_finds_it_and_changes_nothing(script: Script, program: Path) -> None:
    ran = script("check", "--output-format", "json", "train.py")
    assert ran.status == 1
    document = json.loads(ran.stdout)
    (finding,) = document["files"][0]["findings"]
    assert (finding["code"], finding["start"]["line"]) == ("RG401", 6)
    assert finding["fix"]["safety"] == "safe"
    assert document["summary"]["fixable"] == 1
    assert program.read_text() == BROKEN


def test_fix_mends_it_once_and_for_all(script: Script, program: Path) -> None:
    ran = script("fix", "--no-verify", "train.py")
    assert ran.status == 0
    assert program.read_text() == MENDED
    assert "1 mended (none proved by a training step)" in ran.stdout
    again = script("fix", "--no-verify", "train.py")
    assert (again.status, again.stdout) == (0, "No findings in 1 file\n")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("ending", [b"", b"# no newline"])
def test_the_preview_is_a_patch_that_git_applies(script: Script, program: Path, newline: bytes, ending: bytes) -> None:
    before = BROKEN.encode().replace(b"\n", newline) + ending
    program.write_bytes(before)
    ran = script("fix", "--no-verify", "--diff", "train.py")
    assert ran.status == 1
    assert program.read_bytes() == before
    subprocess.run(["git", "apply", "-"], input=ran.stdout_bytes, check=True)
    assert program.read_bytes() == MENDED.encode().replace(b"\n", newline) + ending


def test_an_editor_gets_the_mended_text(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = script("fix", "--no-verify", "-", "--stdin-filename", "not_saved.py", stdin=BROKEN.encode())
    assert ran.status == 0
    assert ran.stdout == MENDED
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_silenced(script: Script, program: Path) -> None:
    assert script("check", "--ignore", "RG4", "train.py").status == 0
    assert script("check", "--select", "RG401", "train.py").status == 1
    assert script("check", "--per-file-ignores", "train.py:RG401", "train.py").status == 0
    program.with_name("pyproject.toml").write_text('[tool.regrad]\nper-file-ignores = { "tr*.py" = ["RG401"] }\n')
    assert script("check", "train.py").status == 0
    assert script("check", "--isolated", "train.py").status == 1
    program.write_text(BROKEN.replace("# outside", "# regrad: ignore[RG401]"))
    assert script("check", "--isolated", "train.py").status == 0


@pytest.mark.parametrize("command", ["check", "fix"])
@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"import tensorflow as tf\nx = (\n", 3, "syntax-error: not valid Python at line 2"),
        (b"x = (\n", 3, "syntax-error: not valid Python at line 1"),
        (b"import tensorflow\nx = '\xe9'\n", 3, "unreadable: not utf-8 at line 2"),
        (b"x = '\xe9'\n", 3, "unreadable: not utf-8 at line 1"),
        (b"", 0, "No findings in 1 file"),
        (b"import tensorflow as tf\n", 0, "No findings in 1 file"),
    ],
)
def test_every_input_gets_an_answer(
    command: str, content: bytes, status: int, words: str, script: Script, program: Path
) -> None:
    program.write_bytes(content)
    ran = script(command, "train.py")
    assert ran.status == status
    assert words in ran.stdout
    assert program.read_bytes() == content


def test_one_bad_file_does_not_hide_the_others(script: Script, program: Path) -> None:
    Path("broken.py").write_text("import keras\nx = (\n")
    ran = script("fix", "--no-verify", ".")
    assert ran.status == 3
    assert program.read_text() == MENDED
    assert "broken.py:2:5: syntax-error" in ran.stdout


@pytest.mark.tensorflow
def test_the_mending_is_proved_by_a_training_step(script: Script, program: Path) -> None:
    ran = script("fix", "--require-verified", "train.py")
    assert ran.status == 0, ran
    assert program.read_text() == MENDED
    kernel = next(line for line in ran.stdout.splitlines() if "kernel" in line and "flows" in line)
    assert "none" in kernel
    assert "No gradients provided for any variable" in ran.stdout
    assert "data: synthetic (" in ran.stdout
    assert "  mended: " in ran.stdout
    assert ran.stdout.splitlines()[-1] == "1 finding; 1 mended (1 proved by a training step)"


@pytest.mark.tensorflow
def test_diagnose_names_the_line_of_the_cut_and_the_fix(script: Script, program: Path) -> None:
    ran = script("diagnose", "train.py")
    assert ran.status == 1
    assert "Not one variable received a gradient" in ran.stdout
    assert "the path ends at line 6: " in ran.stdout
    assert "train.py:6:18 RG401" in ran.stdout
    assert ran.stdout.splitlines()[-1].endswith("regrad fix --diff train.py")


def test_diagnose_of_a_traceback_reads_the_program_that_was_started(script: Script, program: Path) -> None:
    text = (
        f'Traceback (most recent call last):\n  File "{program.resolve()}", line 10, in <module>\n'
        '  File "/x/site-packages/keras/optimizer.py", line 1, in apply\n'
        "ValueError: No gradients provided for any variable.\n"
    )
    ran = script("diagnose", "-", stdin=text.encode())
    assert ran.status == 1
    assert "Not one variable received a gradient" in ran.stdout
    assert "train.py:6:18 RG401" in ran.stdout


def test_diagnose_of_another_error_says_so(script: Script) -> None:
    ran = script("diagnose", "-", stdin=b"KeyError: 'x'\n")
    assert ran.status == 1
    assert "no message that lost gradients are known to cause" in ran.stdout
    assert script("diagnose", "-", stdin=b"\n").status == 2


@pytest.mark.tensorflow
def test_verify_tells_the_broken_from_the_mended(script: Script, program: Path) -> None:
    Path("mended.py").write_text(MENDED)
    broken = script("verify", "train.py")
    assert broken.status == 1
    assert broken.stdout.splitlines()[0].startswith("train.py: No gradient reaches ")
    compared = script("verify", "--output-format", "json", "mended.py", "--against", "train.py")
    assert compared.status == 0
    verification = json.loads(compared.stdout)["verification"]
    assert verification["verdict"] == "mended"
    assert {each["gradient"] for each in verification["before"]["variables"]} == {"none"}
    assert {each["gradient"] for each in verification["after"]["variables"]} == {"flows"}
