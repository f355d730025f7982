"""What `check` and `fix` write where, and with which status they end. The work itself is replaced by given outcomes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from regrad.cli.configuration import Configuration
from regrad.cli.job import Job
from regrad.repair.outcome import Decision, FileOutcome, Status

from ..report import samples
from .console_script import Script

Given = Callable[..., list[tuple[Job, Configuration, object]]]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Sets the outcomes that the next run gets; what it was asked is in the list that comes back."""

    def give(*outcomes: FileOutcome) -> list[tuple[Job, Configuration, object]]:
        asked: list[tuple[Job, Configuration, object]] = []

        def work(job: Job, settings: Configuration, subject: Sequence[str] | bytes) -> Iterator[FileOutcome]:
            asked.append((job, settings, subject))
            yield from outcomes

        monkeypatch.setattr("regrad.cli.work.outcomes_of_targets", work)
        monkeypatch.setattr("regrad.cli.work.outcomes_of_standard_input", work)
        return asked

    return give


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "train.py").write_text(samples.BEFORE)
    monkeypatch.chdir(tmp_path)
    return "train.py"


def test_check_reports_on_standard_output(script: Script, given: Given, program: str) -> None:
    given(samples.CHECKED)
    ran = script("check", program)
    assert ran.status == 1
    assert "train.py:6:1 RG401" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "1 finding; 1 can be mended: regrad fix --diff train.py"
    assert ran.stderr == ""


def test_a_clean_file_says_so(script: Script, given: Given, program: str) -> None:
    given(samples.CLEAN)
    ran = script("check", program)
    assert (ran.status, ran.stdout) == (0, "No findings in 1 file\n")


@pytest.mark.parametrize("output_format", ["json", "sarif", "gitlab", "rdjson"])
def test_a_report_for_programs_stands_alone(output_format: str, script: Script, given: Given, program: str) -> None:
    given(samples.CHECKED, samples.BROKEN)
    ran = script("check", "--output-format", output_format, program)
    assert ran.status == 3
    assert json.loads(ran.stdout)


def test_an_empty_folder_gets_an_answer(script: Script, given: Given, tmp_path: Path) -> None:
    given()
    ran = script("check", str(tmp_path))
    assert ran.status == 0
    assert f"No Python files or notebooks found in {tmp_path}" in ran.stderr


def test_exit_zero_forgives_findings_and_nothing_else(script: Script, given: Given, program: str) -> None:
    given(samples.CHECKED)
    assert script("check", "--exit-zero", program).status == 0
    given(samples.CHECKED, samples.BROKEN)
    assert script("check", "--exit-zero", program).status == 3


def test_the_report_goes_to_the_file_that_was_named(script: Script, given: Given, program: str) -> None:
    given(samples.CHECKED)
    ran = script("check", "--output-format", "json", "-o", "report.json", program)
    assert (ran.status, ran.stdout) == (1, "")
    assert json.loads(Path("report.json").read_text(encoding="utf-8"))["summary"]["findings"] == 1
    ran = script("check", "-o", "no/such/folder/report.txt", program)
    assert ran.status == 2
    assert "cannot be written" in ran.stderr


def test_fix_tells_what_was_mended_and_proved(script: Script, given: Given, program: str) -> None:
    given(samples.PROVED)
    ran = script("fix", program)
    assert ran.status == 0
    assert "+    prediction = model(x)" in ran.stdout
    assert "flows 1.25" in ran.stdout
    assert "train.py: rewritten" in ran.stdout


def test_standard_output_of_a_preview_is_a_patch_and_nothing_else(script: Script, given: Given, program: str) -> None:
    given(dataclasses.replace(samples.PROVED, written=False))
    ran = script("fix", "--diff", program)
    assert ran.status == 1
    assert ran.stdout.startswith(("diff --git ", "--- "))
    assert "+    prediction = model(x)\n" in ran.stdout
    assert "RG401" not in ran.stdout
    assert "RG401" in ran.stderr
    assert "+    prediction" not in ran.stderr
    assert ran.stderr.splitlines()[-1].endswith("write it with: regrad fix train.py")


def test_in_an_editor_standard_output_is_the_mended_text_byte_for_byte(script: Script, given: Given) -> None:
    after = samples.AFTER.replace("\n", "\r\n").encode() + "# é".encode("latin-1")
    asked = given(dataclasses.replace(samples.PROVED, after=after, written=False))
    ran = script("fix", "-", "--stdin-filename", "train.py", stdin=b"the program")
    assert ran.stdout_bytes == after
    assert "RG401" in ran.stderr
    assert asked[0][2] == b"the program"


@pytest.mark.parametrize("outcome", [samples.MISENCODED, samples.BROKEN])
def test_what_cannot_be_read_comes_back_as_it_was(outcome: FileOutcome, script: Script, given: Given) -> None:
    given(dataclasses.replace(outcome, before=None, after=None))
    ran = script("fix", "-", stdin=b"x = '\xe9'")
    assert ran.status == 3
    assert ran.stdout_bytes == b"x = '\xe9'"
    assert outcome.status.value in ran.stderr


def test_check_of_standard_input_reports_on_standard_output(script: Script, given: Given) -> None:
    given(samples.CHECKED)
    ran = script("check", "--output-format", "concise", "-", "--stdin-filename", "train.py", stdin=b"")
    assert ran.stdout.startswith("train.py:6:1: RG401")


def test_a_fix_that_was_withdrawn_ends_with_4(script: Script, given: Given, program: str) -> None:
    given(samples.with_finding(decision=Decision.WITHDRAWN, reason="the loss got worse"))
    ran = script("fix", program)
    assert ran.status == 4
    assert "withdrawn: the loss got worse" in ran.stdout


def test_require_verified_asks_for_the_proof(script: Script, given: Given, program: str) -> None:
    asked = given(dataclasses.replace(samples.PROVED, evidence=None))
    assert script("fix", "--require-verified", program).status == 4
    assert asked[0][1].verify is True
    given(samples.PROVED)
    assert script("fix", "--require-verified", program).status == 0


def test_each_path_is_governed_by_its_own_configuration(script: Script, given: Given, tmp_path: Path) -> None:
    for name, code in (("one", "RG101"), ("two", "RG102")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "pyproject.toml").write_text(f'[tool.regrad]\nignore = ["{code}"]\n')
        (folder / "train.py").write_text("")
    asked = given(dataclasses.replace(samples.CLEAN, status=Status.OK))
    script("check", str(tmp_path / "one"), str(tmp_path / "two" / "train.py"), str(tmp_path / "one" / "train.py"))
    assert [(settings.ignore, subject) for _, settings, subject in asked] == [
        (("RG101",), [str(tmp_path / "one"), str(tmp_path / "one" / "train.py")]),
        (("RG102",), [str(tmp_path / "two" / "train.py")]),
    ]


@pytest.mark.parametrize(
    ("answer", "content", "status"), [(b"y\n", samples.AFTER, 0), (b"n\n", samples.BEFORE, 1), (b"", samples.BEFORE, 1)]
)
def test_interactive_writes_what_was_accepted(
    answer: bytes, content: str, status: int, script: Script, given: Given, program: str
) -> None:
    given(dataclasses.replace(samples.PROVED, written=False))
    ran = script("fix", "-i", program, stdin=answer)
    assert ran.status == status
    assert Path(program).read_text() == content
    assert "RG401" in ran.stdout and "flows 1.25" in ran.stdout
    assert "-prediction = model(x)" in ran.stdout
    assert ran.stdout.splitlines()[-1].endswith(
        "1 finding; 1 mended (1 proved by a training step)" if status == 0 else "1 left"
    )


def test_half_a_mending_that_is_no_program_is_not_written(script: Script, given: Given, tmp_path: Path) -> None:
    gap = "".join(f"x{number} = 0\n" for number in range(12))
    before, after = f"a = 1\n{gap}b = 2\n", f"if a:\n{gap}    b = 2\n".replace("x0", "    x0")
    (tmp_path / "train.py").write_text(before)
    path = str(tmp_path / "train.py")
    given(dataclasses.replace(samples.PROVED, path=path, before=before.encode(), after=after.encode(), written=False))
    ran = script("fix", "-i", path, stdin=b"n\ny\n")
    assert ran.status == 1
    assert "no longer Python" in ran.stderr
    assert Path(path).read_text() == before


@pytest.mark.parametrize("extra", [["--diff"], ["--output-format", "json"], ["-"]])
def test_interactive_goes_alone(extra: list[str], script: Script, given: Given, program: str) -> None:
    given(samples.PROVED)
    ran = script("fix", "-i", *(extra if extra == ["-"] else [*extra, program]))
    assert ran.status == 2
    assert "-i asks about each change" in ran.stderr


@pytest.mark.parametrize("settings", ["text", "concise", "json", "sarif"])
def test_the_patch_is_alone_whatever_format_the_settings_hold(
    settings: str, script: Script, given: Given, program: str
) -> None:
    Path("pyproject.toml").write_text(f'[tool.regrad]\noutput-format = "{settings}"\n')
    given(dataclasses.replace(samples.PROVED, written=False))
    ran = script("fix", "--diff", program)
    assert ran.stdout.startswith("--- a/train.py\n+++ b/train.py\n@@ ")
    assert all(line[:1] in " +-@" for line in ran.stdout.splitlines())
    assert "RG401" in ran.stderr


def test_a_preview_says_what_would_be_done(script: Script, given: Given, program: str) -> None:
    given(dataclasses.replace(samples.PROVED, written=False))
    ran = script("fix", "--diff", "--output-format", "concise", program)
    assert ran.stdout.startswith("--- a/train.py\n")
    assert ran.stderr.splitlines()[0].endswith("[would be mended]")
    given(samples.PROVED)
    assert script("fix", "--output-format", "concise", program).stdout.splitlines()[0].endswith("[mended]")


def test_a_format_for_programs_that_is_asked_for_has_no_patch_beside_it(
    script: Script, given: Given, program: str
) -> None:
    given(dataclasses.replace(samples.PROVED, written=False))
    (file,) = json.loads(script("fix", "--diff", "--output-format", "json", program).stdout)["files"]
    assert (file["changed"], file["written"], file["findings"][0]["fix"]["applied"]) == (True, False, True)
