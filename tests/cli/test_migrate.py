"""`regrad migrate` and `regrad report` as users and scripts meet them: lines, files, statuses, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..migrate.repositories import BROKEN, FROZEN, LATE, SOUND, commit, git, repository
from .console_script import Script

PLAIN = ("--no-verify", "--isolated", "-j", "1")


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_line_per_repository_and_the_totals(script: Script, tmp_path: Path) -> None:
    repository(tmp_path / "first", {"a.py": BROKEN, "b.py": SOUND})
    repository(tmp_path / "second", {"a.py": SOUND})
    Path("targets.txt").write_text("first\nsecond\n")
    ran = script("migrate", "targets.txt", *PLAIN)
    assert ran.status == 0
    lines = ran.stdout.splitlines()
    words = "1 finding in 2 files, 1 mended (none proved by a training step) on the branch regrad/mend"
    assert sorted(lines[:2]) == [f"first: {words}", "second: no findings in 1 file"]
    assert lines[2] == "2 repositories: 1 finding in 3 files, 1 mended (none proved by a training step)"
    assert lines[3] == "The report is in regrad-migration/report.html"
    assert "RG401" in Path("regrad-migration/report.html").read_text()
    assert ran.stderr == ""
    text = Path("regrad-migration/pull-requests/first.md").read_text()
    assert text.startswith("# Let gradients flow: mend 1 training fault\n")
    assert "**RG401 forward-outside-tape** (line 10)" in text


def test_a_repository_without_programs_is_said_to_have_none(script: Script, tmp_path: Path) -> None:
    repository(tmp_path / "texts", {"README.md": "Nothing to run.\n"})
    assert script("migrate", "texts", *PLAIN).stdout.splitlines()[0] == "texts: no file was looked at"


def test_a_plan_and_its_application(script: Script, tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN, "b.py": LATE})
    ran = script("migrate", "models", "--plan", "plan.json", *PLAIN)
    assert ran.status == 1
    assert "regrad migrate --apply plan.json" in ran.stdout
    document = json.loads(Path("plan.json").read_text())
    document["repositories"][0]["programs"][1]["files"][0]["findings"][0]["do"] = False
    Path("plan.json").write_text(json.dumps(document))
    ran = script("migrate", "--apply", "plan.json", *PLAIN)
    # All that the plan asks for is done.
    assert (ran.status, git(top, "diff", "--name-only", "main", "regrad/mend")) == (0, "a.py")
    commit(top, {"c.py": SOUND})
    ran = script("migrate", "--apply", "plan.json", *PLAIN)
    assert ran.status == 3
    assert "It has moved since the plan was made" in ran.stdout


@pytest.mark.parametrize(
    ("files", "options", "status"),
    [
        ({"a.py": SOUND}, (), 0),
        ({"a.py": BROKEN}, (), 0),
        ({"a.py": FROZEN}, (), 1),
        ({"a.py": FROZEN}, ("--unsafe-fixes",), 0),
        ({"a.py": "import tensorflow\nx = = 1\n"}, (), 3),
    ],
)
def test_the_status(
    files: dict[str, str], options: tuple[str, ...], status: int, script: Script, tmp_path: Path
) -> None:
    repository(tmp_path / "models", files)
    assert script("migrate", "models", *PLAIN, *options).status == status


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "There is no target"),
        (("nowhere",), "no such folder"),
        (("models", "--apply", "plan.json"), "--apply takes its targets from the plan"),
        (("--apply", "nowhere.json"), "cannot be read"),
        (("models", "--branch", "a..b"), "git takes no branch of the name"),
        (("models", "--select", "RG999"), "There is no rule RG999"),
        (("models", "--plan", "nowhere/plan.json"), "there is no folder nowhere"),
        (("models", "--scheduler", "tcp://127.0.0.1:9"), "127.0.0.1:9"),
        (("models", "--config", "nowhere.toml"), "no such configuration file"),
        (("models/a.py",), "regrad fix models/a.py"),
    ],
)
def test_mistakes_are_told_before_anything_is_done(
    arguments: tuple[str, ...], message: str, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regrad.migrate.cluster.PATIENCE", 1.0)
    top = repository(tmp_path / "models", {"a.py": BROKEN})
    ran = script("migrate", *arguments)
    assert ran.status == 2
    assert message in ran.stderr
    assert git(top, "branch", "--list", "regrad/*") == ""


def test_the_configuration_of_each_repository_holds_there(script: Script, tmp_path: Path) -> None:
    table = '[tool.regrad]\nignore = ["RG401"]\nexclude = ["old/"]\npython = "./evil"\n'
    repository(tmp_path / "first", {"a.py": BROKEN, "b.py": LATE, "old/c.py": LATE, "pyproject.toml": table})
    repository(tmp_path / "second", {"a.py": BROKEN, "pyproject.toml": "[tool.regrad]\nselct = []\n"})
    (tmp_path / "pyproject.toml").write_text('[tool.regrad]\nignore = ["RG4"]\n')
    ran = script("migrate", "first", "second", "--no-verify", "-j", "1")
    assert "first: 1 finding in 2 files" in ran.stdout
    assert "second: " in ran.stdout
    assert "unknown key `selct`" in ran.stdout
    assert ran.status == 3


def test_quiet_says_the_totals_alone(script: Script, tmp_path: Path) -> None:
    repository(tmp_path / "models", {"a.py": BROKEN})
    assert len(script("migrate", "models", "-q", *PLAIN).stdout.splitlines()) == 2


def test_control_characters_of_a_name_do_not_reach_the_terminal(script: Script, tmp_path: Path) -> None:
    repository(
        tmp_path / "models", {"vendor/\x1b[31mred.py": BROKEN, "\x1b]0;title\x07.py": "import tensorflow\nx = = 1\n"}
    )
    ran = script("migrate", "models", *PLAIN)
    assert "\x1b" not in ran.stdout + ran.stderr


def test_the_report_as_sarif(script: Script, tmp_path: Path) -> None:
    repository(tmp_path / "first", {"a.py": BROKEN})
    repository(tmp_path / "second", {"sub/a.py": FROZEN})
    script("migrate", "first", "second", *PLAIN)
    ran = script("report", "--output-format", "sarif")
    assert ran.status == 0
    found = json.loads(ran.stdout)["runs"][0]["results"]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in found]
    assert places == ["first/a.py", "second/sub/a.py"]
    ran = script("report", "regrad-migration/results.sqlite", "--output-format", "sarif", "-o", "out.sarif")
    assert json.loads(Path("out.sarif").read_text())["runs"][0]["results"] == found


def test_an_output_that_cannot_be_used(script: Script, tmp_path: Path) -> None:
    repository(tmp_path / "models", {"a.py": BROKEN})
    Path("file").touch()
    assert "cannot be made" in script("migrate", "models", "-o", "file/inner", *PLAIN).stderr
    Path("other").mkdir()
    Path("other/results.sqlite").write_text("not a database, and somebody's own" * 100)
    ran = script("migrate", "models", "-o", "other", *PLAIN)
    assert ran.status == 2
    assert "is no store of results" in ran.stderr
    assert Path("other/results.sqlite").read_text().startswith("not a database")


def test_no_results(script: Script, tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").write_text("not a database")
    for place in ("nowhere", "results.sqlite"):
        ran = script("report", place, "--output-format", "sarif")
        assert ran.status == 2
        assert "results" in ran.stderr


def test_a_file_that_could_not_be_analysed_is_named(script: Script, tmp_path: Path) -> None:
    wrong = {f"w{number}.py": "import tensorflow\nx = = 1\n" for number in range(6)}
    repository(tmp_path / "models", {"a.py": BROKEN, **wrong})
    lines = script("migrate", "models", *PLAIN).stdout.splitlines()
    assert "  not analysed: w0.py: not valid Python at line 2: invalid syntax" in lines
    assert "  not analysed: 1 more, in the report" in lines
    assert not any("w5.py" in line for line in lines)
