"""`regrad rules` and `regrad explain`: every rule is listed and has its page; a wrong code is told the near one."""

from __future__ import annotations

import json

import pytest
from regrad.codemods.engine.registry import registry
from regrad.codemods.engine.rule import Rule
from regrad.report.rule_pages import one_line, titled_page

from .console_script import Script

RULE = Rule("RG999", "an-example", "safe", "nothing else moves.", lambda program: (), lambda program, finding: ())
PAGE = """RG999 an-example: the loss, or part of it, is computed
after the tape. More follows.

What it does
------------
Broken::

    code
"""


def test_every_rule_is_listed_in_one_line(script: Script) -> None:
    ran = script("rules")
    lines = ran.stdout.splitlines()
    assert ran.status == 0
    assert [line.split()[0] for line in lines] == [rule.code for rule in registry().rules]
    assert all(len(line.split()) > 5 for line in lines)


def test_the_list_for_programs(script: Script) -> None:
    rows = json.loads(script("rules", "--output-format", "json").stdout)["rules"]
    assert [row["code"] for row in rows] == [rule.code for rule in registry().rules]
    assert all(row.keys() >= {"code", "name", "safety", "why", "summary"} for row in rows)
    assert all(row["summary"] and not row["summary"].startswith(row["code"]) for row in rows)


@pytest.mark.parametrize("word", ["RG401", "rg401", "forward-outside-tape"])
def test_a_rule_is_explained_by_code_or_name(word: str, script: Script) -> None:
    ran = script("explain", word)
    assert ran.status == 0
    assert ran.stdout.startswith("# RG401 forward-outside-tape\n")
    for heading in ("What it does", "Why gradients stop", "The fix and its safety"):
        assert heading in ran.stdout


@pytest.mark.parametrize(("word", "near"), [("RG4O1", "RG401"), ("forward-outside-type", "RG401")])
def test_a_wrong_code_is_told_the_near_one(word: str, near: str, script: Script) -> None:
    ran = script("explain", word)
    assert ran.status == 2
    assert f"There is no rule {word}." in ran.stderr
    assert near in ran.stderr


def test_a_wrong_code_in_select_is_a_mistake(script: Script) -> None:
    ran = script("check", "--isolated", "--select", "RG4O1", "-")
    assert ran.status == 2
    assert "There is no rule RG4O1." in ran.stderr


def test_the_page_has_one_title_and_its_sentence_stands_alone() -> None:
    text = titled_page(RULE, PAGE)
    assert text.startswith("# RG999 an-example\n\nThe loss, or part of it")
    assert "Broken:\n" in text
    assert one_line(RULE, PAGE) == "The loss, or part of it, is computed after the tape."
    assert one_line(RULE, "") == RULE.why
