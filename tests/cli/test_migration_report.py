"""`regrad migrate --report` and `regrad report`: the file that is asked for, in the format of its ending."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ..migrate.repositories import BROKEN, repository
from .console_script import Script

PLAIN = ("--no-verify", "-j", "1", "--isolated")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return repository(tmp_path / "models", {"a.py": BROKEN})


def test_the_page_of_a_real_migration(script: Script, models: Path) -> None:
    ran = script("migrate", "models", "--report", "page.html", *PLAIN)
    assert ran.status == 0, ran.stderr
    assert "page.html" in ran.stdout
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<bdi>a.py</bdi>" in page
    assert 'data-rule="RG401" data-fate="unproved"' in page
    assert "not asked for (--no-verify)" in page
    assert script("report", "-o", "again.html").status == 0
    assert Path("again.html").read_text(encoding="utf-8") == page


def test_the_other_formats_of_a_real_migration(script: Script, models: Path) -> None:
    ran = script("migrate", "models", "--report", "findings.CSV", *PLAIN)
    assert ran.status == 0, ran.stderr
    with Path("findings.CSV").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["repository"], row["path"], row["code"], row["fate"]) == ("models", "a.py", "RG401", "unproved")
    lines = script("report", "--output-format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["run", "repository", "file"]


def test_an_unknown_ending_is_told_before_anything_is_done(script: Script, models: Path) -> None:
    ran = script("migrate", "models", "--report", "page.pdf", *PLAIN)
    assert ran.status == 2
    assert ".html, .jsonl, .csv, .sarif" in ran.stderr
    assert not Path("regrad-migration").exists()
