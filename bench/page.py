"""Writes docs/benchmarks.md from the kept results and the notes: `python -m bench page`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .machine import ROOT
from .result import Comparison, Result, Table, read, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RESULTS = ROOT / "bench" / "results"
NOTES = ROOT / "bench" / "notes.toml"
PAGE = ROOT / "docs" / "benchmarks.md"


class NotExplained(Exception):
    """A figure is behind, and the notes do not say why."""


def page(results: Sequence[Result], notes: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """The whole page. The order of the benchmarks is that of `titles`."""
    ordered = sorted(results, key=lambda result: list(titles).index(result.benchmark))
    parts = ["# Benchmarks", notes["introduction"].strip(), *_behind(ordered, notes)]
    for result in ordered:
        parts.append(f"## {titles[result.benchmark]}")
        parts.append(notes.get("benchmarks", {}).get(result.benchmark, "").strip())
        for table in result.tables:
            parts += [f"**{table.title}**", table.text, markdown(table)]
        parts.append(_measured(result))
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown(table: Table) -> str:
    cells = [[_escaped(shown(row.get(column.key), column.kind)) for column in table.columns] for row in table.rows]
    edges = ["---" if column.kind == "text" else "---:" for column in table.columns]
    lines = [[_escaped(column.title) for column in table.columns], edges, *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _behind(results: Sequence[Result], notes: Mapping[str, Any]) -> list[str]:
    behind = [
        (result.benchmark, comparison)
        for result in results
        for comparison in result.comparisons
        if not comparison.ahead
    ]
    if not behind:
        return []
    lines = [f"- {said(comparison)}. {_reason(name, comparison, notes)}" for name, comparison in behind]
    return ["## Where regrad is not ahead", notes["not_ahead_introduction"].strip(), "\n".join(lines)]


def said(comparison: Comparison) -> str:
    ours, theirs = shown(comparison.ours, comparison.kind), shown(comparison.theirs, comparison.kind)
    return f"**{comparison.what[:1].upper()}{comparison.what[1:]}**: {ours}; {comparison.against}: {theirs}"


def _reason(benchmark: str, comparison: Comparison, notes: Mapping[str, Any]) -> str:
    """The note under the comparison's key, or under the longest beginning of it that has one."""
    reasons: Mapping[str, str] = notes.get("not_ahead", {}).get(benchmark, {})
    words = comparison.key.split(".")
    for length in range(len(words), 0, -1):
        found = reasons.get(".".join(words[:length]))
        if found:
            return " ".join(found.split())
    raise NotExplained(
        f"{benchmark}: {said(comparison)}. bench/notes.toml has to say why: [not_ahead.{benchmark}] "
        f'"{comparison.key}" = "..."'
    )


def _measured(result: Result) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in result.machine.items() if value is not None)
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return f"Measured {result.date}: {machine}. {versions}. `{result.command}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def kept(folder: Path = RESULTS) -> list[Result]:
    return [read(path) for path in sorted(folder.glob("*.json"))]


def notes(path: Path = NOTES) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found


def made(titles: Mapping[str, str]) -> str:
    """What the page has to be, from what is kept."""
    return page(kept(), notes(), titles)
