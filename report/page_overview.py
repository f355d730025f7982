"""The top of the page: the totals, and the findings by rule and by repository."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

from regrad.migrate.results import RepositoryResult, Results, State, Totals
from regrad.report.fate import WORDS, Fate
from regrad.report.page_element import Child, Element, element, isolated, table, told
from regrad.report.tally import Tally

_WIDTH = 1000
STATES = {State.DONE: "done", State.PLANNED: "planned", State.MOVED: "moved since the plan", State.FAILED: "failed"}


def header(results: Results, repositories: int) -> Element:
    run = results.run
    when = datetime.fromtimestamp(run.started, timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if run.started else ""
    parts = [f"regrad {told(run.version)}" if run.version else "regrad", when, repositories_words(repositories)]
    chosen = "; ".join(f"{told(key)}: {told(value)}" for key, value in run.settings.items())
    return element(
        "header",
        element("h1", "Migration report"),
        element("p", " · ".join(part for part in parts if part)),
        element("p", f"Settings: {chosen}", class_="note") if chosen else None,
    )


def repositories_words(number: int) -> str:
    return "1 repository" if number == 1 else f"{number:,} repositories"


def totals(counts: Tally, total: Totals, repositories: int, failed: int) -> Element:
    fates = counts.fates
    mended = fates[Fate.PROVED] + fates[Fate.UNPROVED]
    figures = [
        ("findings", counts.findings, f"in {total.files:,} {'file' if total.files == 1 else 'files'} looked at"),
        ("mended", mended, f"{fates[Fate.PROVED]:,} proved by a training step"),
        ("withdrawn", fates[Fate.WITHDRAWN], "tried, and not confirmed"),
        ("need --unsafe-fixes", fates[Fate.UNSAFE], "the mending changes what the program means"),
        (
            "left",
            fates[Fate.AMBIGUOUS] + fates[Fate.MENDABLE] + fates[Fate.BY_HAND],
            f"{fates[Fate.BY_HAND]:,} for you to mend",
        ),
        ("files not analysed", total.not_analysed, f"{total.skipped:,} more left alone"),
    ]
    if failed:
        figures.append(("repositories not done", failed, f"of {repositories:,}"))
    return element(
        "section",
        element("h2", "Totals"),
        element("dl", *(_figure(*each) for each in figures), class_="figures"),
        _band(fates, counts.findings) if counts.findings else None,
    )


def _figure(words: str, number: int, note: str) -> Element:
    return element(
        "div", element("dt", words), element("dd", f"{number:,}", class_="figure"), element("dd", note, class_="note")
    )


def _band(fates: Counter[Fate], whole: int) -> Element:
    """All findings as one band, divided by their fates. Drawn as SVG since the page allows no style of an element."""
    pieces: list[Child] = []
    legend: list[Child] = []
    left = 0.0
    for fate in Fate:
        if not fates[fate]:
            continue
        width = _WIDTH * fates[fate] / whole
        pieces.append(element("rect", x=f"{left:.2f}", y="0", width=f"{width:.2f}", height="10", class_=fate.value))
        legend.append(element("li", element("span", f"{WORDS[fate]}: {fates[fate]:,}", class_=f"fate {fate.value}")))
        left += width
    band = element("svg", *pieces, viewBox=f"0 0 {_WIDTH} 10", preserveAspectRatio="none", aria_hidden="true")
    return element("div", band, element("ul", *legend, class_="legend"), class_="band")


def by_rule(counts: Tally) -> Element:
    shown = [fate for fate in Fate if counts.fates[fate]]
    rows: list[list[Child]] = [
        [_link("rule", code), told(counts.names[code]), f"{own.total():,}", *(_number(own[fate]) for fate in shown)]
        for code, own in sorted(counts.by_rule.items(), key=lambda each: (-each[1].total(), each[0]))
    ]
    heads = ["rule", "name", "findings", *(WORDS[fate] for fate in shown)]
    return element("section", element("h2", "By rule"), table("Findings by rule", heads, rows, numbers=2))


def by_repository(counts: Tally, repositories: list[RepositoryResult]) -> Element:
    shown = [fate for fate in Fate if counts.fates[fate]]
    rows: list[list[Child]] = []
    for each in repositories:
        own = counts.by_repository.get(each.name, Counter())
        name: Child = _link("repository", each.name) if counts.listed[each.name] else isolated(each.name)
        state = STATES.get(each.state, "not finished")
        rows.append(
            [name, state, f"{each.totals.files:,}", f"{own.total():,}", *(_number(own[fate]) for fate in shown)]
        )
    heads = ["repository", "state", "files", "findings", *(WORDS[fate] for fate in shown)]
    return element("section", element("h2", "By repository"), table("Findings by repository", heads, rows, numbers=2))


def _link(key: str, value: str) -> Element:
    """Leads to the findings; the page's script shows these alone."""
    return isolated(value, "a", href="#findings", data_filter=key, data_value=told(value))


def _number(number: int) -> str:
    return f"{number:,}" if number else ""
