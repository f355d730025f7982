"""The command of all benchmarks: `python -m bench NAME`, `python -m bench all`, `python -m bench page`."""

from __future__ import annotations

import argparse
import datetime
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from . import inputs, page
from .machine import machine, versions
from .result import Missing, Result, Table, shown, write

NAMES = (
    "detection",
    "silence",
    "repair",
    "reading",
    "start_up",
    "growth",
    "controls",
    "verification_cost",
    "real_programs",
    "rewriting",
    "mending_back",
    "migrate",
    "report_page",
)
"""In the order of the page. Each is a module with TITLE, PACKAGES, `arguments` and `measure`."""


def module(name: str) -> ModuleType:
    return importlib.import_module(f".{name}", __package__)


def titles() -> dict[str, str]:
    return {name: module(name).TITLE for name in NAMES}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = made.add_subparsers(dest="name", required=True, metavar="NAME")
    for name in NAMES:
        each = commands.add_parser(name, help=module(name).TITLE, description=module(name).__doc__)
        _arguments(each, [name])
        each.set_defaults(parser=each)
    everything = commands.add_parser("all", help="all of them, one after the other", conflict_handler="resolve")
    _arguments(everything, NAMES)
    everything.add_argument("--except", dest="left_out", nargs="+", default=[], choices=NAMES, metavar="NAME")
    everything.set_defaults(parser=everything)
    writing = commands.add_parser("page", help="write docs/benchmarks.md from the kept results")
    writing.add_argument("--check", action="store_true", help="write nothing; status 1 if the page is not up to date")
    return made


def _arguments(each: argparse.ArgumentParser, names: Sequence[str]) -> None:
    inputs.common(each)
    for name in names:
        module(name).arguments(each)
    each.add_argument("--results", type=Path, metavar="FOLDER", help="keep the JSON there and leave the page alone")


def main(words: Sequence[str] | None = None) -> int:
    options = parser().parse_args(words)
    if options.name == "page":
        return _page(check=options.check)
    names = [name for name in NAMES if name not in options.left_out] if options.name == "all" else [options.name]
    unable = 0
    for name in names:
        try:
            result = _measured(name, options)
        except Missing as problem:
            unable += 1
            print(f"{name}: {problem}", file=sys.stderr)
            continue
        for table in result.tables:
            _print(table)
        if options.results is not None:
            print(f"kept: {write(result, options.results)}")
        elif not options.quick:
            print(f"kept: {write(result, page.RESULTS)}")
    if options.results is None and not options.quick:
        _page(check=False)
    return 2 if unable == len(names) else 0


def _measured(name: str, options: argparse.Namespace) -> Result:
    began = machine()
    found = module(name).measure(options)
    return Result(
        name,
        inputs.told(options.parser, options, options.name),
        datetime.date.today().isoformat(),
        began,
        {**versions(module(name).PACKAGES), **(found.versions or {})},
        found.tables,
        found.comparisons,
    )


def _page(*, check: bool) -> int:
    try:
        text = page.made(titles())
    except page.NotExplained as problem:
        print(problem, file=sys.stderr)
        return 1
    current = page.PAGE.read_text(encoding="utf-8") if page.PAGE.exists() else ""
    if check:
        if text != current:
            print(f"{page.PAGE.name} is not up to date: `python -m bench page` writes it anew", file=sys.stderr)
        return int(text != current)
    page.PAGE.write_text(text, encoding="utf-8")
    return 0


def _print(table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(title=Text(table.title), title_justify="left")
    for column in table.columns:
        drawn.add_column(Text(column.title), justify="left" if column.kind == "text" else "right")
    for row in table.rows:
        drawn.add_row(*(Text(shown(row.get(column.key), column.kind)) for column in table.columns))
    Console(soft_wrap=False).print(drawn)


if __name__ == "__main__":
    sys.exit(main())
