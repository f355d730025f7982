"""Baselines: what is known is not reported, also when it has moved; one more of a kind is new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .console_script import Script
from .test_end_to_end import BROKEN


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("src").mkdir()
    Path("src/train.py").write_text(BROKEN)


def test_only_what_is_new_is_reported(script: Script) -> None:
    ran = script("baseline")
    assert (ran.status, ran.stdout) == (0, "regrad-baseline.json: 1 finding known from now on.\n")
    assert json.loads(Path("regrad-baseline.json").read_text())["findings"][0]["path"] == "src/train.py"
    assert script("check", "--baseline", "regrad-baseline.json").status == 0
    assert script("check").status == 1

    Path("src/train.py").write_text("# moved\n\n" + BROKEN)
    assert script("check", "--baseline", "regrad-baseline.json").status == 0

    Path("src/other.py").write_text(BROKEN)
    ran = script("check", "--output-format", "concise", "--baseline", "regrad-baseline.json")
    assert ran.status == 1
    assert [line.split(":")[0] for line in ran.stdout.splitlines()] == ["src/other.py"]


def test_one_more_of_a_kind_is_new(script: Script) -> None:
    script("baseline")
    loop = BROKEN[BROKEN.index("for epoch") :]
    Path("src/train.py").write_text(BROKEN + loop)
    ran = script("check", "--output-format", "json", "--baseline", "regrad-baseline.json")
    assert json.loads(ran.stdout)["summary"]["findings"] == 1


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"version": 1, "findings": [{}]}', '{"version": 99, "findings": []}']
)
def test_what_is_no_baseline_is_a_mistake(content: str | None, script: Script) -> None:
    if content is not None:
        Path("known.json").write_text(content)
    ran = script("check", "--baseline", "known.json")
    assert ran.status == 2
    assert "known.json" in ran.stderr
    assert "regrad baseline" in ran.stderr


def test_what_could_not_be_read_is_said(script: Script) -> None:
    Path("src/broken.py").write_text("import tensorflow\nx = = 1\n")
    ran = script("baseline")
    assert ran.status == 3
    assert "src/broken.py:2:5: not in the baseline: not valid Python at line 2" in ran.stderr
    assert len(json.loads(Path("regrad-baseline.json").read_text())["findings"]) == 1
    Path("src/broken.py").unlink()
    assert script("baseline").status == 0
