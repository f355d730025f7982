"""The report of a migration as one self-contained HTML page, written file by file so that memory does not grow.

Nothing is loaded from anywhere, and the page's own policy forbids it: the one script and the one style sheet are known
by their hashes, so a text of a program that found its way into the markup would still not run.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from importlib.resources import files as assets
from itertools import chain
from typing import TextIO

from regrad.migrate.results import RepositoryResult, Results, State, Totals
from regrad.report import page_overview
from regrad.report.fate import WORDS, Fate
from regrad.report.page_element import Child, Element, drawn, element, isolated, prose, told
from regrad.report.page_file import file_block
from regrad.report.summary import count
from regrad.report.tally import Tally


def write(results: Results, stream: TextIO) -> None:
    """Writes the page. The findings are written first, into a file of their own, and counted on the way."""
    repositories = list(results.repositories())
    counts = Tally()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace", newline="") as body:
        for each in repositories:
            _repository(each, counts, results, body)
        body.seek(0)
        stream.write('<!DOCTYPE html>\n<html lang="en">\n')
        stream.write(drawn(_head(counts, repositories)) + "\n<body>\n")
        for part in _overview(counts, repositories, results):
            stream.write(drawn(part) + "\n")
        stream.write('<main id="findings">\n<h2>Findings</h2>\n')
        stream.write(drawn(_controls(counts, repositories)) + "\n")
        stream.write(drawn(element("p", _words(counts), id="shown", role="status")) + "\n")
        shutil.copyfileobj(body, stream)
    stream.write(f"</main>\n{drawn(element('script', _asset('page.js')))}\n</body>\n</html>\n")


def _overview(counts: Tally, repositories: list[RepositoryResult], results: Results) -> Iterator[Element]:
    total = Totals()
    for each in repositories:
        total = total.plus(each.totals)
    failed = sum(each.state in (State.FAILED, State.MOVED) for each in repositories)
    yield page_overview.header(results, len(repositories))
    yield page_overview.totals(counts, total, len(repositories), failed)
    if counts.findings:
        yield page_overview.by_rule(counts)
    yield page_overview.by_repository(counts, repositories)


def _head(counts: Tally, repositories: list[RepositoryResult]) -> Element:
    style, script = _asset("page.css"), _asset("page.js")
    allowed = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    where = page_overview.repositories_words(len(repositories))
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"regrad: {count(counts.findings, 'finding')} in {where}"),
        element("style", style),
    )


def _asset(name: str) -> str:
    return (assets("regrad.report") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _words(counts: Tally) -> str:
    words = f"{counts.findings:,} {'finding' if counts.findings == 1 else 'findings'}"
    return f"{words}; {count(counts.unread, 'file')} with a message alone" if counts.unread else words


def _controls(counts: Tally, repositories: list[RepositoryResult]) -> Element:
    """Filters and search. Hidden until the script is there, as nothing else answers to them."""
    rules = [(code, f"{code} {told(name)}") for code, name in sorted(counts.names.items())]
    names = [(told(each.name), told(each.name)) for each in repositories if counts.listed[each.name]]
    fates = [(fate.value, WORDS[fate]) for fate in Fate if counts.fates[fate]]
    if counts.unread:
        fates.append(("unread", "only a message"))
    return element(
        "form",
        element("label", "Search ", element("input", type="search", name="search", autocomplete="off")),
        _choice("Rule", "rule", rules),
        _choice("Repository", "repository", names),
        _choice("Outcome", "fate", fates),
        element("button", "Show everything", type="reset"),
        element("button", "Open the changes", type="button", id="open"),
        id="controls",
        role="search",
        hidden=True,
    )


def _choice(words: str, name: str, options: list[tuple[str, str]]) -> Element:
    every = element("option", "all", value="")
    given = [element("option", label, value=value) for value, label in options]
    return element("label", f"{words} ", element("select", every, *given, name=name))


def _repository(result: RepositoryResult, counts: Tally, results: Results, stream: TextIO) -> None:
    files = results.files(result.name)
    first = next(files, None)
    if first is None and not result.notes and result.message is None:
        return
    # Opened and closed by hand, since the files between come one by one.
    opened = drawn(element("section", class_="repository", data_repository=told(result.name)))
    stream.write(opened.removesuffix("</section>") + "\n" + drawn(element("h3", isolated(result.name))) + "\n")
    stream.write(drawn(element("ul", *(element("li", *fact) for fact in _facts(result)), class_="facts")) + "\n")
    for file in chain([] if first is None else [first], files):
        counts.add(file)
        stream.write(drawn(file_block(file)) + "\n")
    stream.write("</section>\n")


def _facts(result: RepositoryResult) -> list[list[Child]]:
    facts: list[list[Child]] = []
    source: list[Child] = ["From ", isolated(result.source, "code")]
    if result.within:
        source += [", the folder ", isolated(result.within, "code")]
    if result.revision:
        source += [", commit ", element("code", told(result.revision)[:12])]
    facts.append(source)
    if result.state is not State.DONE:
        facts.append([element("strong", page_overview.STATES.get(result.state, "not finished"), class_="verdict")])
        if result.message:
            facts[-1] += [": ", *prose(result.message)]
    elif result.message:
        facts.append(prose(result.message))
    if result.branch:
        facts.append(["Branch ", isolated(result.branch, "code"), f" with {count(len(result.commits), 'commit')}"])
    places = [("Patch", result.patch), ("Pull request", result.pull_request)]
    for words, path in places:
        if path:
            facts.append([f"{words}: ", isolated(path, "code")])
    facts += [prose(note) for note in result.notes]
    return facts
