"""The options that say how a program is run: its arguments, `-m`, functions, the sandbox, and the user's own data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .console_script import Script

FIT = """
import sys
import tensorflow as tf
def main():
    model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(int(sys.argv[1]) if sys.argv[1:] else 1)])
    model.compile("sgd", "mse")
    model.fit(load(), tf.ones((16, model.output_shape[1])), epochs=5)
def load():
    raise RuntimeError("a large file")
"""
SMALL = "import tensorflow as tf\ndef load():\n    return tf.random.normal((16, 2))\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "train.py").write_text(FIT + 'if __name__ == "__main__":\n    main()\n')
    (tmp_path / "small.py").write_text(SMALL)
    (tmp_path / "pyproject.toml").write_text('[tool.regrad.verify]\ndata = { load = "small.py:load" }\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("arguments", "width"),
    [
        (("pkg/train.py",), 1),
        (("pkg/train.py", "--", "3"), 3),
        (("-m", "pkg.train", "--", "2"), 2),
        (("pkg.train:main",), 1),
    ],
)
def test_programs_are_started_as_the_user_starts_them(script: Script, arguments: tuple[str, ...], width: int) -> None:
    ran = script("verify", "--output-format", "json", *arguments)
    assert ran.status == 0, ran.stdout + ran.stderr
    step = json.loads(ran.stdout)["step"]
    assert step["variables"][0]["shape"] == [2, width]
    assert step["data"] == "real" and step["supplied"] == ["load: small.py:load, from the project's settings"]


@pytest.mark.tensorflow
def test_without_the_settings_the_program_fails_and_diagnose_says_where(script: Script) -> None:
    ran = script("diagnose", "--isolated", "-m", "pkg.train")
    assert ran.status == 1 and "a large file" in ran.stdout and "line 9" in ran.stdout


@pytest.mark.tensorflow
def test_the_sandbox_can_be_left_out(script: Script, project: Path) -> None:
    (project / "train.py").write_text(
        "import os\nimport tensorflow as tf\nw = tf.Variable(1.0)\n"
        f"descriptor = os.open({str(project / 'written')!r}, os.O_CREAT | os.O_WRONLY)\n"
        "with tf.GradientTape() as tape:\n    loss = w * w\ntape.gradient(loss, w)\n"
    )
    assert script("verify", "--sandbox", "off", "train.py").status == 0
    assert (project / "written").exists(), "without the sandbox the program has the rights of its user"
    os.unlink(project / "written")
    script("verify", "train.py")
    required = script("verify", "--sandbox", "require", "train.py")
    assert not (project / "written").exists() or "cannot isolate" in required.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "pkg.absent:main"), "no such program"),
        (("verify", "-m", "pkg.absent"), "no such program"),
        (("verify", "--sandbox", "some", "pkg/train.py"), "--sandbox"),
        (("fix", "--entry", "-m pkg.absent", "pkg"), "there is no module pkg.absent"),
    ],
)
def test_what_cannot_be_started_is_a_mistake(script: Script, arguments: tuple[str, ...], said: str) -> None:
    ran = script(*arguments)
    assert ran.status == 2 and said in ran.stderr


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("dta = {}", "unknown key `dta` in [tool.regrad.verify]"),
        ("data = ['a']", "must be a table of strings"),
        ("sandbox = 'some'", "must be one of require, auto, off"),
    ],
)
def test_wrong_settings_are_named(script: Script, project: Path, table: str, said: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.regrad.verify]\n{table}\n")
    ran = script("verify", "pkg/train.py")
    assert ran.status == 2 and said in ran.stderr
