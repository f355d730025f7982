"""Breaks sound programs of other authors and mends them: does the mending give back what the author wrote?

    python bench/mending_back.py ~/collections/*
    python bench/mending_back.py --show otherwise --only "loss below" ~/collections/keras-io

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
spoiled     one of the promises of `rewriting.py` is broken; the exit status is 1

The same trees and the same `--seed` give the same figures.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import gc
import importlib.util
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from regrad.analysis.source import SourceFile, Unreadable, decode, load, parse
from regrad.codemods.engine.registry import selected
from regrad.codemods.engine.rule import Withheld
from regrad.repair import plan as planning
from regrad.repair.detection import Detector
from regrad.repair.options import Options


def _beside(name: str) -> ModuleType:
    """Another script of this folder, which is no package."""
    specification = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


breakages: Any = _beside("breakages")
rewriting: Any = _beside("rewriting")

OUTCOMES = ("exact", "same", "offered", "otherwise", "withheld", "unmended", "silent", "spoiled")


@dataclass(frozen=True)
class Broken:
    """A program that was broken in one place."""

    path: str
    breakage: Any
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


def findings(path: str, contents: dict[str, bytes], detector: Detector) -> tuple[Any, tuple[Any, ...]]:
    program = rewriting._reading(path, contents)({})
    return program, detector.detect(program).findings


def judge(program: Broken, detector: Detector) -> Judged:
    """Mends the program and compares it with the author's."""
    read = rewriting._reading(program.path, {program.path: program.source.content})
    options = Options(unsafe_fixes=True)
    made = planning.make(read, detector, options, {}, planning.Choice())
    codes = tuple(sorted({candidate.key.code for candidate in made.first}))
    if not codes:
        return Judged("silent")
    if not made.applied:
        reasons = [each.mendings.reason for each in made.first if isinstance(each.mendings, Withheld)]
        return Judged("withheld", codes, "; ".join(dict.fromkeys(reasons)))
    text = made.versions[program.path].source.text
    told = list(rewriting.complaints(rewriting.Rewritten(made, detector, options)))
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
    pair = (each.splitlines(keepends=True) for each in (program.author.text, text))
    return "".join(difflib.unified_diff(*pair, "author", "mended", n=4))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("trees", nargs="+", metavar="TREE")
    arguments.add_argument("--each", type=int, default=1, help="places per file and way (default: 1)")
    arguments.add_argument("--most", type=int, default=100, help="broken programs per way and tree (default: 100)")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", default="", metavar="TEXT", help="the ways whose name contains this")
    arguments.add_argument("--show", nargs="*", default=["spoiled"], choices=OUTCOMES, help="print these to be read")
    arguments.add_argument("--json", metavar="FILE", help="write the figures there as well")
    options = arguments.parse_args()
    detector = Detector(selected(None), Options(unsafe_fixes=True))
    started, programs = time.process_time(), 0
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    reasons: Counter[str] = Counter()
    for tree in options.trees:
        done: Counter[str] = Counter()
        for path in rewriting._entries([tree]):
            chance = random.Random(f"{options.seed} {Path(path).name}")
            try:
                waiting = [one for one in broken(path, options.each, chance) if options.only in one.breakage.name]
                if not waiting or findings(path, {}, detector)[1]:
                    continue
            except Unreadable:
                continue
            programs += 1
            if programs % 50 == 0:
                gc.collect()
            for one in waiting:
                name = one.breakage.name
                if done[name] >= options.most:
                    continue
                done[name] += 1
                judged = judge(one, detector)
                table[name][judged.outcome] += 1
                if judged.outcome == "withheld":
                    reasons[f"{name}: {judged.told}"] += 1
                if judged.outcome in options.show:
                    print(f"{judged.outcome:10} {one.path}:{one.line} {name} {' '.join(judged.codes)} {judged.told}")
                    if judged.text:
                        print(_difference(one, judged.text), flush=True)
    total = sum(table.values(), Counter[str]())
    figures = {
        "programs": programs,
        "broken": total.total(),
        **{outcome: total[outcome] for outcome in OUTCOMES},
        "by way": {name: dict(counts) for name, counts in sorted(table.items())},
        "withheld because": dict(reasons.most_common()),
        "CPU seconds": round(time.process_time() - started, 1),
    }
    print(json.dumps(figures, indent=2, ensure_ascii=False))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if total["spoiled"] else 0


if __name__ == "__main__":
    sys.exit(main())
