"""The one shape in which every benchmark gives its figures, and how it is kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Value = str | float | int | bool | None
Row = Mapping[str, Value]


class Missing(Exception):
    """A benchmark lacks something that it needs; the message says what, and how to get it."""


@dataclass(frozen=True)
class Column:
    """One column of a table. `kind` says how its values are shown: see `shown`."""

    key: str
    title: str
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """Rows of figures under named columns; `text` says in a sentence what a row is."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    text: str = ""


@dataclass(frozen=True)
class Comparison:
    """Our figure beside another's, or beside a goal, within one run. Where we are behind, the page has to say why."""

    key: str
    what: str
    ours: float
    theirs: float
    against: str
    kind: str = "number"
    more_is_better: bool = False

    @property
    def ahead(self) -> bool:
        return self.ours >= self.theirs if self.more_is_better else self.ours <= self.theirs


@dataclass(frozen=True)
class Figures:
    """What a benchmark measured."""

    tables: tuple[Table, ...]
    comparisons: tuple[Comparison, ...] = ()
    versions: Mapping[str, str] | None = None
    """Of tools that live in another environment."""


@dataclass(frozen=True)
class Result:
    """What a benchmark measured, with all that is needed to measure it again."""

    benchmark: str
    command: str
    date: str
    machine: Mapping[str, Value]
    versions: Mapping[str, str]
    tables: tuple[Table, ...]
    comparisons: tuple[Comparison, ...]


def write(result: Result, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.benchmark}.json"
    path.write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> Result:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    tables = tuple(
        Table(**{**table, "columns": tuple(Column(**each) for each in table["columns"]), "rows": tuple(table["rows"])})
        for table in found.pop("tables")
    )
    comparisons = tuple(Comparison(**each) for each in found.pop("comparisons"))
    return Result(**found, tables=tables, comparisons=comparisons)


def shown(value: Value, kind: str) -> str:
    """A value as a reader sees it; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, (str, bool)) or kind == "text":
        return {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else str(value)
    return {
        "count": lambda: f"{value:,.0f}",
        "number": lambda: f"{value:,.2f}",
        "seconds": lambda: f"{value:,.2f} s",
        "milliseconds": lambda: f"{value * 1e3:,.0f} ms",
        "microseconds": lambda: f"{value * 1e6:,.0f} µs",
        "ratio": lambda: f"{value:,.2f} ×" if value < 100 else f"{value:,.0f} ×",
        "share": lambda: f"{value:.0%}" if value in (0, 1) else f"{value:.1%}",
        "mebibytes": lambda: f"{value / 2**20:,.0f} MiB",
    }[kind]()
