"""Mending back: sound programs of other authors, broken in one place, mended: is the author's program back?

Every program without a finding is broken in the ways of `breakages.py`, one change at a time, and mended with unsafe
fixes and the first of several candidates, without running anything. Each broken program ends as one of these:

exact       byte for byte as the author had it
same        the author's program in other words: comments or blank lines elsewhere, `loss="mse"` for an object, another
            order of keywords, a default written out
offered     several mendings are possible, one is the author's program, and a run would have to choose
otherwise   mended in another way; to be read (`--show otherwise`)
withheld    reported, with a reason why it is not mended
unmended    reported, and still reported after the mending
silent      not reported: the change broke nothing that reading can see for certain
spoiled     one of the promises of bench/promises.py is broken

The same collections and the same `--seed` give the same figures.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import gc
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regrad.analysis.source import SourceFile, Unreadable, decode, load, parse
from regrad.codemods.engine.registry import selected
from regrad.codemods.engine.rule import Withheld
from regrad.repair import plan as planning
from regrad.repair.detection import Detector
from regrad.repair.options import Options

from . import breakages, inputs
from .machine import ROOT
from .promises import Rewritten, complaints, reading
from .result import Column, Comparison, Figures, Row, Table
from .rewriting import entries

TITLE = "Mending back: real programs, broken and mended"
PACKAGES = ("libcst",)
OUTCOMES = ("exact", "same", "offered", "otherwise", "withheld", "unmended", "silent", "spoiled")


def arguments(parser: argparse.ArgumentParser) -> None:
    inputs.collections(parser)
    parser.add_argument("--each", type=int, default=1, help="places per file and way (default: 1)")
    parser.add_argument("--most", type=int, default=20, help="broken programs per way and collection (default: 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", metavar="TEXT", help="the ways whose name contains this")
    parser.add_argument("--show", nargs="*", default=["spoiled"], choices=OUTCOMES, help="print these to be read")


def measure(options: argparse.Namespace) -> Figures:
    quick = options.quick and options.collections is None
    folders = [ROOT / "fixtures" / "tape_exhausted"] if quick else inputs.collection_folders(options)
    detector = Detector(selected(None), Options(unsafe_fixes=True))
    started, programs = time.process_time(), 0
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    reasons: Counter[tuple[str, str]] = Counter()
    for folder in folders:
        done: Counter[str] = Counter()
        for path in entries([str(folder)]):
            try:
                waiting = _waiting(path, options, detector)
            except Unreadable:
                continue
            programs += bool(waiting)
            gc.collect()
            for one in waiting:
                name = one.breakage.name
                if done[name] >= options.most:
                    continue
                done[name] += 1
                judged = judge(one, detector)
                table[name][judged.outcome] += 1
                if judged.outcome == "withheld":
                    reasons[name, judged.told] += 1
                if judged.outcome in options.show:
                    told = f"{one.path}:{one.line} {name} {' '.join(judged.codes)} {judged.told}"
                    print(f"{judged.outcome:10} {told}", file=sys.stderr)
                    if judged.text:
                        print(_difference(one, judged.text), file=sys.stderr, flush=True)
    return _figures(programs, table, reasons, time.process_time() - started)


def _waiting(path: str, options: argparse.Namespace, detector: Detector) -> list[Broken]:
    """The program broken in every way, if regrad finds nothing in it as it is."""
    chance = random.Random(f"{options.seed} {Path(path).name}")
    found = [one for one in broken(path, options.each, chance) if options.only in one.breakage.name]
    return [] if found and detector.detect(reading(path, {})({})).findings else found


def _figures(
    programs: int, table: dict[str, Counter[str]], reasons: Counter[tuple[str, str]], seconds: float
) -> Figures:
    total = sum(table.values(), Counter[str]())
    totals: Row = {"programs": programs, "broken": total.total(), "seconds": seconds}
    rows: list[Row] = [
        {"way": name, "broken": counts.total(), **{each: counts[each] for each in OUTCOMES}}
        for name, counts in [*sorted(table.items()), ("all", total)]
    ]
    withheld: list[Row] = [
        {"way": name, "reason": reason, "programs": count} for (name, reason), count in reasons.most_common()
    ]
    return Figures(
        (
            Table(
                "Programs of other authors without a finding",
                (
                    Column("programs", "programs", "count"),
                    Column("broken", "broken in one place", "count"),
                    Column("seconds", "processor time", "seconds"),
                ),
                (totals,),
                "Each is broken in one place and mended without running anything, unsafe fixes and the first of"
                " several candidates included.",
            ),
            Table(
                "By the way in which they were broken",
                (
                    Column("way", "broken"),
                    Column("broken", "programs", "count"),
                    *(Column(each, each, "count") for each in OUTCOMES),
                ),
                tuple(rows),
                "Exact: the author's bytes are back. Same: the author's program in other words. Offered: it is one of"
                " several candidates, of which a run would choose. Silent: nothing that reading can see for certain.",
            ),
            Table(
                "Why they are not mended",
                (Column("way", "broken"), Column("reason", "reason"), Column("programs", "programs", "count")),
                tuple(withheld),
            ),
        ),
        (Comparison("promises", "promises broken in mending back", total["spoiled"], 0, "the goal", "count"),),
    )


@dataclass(frozen=True)
class Broken:
    """A program that was broken in one place."""

    path: str
    breakage: breakages.Breakage
    line: int
    author: SourceFile
    source: SourceFile


@dataclass(frozen=True)
class Judged:
    """What became of a broken program."""

    outcome: str
    codes: tuple[str, ...] = ()
    told: str = ""
    text: str = ""


def broken(path: str, each: int, chance: random.Random) -> Iterator[Broken]:
    """The program broken in every way that applies to it, at no more than `each` places in one way."""
    author = load(path)
    tree = parse(author)
    for breakage in breakages.BREAKAGES:
        found = list(breakage.apply(author, tree))
        for line, text in sorted(chance.sample(found, min(each, len(found)))):
            try:
                source = author.edited(text)
                parse(source)
            except Unreadable:
                continue
            yield Broken(path, breakage, line, author, source)


def judge(program: Broken, detector: Detector) -> Judged:
    """Mends the program and compares it with the author's."""
    read = reading(program.path, {program.path: program.source.content})
    options = Options(unsafe_fixes=True)
    made = planning.make(read, detector, options, {}, planning.Choice())
    codes = tuple(sorted({candidate.key.code for candidate in made.first}))
    if not codes:
        return Judged("silent")
    if not made.applied:
        reasons = [each.mendings.reason for each in made.first if isinstance(each.mendings, Withheld)]
        return Judged("withheld", codes, "; ".join(dict.fromkeys(reasons)))
    text = made.versions[program.path].source.text
    told = list(complaints(Rewritten(made, detector, options)))
    if told:
        return Judged("spoiled", codes, "; ".join(told), text)
    applied = ", ".join(f"{each.candidate.key.code} {each.mending.title}" for each in made.applied)
    if text == program.author.text:
        return Judged("exact", codes, applied, text)
    if meant(program, text):
        return Judged("same", codes, applied, text)
    for candidate in made.first:
        for index in range(1, len(candidate.eligible)):
            other = planning.make(read, detector, options, {}, planning.Choice({candidate.key: index}))
            if meant(program, other.versions[program.path].source.text):
                return Judged(
                    "offered", codes, f"number {index + 1} of {len(candidate.eligible)}; first {applied}", text
                )
    return Judged("unmended" if made.remaining else "otherwise", codes, applied, text)


def meant(program: Broken, text: str) -> bool:
    """Whether the text is the author's program, possibly in other words."""
    mended = parse(decode(program.path, program.author.with_text(text)))
    return ast.dump(InOneForm().visit(mended)) == ast.dump(InOneForm().visit(parse(program.author)))


class InOneForm(ast.NodeTransformer):
    """One way to write what Keras lets people write in several."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        made_of = ast.unparse(node.func).rpartition(".")
        self.generic_visit(node)
        defaults = {"from_logits": False, "training": True}
        node.keywords = [
            each
            for each in node.keywords
            if not (isinstance(each.value, ast.Constant) and defaults.get(each.arg or "") is each.value.value)
        ]
        node.keywords.sort(key=lambda each: each.arg or "")
        if made_of[0].endswith("losses") and not node.args and not node.keywords:
            name = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", made_of[2]).lower()
            return ast.Constant(LOSSES.get(made_of[2], name))
        return node

    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        only = node.elts[0] if len(node.elts) == 1 else None
        named = isinstance(only, ast.Constant) and str(only.value).endswith(("entropy", "error"))
        return only if only is not None and named else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(LOSSES[node.value]) if isinstance(node.value, str) and node.value in LOSSES else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        head, _, name = ast.unparse(node).rpartition("losses.")
        if not head or "." in name or "(" in head:
            self.generic_visit(node)
            return node
        return ast.Name(f"losses.{name}", node.ctx) if name[0].isupper() else ast.Constant(LOSSES.get(name, name))


LOSSES = {
    "mse": "mean_squared_error",
    "MSE": "mean_squared_error",
    "mae": "mean_absolute_error",
    "MAE": "mean_absolute_error",
}
"""Other names of the same losses."""


def _difference(program: Broken, text: str) -> str:
    """What the author wrote beside what became of it."""
    author, mended = (each.splitlines(keepends=True) for each in (program.author.text, text))
    return "".join(difflib.unified_diff(author, mended, "author", "mended", n=4))
