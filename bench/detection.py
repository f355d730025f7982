"""Detection: which causes are named on broken programs, and what is reported on sound ones, by regrad and by others."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import inputs
from .cases import CAUSES, Program, laid_out, programs
from .measuring import regrad
from .result import Column, Comparison, Figures, Missing, Row, Table
from .rivals import Rival
from .rivals.linters import Linter
from .rivals.naive import Naive
from .rivals.neuralint import NeuraLint
from .rivals.umlaut import Umlaut

TITLE = "Detection: recall by cause, false alarms"
PACKAGES = ("tensorflow", "keras")
GOAL_RECALL = 60 / 65
GOAL_ALARMS = 0


class Ours:
    """`regrad check` of the installed program, once over all programs."""

    name = "regrad"
    causes: Mapping[str, frozenset[str]]

    def __init__(self) -> None:
        named: defaultdict[str, set[str]] = defaultdict(set)
        for kind, codes in CAUSES.items():
            for code in codes:
                named[code].add(kind)
        self.causes = {code: frozenset(kinds) for code, kinds in named.items()}

    def reports(self, found: Sequence[Program]) -> list[frozenset[str]]:
        command = [*regrad("check", "--output-format", "json"), *(program.place for program in found)]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        codes: defaultdict[Path, set[str]] = defaultdict(set)
        for file in json.loads(done.stdout)["files"]:
            codes[Path(file["path"]).resolve()].update(finding["code"] for finding in file["findings"])
        return [frozenset().union(*(codes[path.resolve()] for path in program.files)) for program in found]


@dataclass(frozen=True)
class Score:
    """How one reader did on one folder of cases."""

    right: Mapping[str, int]
    """Broken programs whose cause is named, by kind."""
    total: Mapping[str, int]
    told_apart: int
    """Broken programs about which some rule speaks that is silent about the mended twin."""
    alarms: int
    """Mended and correct programs about which some rule speaks."""
    sound: int
    missed: tuple[tuple[str, str, tuple[str, ...]], ...]
    alarmed: tuple[tuple[str, str, tuple[str, ...]], ...]

    @property
    def named(self) -> int:
        return sum(self.right.values())

    @property
    def broken(self) -> int:
        return sum(self.total.values())


def score(found: Sequence[Program], reported: Sequence[frozenset[str]], causes: Mapping[str, frozenset[str]]) -> Score:
    right, total = Counter[str](), Counter[str]()
    missed, alarmed = [], []
    by_place = {(program.case, program.side): rules for program, rules in zip(found, reported, strict=True)}
    told_apart = 0
    for program, rules in zip(found, reported, strict=True):
        if not program.broken:
            if rules:
                alarmed.append((program.case, program.side, tuple(sorted(rules))))
            continue
        total[program.kind] += 1
        told_apart += bool(rules - by_place.get((program.case, "fixed"), frozenset()))
        if any(program.kind in causes.get(rule, ()) for rule in rules):
            right[program.kind] += 1
        else:
            missed.append((program.case, program.kind, tuple(sorted(rules))))
    sound = sum(not program.broken for program in found)
    return Score(right, total, told_apart, len(alarmed), sound, tuple(missed), tuple(alarmed))


def arguments(parser: argparse.ArgumentParser) -> None:
    inputs.cases(parser)
    inputs.tools(parser)
    parser.add_argument(
        "--with-runs",
        nargs="*",
        metavar="NAME",
        help="run every program of the sets so called (without names: of all) under UMLAUT's checks, too: long",
    )


def measure(options: argparse.Namespace) -> Figures:
    folders = inputs.case_folders(options)
    rivals, versions = _rivals(options)
    tables: list[Table] = []
    comparisons: list[Comparison] = []
    for folder in folders:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as place:
            found = laid_out(programs(folder, options.kind), Path(place).resolve())
            unknown = sorted({program.kind for program in found if program.broken} - set(CAUSES))
            if unknown:
                raise Missing(f"bench/causes.json says of no rule that it names {', '.join(unknown)}")
            here = [*rivals, Umlaut()] if _runs(options.with_runs, folder.name) else rivals
            scores = {rival.name: score(found, rival.reports(found), rival.causes) for rival in here}
        tables += tables_of(folder.name, scores)
        comparisons += comparisons_of(folder.name, scores)
    return Figures(tuple(tables), tuple(comparisons), versions)


def _runs(names: list[str] | None, folder: str) -> bool:
    return names is not None and (not names or folder in names)


def _rivals(options: argparse.Namespace) -> tuple[list[Rival], dict[str, str]]:
    rivals: list[Rival] = [Ours(), Naive(), NeuraLint()]
    versions: dict[str, str] = {}
    for tool in ("torchfix", "fixit", "ruff"):
        try:
            linter = Linter(inputs.tools_python(options), tool)
        except Missing as problem:
            print(f"without {tool}: {problem}", file=sys.stderr)
            continue
        versions[linter.name] = linter.version
        rivals.append(linter)
    return rivals, versions


def tables_of(name: str, scores: Mapping[str, Score]) -> list[Table]:
    ours = scores["regrad"]
    others = [rival for rival in scores if rival != "regrad" and scores[rival].named]
    overview: list[Row] = [
        {
            "reader": rival,
            "right": f"{each.named} of {each.broken}",
            "recall": each.named / max(each.broken, 1),
            "apart": f"{each.told_apart} of {each.broken}",
            "alarms": f"{each.alarms} of {each.sound}",
        }
        for rival, each in scores.items()
    ]
    kinds: list[Row] = [
        {"kind": kind, **{rival: f"{scores[rival].right.get(kind, 0)} of {count}" for rival in ("regrad", *others)}}
        for kind, count in sorted(ours.total.items())
    ]
    exceptions: list[Row] = []
    exceptions += [
        {"what": "cause not named", "case": case, "side": "buggy", "reported": " ".join(rules) or "nothing"}
        for case, _, rules in ours.missed
    ]
    exceptions += [
        {"what": "false alarm", "case": case, "side": side, "reported": " ".join(rules)}
        for case, side, rules in ours.alarmed
    ]
    tables = [
        Table(
            f"`{name}`: every reader",
            (
                Column("reader", "reader"),
                Column("right", "right cause named"),
                Column("recall", "recall", "share"),
                Column("apart", "tells broken from mended"),
                Column("alarms", "sound programs with a report"),
            ),
            tuple(overview),
            "“Tells broken from mended”: some rule speaks about the broken program and is silent about its twin.",
        ),
        Table(
            f"`{name}`: by cause",
            (Column("kind", "cause"), Column("regrad", "regrad"), *(Column(rival, rival) for rival in others)),
            tuple(kinds),
        ),
    ]
    if exceptions:
        columns = (
            Column("what", ""),
            Column("case", "case"),
            Column("side", "program"),
            Column("reported", "reported"),
        )
        tables.append(Table(f"`{name}`: what regrad gets wrong", columns, tuple(exceptions)))
    return tables


def comparisons_of(name: str, scores: Mapping[str, Score]) -> list[Comparison]:
    ours = scores["regrad"]
    recall, alarms = ours.named / max(ours.broken, 1), ours.alarms / max(ours.sound, 1)
    made = [
        Comparison(f"recall.{name}", f"recall on `{name}`", recall, GOAL_RECALL, "the goal", "share", True),
        Comparison(f"alarms.{name}", f"false alarms on `{name}`", ours.alarms, GOAL_ALARMS, "the goal", "count"),
    ]
    for rival, each in scores.items():
        if rival != "regrad":
            other = each.named / max(each.broken, 1)
            made.append(
                Comparison(f"recall.{name}.{rival}", f"recall on `{name}`", recall, other, rival, "share", True)
            )
            silent = each.alarms / max(each.sound, 1)
            made.append(
                Comparison(f"alarms.{name}.{rival}", f"false alarms on `{name}`", alarms, silent, rival, "share")
            )
    return made
