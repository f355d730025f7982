"""The reports of a migration: the figures add up, nothing of a program becomes markup, readers can read them."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from regrad.analysis.location import Location
from regrad.migrate.results import FileResult, Results
from regrad.report import csv_table, html, json_lines
from regrad.report.fate import Fate
from regrad.report.page_proof import gradients
from regrad.verify.evidence import Evidence, Gradient, Verdict

from . import migrations, samples

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<!--\u202e\x1b[31m\n=1+1"


class Page(HTMLParser):
    """The elements of a page, with what stands in them as text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "every element is closed where it was opened"

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [own for name, own in self.elements if name == tag and attributes.items() <= own.items()]


def page(results: Results) -> str:
    stream = io.StringIO()
    html.write(results, stream)
    return stream.getvalue()


def lines(results: Results) -> list[dict[str, object]]:
    stream = io.StringIO()
    json_lines.write(results, stream)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def rows(results: Results) -> list[dict[str, str]]:
    stream = io.StringIO()
    csv_table.write(results, stream)
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))


@pytest.fixture
def every_fate(tmp_path: Path) -> Results:
    return migrations.every_fate(tmp_path / "run")


def test_every_finding_is_on_the_page_under_its_fate(every_fate: Results) -> None:
    found = Page(page(every_fate)).all("li")
    fates = Counter(own["data-fate"] for own in found if "data-fate" in own)
    assert set(fates) == {fate.value for fate in Fate}
    assert fates.total() == every_fate.totals().findings == 8
    assert fates["proved"] + fates["unproved"] == every_fate.totals().mended
    assert fates["proved"] == every_fate.totals().verified
    assert fates["withdrawn"] == every_fate.totals().withdrawn


def test_the_tables_add_up(every_fate: Results) -> None:
    text = page(every_fate)
    for caption in ("Findings by rule", "Findings by repository"):
        body = text.partition(f"<caption>{caption}</caption>")[2].partition("</table>")[0]
        heads = re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', body)
        at = heads.index("findings")
        sums = [0] * len(heads)
        for row in body.partition("<tbody>")[2].split("</tr>")[:-1]:
            cells = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
            sums = [total + (int(cell) if cell.isdigit() else 0) for total, cell in zip(sums, cells, strict=True)]
        assert sums[at] == every_fate.totals().findings
        assert sum(sums[at + 1 :]) == sums[at]


def test_the_three_formats_tell_the_same(every_fate: Results) -> None:
    shown = Counter(own["data-fate"] for own in Page(page(every_fate)).all("li") if "data-fate" in own)
    files = [each for each in lines(every_fate) if each["kind"] == "file"]
    told = Counter(finding["fate"] for file in files for finding in file["findings"])  # type: ignore[attr-defined]
    table = Counter(row["fate"] for row in rows(every_fate) if row["code"])
    assert shown == told == table


def test_the_page_is_made_again_as_it_was(every_fate: Results) -> None:
    assert page(every_fate) == page(every_fate)
    assert lines(every_fate) == lines(every_fate)
    assert rows(every_fate) == rows(every_fate)


def test_the_page_needs_nothing_from_anywhere(every_fate: Results) -> None:
    text = page(every_fate)
    for _, attributes in Page(text).elements:
        assert not attributes.keys() & {"src", "srcset", "style", "onclick", "onload", "action"}
        assert attributes.get("href") in (None, "#findings")
    assert "@import" not in text
    assert "url(" not in text


def test_the_policy_lets_only_our_own_script_and_style_in(every_fate: Results) -> None:
    text = page(every_fate)
    (policy,) = [own["content"] for own in Page(text).all("meta") if "http-equiv" in own]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert f"{tag}-src 'sha256-{b64encode(sha256(inside.encode()).digest()).decode()}'" in policy


def hostile(folder: Path) -> Results:
    """A program's every text is an attack: its name, what is quoted of it, its source, its variables, its exception."""
    step = replace(
        samples.STEP_AFTER,
        variables=(samples.variable(HOSTILE, Gradient.FLOWS, 1.0, changed=True),),
        exception=f"ValueError: {HOSTILE}",
        supplied=(HOSTILE,),
    )
    finding = replace(
        samples.FINDING,
        message=f"`{HOSTILE}` runs {HOSTILE}",
        location=Location(HOSTILE, samples.FINDING.location.span),
    )
    withheld = replace(samples.WITHHELD, reason=HOSTILE, suggestion=HOSTILE)
    outcome = replace(
        samples.PROVED,
        path=HOSTILE,
        findings=(
            replace(samples.PROVED.findings[0], finding=finding, reason=HOSTILE),
            replace(samples.with_finding(withheld=withheld, mendings=()).findings[0]),
        ),
        evidence=Evidence(Verdict.MENDED, HOSTILE, step, step),
        before=f"a = '''{HOSTILE}'''\n".encode(),
        after=f"b = '''{HOSTILE}'''\n".encode(),
        message=HOSTILE,
    )
    result = migrations.repository(
        HOSTILE, source=HOSTILE, branch=HOSTILE, patch=HOSTILE, message=HOSTILE, notes=(HOSTILE,)
    )
    return migrations.stored(folder, (result, [FileResult(HOSTILE, outcome, through=HOSTILE, unverified=HOSTILE)]))


def test_no_text_of_a_program_becomes_markup(tmp_path: Path) -> None:
    text = page(hostile(tmp_path / "run"))
    parsed = Page(text)
    assert not parsed.open, "all is closed"
    assert len(parsed.all("script")) == 1
    assert not parsed.all("img")
    assert not [own for _, own in parsed.elements if any(name.startswith("on") for name in own)]
    # What a browser without scripts, or the script of the page, makes of the folded parts.
    for folded in re.findall(r"<noscript>(.*?)</noscript>", text, re.DOTALL):
        assert {tag for tag, _ in Page(folded).elements} <= {"pre", "div", "p", "strong", "ul", "li", "code", "bdi"}
    assert text.count("</script>") == text.count("<script>") == 1
    assert text.count("</noscript>") == text.count("<noscript>") >= 1


def test_what_hides_or_turns_text_is_made_visible(tmp_path: Path) -> None:
    results = hostile(tmp_path / "run")
    assert not set(page(results)) & set("\u202e\x1b\x00")


def test_a_cell_is_no_formula(tmp_path: Path) -> None:
    results = migrations.stored(
        tmp_path / "run", (migrations.repository("first"), [migrations.at("=HYPERLINK(1).py", samples.CHECKED)])
    )
    (row,) = rows(results)
    assert row["path"] == "'=HYPERLINK(1).py"


def test_json_lines_are_lines_for_every_reader(tmp_path: Path) -> None:
    outcome = migrations.at("a\u2028b\nc.py", samples.PROVED)
    results = migrations.stored(tmp_path / "run", (migrations.repository("first"), [outcome]))
    stream = io.StringIO()
    json_lines.write(results, stream)
    assert len(stream.getvalue().splitlines()) == 3
    run, repository, file = lines(results)
    assert [each["kind"] for each in (run, repository, file)] == ["run", "repository", "file"]
    assert run["totals"] == repository["totals"]
    assert file["path"] == "a\u2028b\nc.py"
    assert str(file["diff"]).startswith("--- ")


def test_csv_says_what_was_proved(every_fate: Results) -> None:
    (row,) = [row for row in rows(every_fate) if row["fate"] == "proved"]
    assert (row["verdict"], row["flowing_before"], row["flowing_after"], row["loss_after"]) == (
        "mended",
        "0",
        "2",
        "0.69",
    )
    (cell,) = [row for row in rows(every_fate) if row["path"] == "train.ipynb"]
    assert (cell["cell"], cell["line"]) == ("2", "2")


def test_dead_variables_come_first() -> None:
    flowing = samples.variable("a", Gradient.FLOWS, 2.0, changed=True)
    mended = samples.variable("b", Gradient.FLOWS, 1e-7, changed=True)
    dead = samples.variable("c", Gradient.ZERO, 0.0, changed=False)
    was_dead = samples.variable("b", Gradient.NONE, None, changed=False)
    before = replace(samples.STEP_BEFORE, variables=(flowing, was_dead, dead))
    after = replace(samples.STEP_AFTER, variables=(flowing, mended, dead))
    assert [row[:4] for row in gradients(Evidence(Verdict.IMPROVED, None, before, after))] == [
        ("c", "3 × 1", "zero", "zero"),
        ("b", "3 × 1", "none", "flows 1e-07"),
        ("a", "3 × 1", "flows 2", "flows 2"),
    ]


def test_a_proposal_is_shown_as_a_diff(every_fate: Results) -> None:
    text = page(every_fate)
    unsafe = text.partition("<bdi>unsafe.py</bdi>")[2].partition("</article>")[0]
    assert "The change that is proposed" in unsafe
    assert "\n-prediction = model(x)\n+pass\n" in unsafe
    by_hand = text.partition("<bdi>by_hand.py</bdi>")[2].partition("</article>")[0]
    assert "<details>" not in by_hand
    assert "No mending: the tensor is used elsewhere" in by_hand


def test_repositories_that_failed_or_are_clean_are_named(every_fate: Results) -> None:
    text = page(every_fate)
    assert "no commit yet" in text
    assert ">fourth</bdi>" in text
