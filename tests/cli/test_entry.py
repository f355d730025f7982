"""`--entry` and `entry` of the settings: an entry that is not there, and files that are read through theirs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .console_script import Script
from .test_end_to_end import BROKEN

MODEL = """\
import tensorflow as tf


def build():
    model = tf.keras.Sequential([tf.keras.layers.Input((4,)), tf.keras.layers.Dense(3, activation="softmax")])
    model.compile(optimizer="adam", loss="accuracy")
    return model
"""
TRAIN = """\
import numpy as np
import tensorflow as tf

from package.model import build

images = np.random.rand(16, 4).astype("float32")
labels = np.eye(3, dtype="float32")[np.arange(16) % 3]
weight = tf.Variable(1.0)
answer = weight * 2.0
with tf.GradientTape() as tape:
    loss = answer * answer
slope = tape.gradient(loss, weight)
model = build()
model.fit(images, labels)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text(MODEL)
    (tmp_path / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(ran_stdout: str) -> list[tuple[str, str]]:
    return [(file["path"], each["code"]) for file in json.loads(ran_stdout)["files"] for each in file["findings"]]


@pytest.mark.parametrize("entry", ["nope.py", "trian.py --epochs 1", "-m package.nothing", "'"])
@pytest.mark.parametrize("command", ["check", "fix"])
def test_an_entry_that_is_not_there_is_a_mistake(command: str, entry: str, script: Script, project: Path) -> None:
    (project / "broken.py").write_text(BROKEN)
    ran = script(command, "--entry", entry, "broken.py")
    assert ran.status == 2
    assert "no such entry" in ran.stderr
    assert "TensorFlow" not in ran.stderr
    assert (project / "broken.py").read_text() == BROKEN


def test_an_entry_of_the_settings_that_is_not_there_is_named_with_them(script: Script, project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.regrad]\nentry = "trian.py"\n')
    ran = script("check", "package/model.py")
    assert ran.status == 2
    assert "pyproject.toml" in ran.stderr
    assert "Did you mean train.py?" in ran.stderr


def test_what_shows_only_through_the_entry_is_reported_for_the_named_file(script: Script, project: Path) -> None:
    alone = script("check", "--output-format", "json", "package/model.py")
    assert found(alone.stdout) == []
    through = script("check", "--output-format", "json", "--entry", "train.py", "package/model.py")
    assert found(through.stdout) == [("package/model.py", "RG106")]
    assert [file["path"] for file in json.loads(through.stdout)["files"]] == ["package/model.py"]


@pytest.mark.parametrize("absolute", [False, True])
def test_the_entry_of_the_settings_is_meant_from_where_they_lie(
    absolute: bool, script: Script, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "pyproject.toml").write_text('[tool.regrad]\nentry = "train.py"\n')
    monkeypatch.chdir(project / "package")
    named = str(project / "package" / "model.py") if absolute else "model.py"
    ran = script("check", "--output-format", "json", named)
    assert [code for _, code in found(ran.stdout)] == ["RG106"]


def test_a_file_that_is_not_saved_is_read_through_the_entry(script: Script, project: Path) -> None:
    (project / "package" / "model.py").write_text(MODEL.replace("accuracy", "categorical_crossentropy"))
    arguments = ("check", "--output-format", "json", "--entry", "train.py", "--stdin-filename", "package/model.py", "-")
    assert [code for _, code in found(script(*arguments, stdin=MODEL.encode()).stdout)] == ["RG106"]


def test_a_file_that_is_not_saved_is_reported_once(
    script: Script, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "package")
    arguments = ("check", "--output-format", "json", "--entry", "../train.py", "--stdin-filename", "model.py", "-")
    files = json.loads(script(*arguments, stdin=MODEL.encode()).stdout)["files"]
    assert [file["path"] for file in files] == ["model.py"]


def test_only_the_named_file_is_mended_through_the_entry(script: Script, project: Path) -> None:
    arguments = ("fix", "--no-verify", "--unsafe-fixes", "--output-format", "json", "--entry", "train.py")
    (project / "package" / "model.py").write_text(MODEL.replace("softmax", "sigmoid").replace("accuracy", "mae_"))
    ran = script(*arguments, "package/model.py")
    assert (project / "train.py").read_text() == TRAIN
    assert [file["path"] for file in json.loads(ran.stdout)["files"]] == ["package/model.py"]
    script(*arguments, "train.py")
    assert (project / "train.py").read_text() != TRAIN


def test_an_entry_that_is_no_python_is_told(script: Script, project: Path) -> None:
    (project / "train.py").write_text("import tensorflow\ndef (\n")
    ran = script("check", "--entry", "train.py", "package/model.py")
    assert ran.status == 3
    assert "train.py:2:5: syntax-error" in ran.stdout


def test_a_named_file_can_be_left_out(script: Script, project: Path) -> None:
    (project / "broken.py").write_text(BROKEN)
    assert script("check", "--exclude", "broken.py", "broken.py").status == 1
    assert script("check", "--force-exclude", "--exclude", "broken.py", "broken.py").status == 0
    (project / "pyproject.toml").write_text('[tool.regrad]\nexclude = ["broken.py"]\nforce-exclude = true\n')
    assert script("check", "broken.py").status == 0
    assert script("check", "--no-force-exclude", "broken.py").status == 1
    from_editor = script("fix", "--no-verify", "--stdin-filename", "broken.py", "-", stdin=BROKEN.encode())
    assert (from_editor.status, from_editor.stdout) == (0, BROKEN)
