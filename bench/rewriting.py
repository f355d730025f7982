"""Rewriting: what becomes of real files that are mended, against the promises of bench/promises.py."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from regrad.analysis.source import Unreadable
from regrad.repair.diff import unified
from regrad.repair.options import Options
from regrad.repair.relevance import worth_reading
from regrad.repair.targets import Target, targets

from . import inputs
from .machine import ROOT
from .promises import complaints, rewrite
from .result import Column, Comparison, Figures, Row, Table

TITLE = "Rewriting: promises kept on real files"
PACKAGES = ("libcst",)


def arguments(parser: argparse.ArgumentParser) -> None:
    inputs.collections(parser)
    parser.add_argument("--diffs", action="store_true", help="print every diff, to be read")
    parser.add_argument("--largest", type=int, default=1_000_000, metavar="BYTES", help="leave larger files out")


def measure(options: argparse.Namespace) -> Figures:
    quick = options.quick and options.collections is None
    folders = [ROOT / "fixtures" / "tape_exhausted"] if quick else inputs.collection_folders(options)
    started, seen, mended = time.process_time(), 0, set[tuple[str, bytes]]()
    by_code: Counter[str] = Counter()
    broken: list[str] = []
    for path in entries(map(str, folders)):
        if Path(path).stat().st_size > options.largest:
            continue
        seen += 1
        if seen % 100 == 0:
            gc.collect()
        try:
            made = rewrite(path)
        except Unreadable:
            continue
        if made is None:
            continue
        fresh = {(place, version.source.content) for place, version in made.versions.items()} - mended
        if not fresh:
            # A file that several programs import was judged with the first of them.
            continue
        mended |= fresh
        by_code.update(made.codes)
        told = list(complaints(made))
        broken += told
        print(f"{'BROKEN' if told else 'ok':6} {path} {' '.join(made.codes)}", file=sys.stderr, flush=True)
        for line in told:
            print(f"       {line}", file=sys.stderr, flush=True)
        if options.diffs:
            for place, version in made.versions.items():
                sys.stdout.write(
                    unified(place, version.original.content, version.source.content).decode(errors="replace")
                )
    rewritten = len({path for path, _ in mended})
    totals: Row = {
        "programs": seen,
        "rewritten": rewritten,
        "broken": len(broken),
        "seconds": time.process_time() - started,
    }
    rules: list[Row] = [{"code": code, "files": count} for code, count in sorted(by_code.items())]
    return Figures(
        (
            Table(
                "All rules, unsafe fixes included",
                (
                    Column("programs", "programs that can train", "count"),
                    Column("rewritten", "files rewritten", "count"),
                    Column("broken", "promises broken", "count"),
                    Column("seconds", "processor time", "seconds"),
                ),
                (totals,),
                "Promised: the result parses; nothing changes where no edit was made; line breaks, marks and (for safe"
                " mendings) comments stay; a second run changes nothing; `git apply` takes the diff and makes the same"
                " bytes of it.",
            ),
            Table("By rule", (Column("code", "rule"), Column("files", "programs", "count")), tuple(rules)),
        ),
        (Comparison("promises", "promises broken on real files", len(broken), 0, "the goal", "count"),),
    )


def entries(trees: Iterable[str]) -> Iterator[str]:
    for target in targets(trees, Options(respect_gitignore=False)):
        if isinstance(target, Target):
            try:
                if worth_reading(target.path, Path(target.path).read_bytes()):
                    yield target.path
            except OSError:
                continue
