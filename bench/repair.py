"""Repair: which broken programs are mended and proved, which are called mended wrongly, by regrad and by others.

Every contender gets its own copy of every broken program. What it leaves as it was is not mended. What it changes is
run by itself from the beginning to the end, and one training step of it is compared with one of the broken program.
Mended is what does both: it ends without a complaint about gradients, and the step before and the step after prove it.
The second is asked of everyone, as some broken programs complain about nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from regrad.verify import Verdict, Verifier

from . import inputs
from .cases import Program, copied, programs, side
from .machine import measured_with, regrad_version
from .measuring import TooLong, cost, regrad
from .result import Column, Comparison, Figures, Missing, Row, Table
from .rivals import advice
from .rivals.linters import PACKAGES as LINTERS
from .rivals.linters import fix_command, version
from .running import Ran, run

TITLE = "Repair: mended and proved"
PACKAGES = ("tensorflow", "keras", "libcst")
GOAL = 56 / 65
NOTHING = "doing nothing"
OURS = "regrad fix --unsafe-fixes"


@dataclass(frozen=True)
class Attempt:
    """What one contender did with one broken program."""

    contender: str
    case: str
    kind: str
    changed: bool
    silent: bool
    """The program as it was ran to its end and complained about nothing."""
    sound: bool
    """The program as it is now does."""
    proved: bool
    claimed: str | None
    """The contender's own verdict, if it gives one."""
    seconds: float
    problem: str | None = None
    regrad: str = "a version that was not recorded"

    @property
    def mended(self) -> bool:
        return self.changed and self.sound and self.proved

    @property
    def wrongly_called_mended(self) -> bool:
        return self.claimed == Verdict.MENDED.value and not self.sound


Contender = Callable[[Program], str | None]
"""Changes the program in place, and says its verdict if it has one."""


def arguments(parser: argparse.ArgumentParser) -> None:
    inputs.cases(parser)
    inputs.tools(parser)
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter with TensorFlow that runs the programs"
    )
    parser.add_argument(
        "--without", nargs="+", default=[], choices=("torchfix", "fixit", "ruff"), help="contenders to leave out"
    )
    parser.add_argument(
        "--at-most", type=float, metavar="MINUTES", help="try no further program then; the tables say how many were"
    )
    parser.add_argument("--journal", type=Path, metavar="FILE", help="keep each attempt there, and go on from there")


def measure(options: argparse.Namespace) -> Figures:
    folders = inputs.case_folders(options)
    contenders, versions = _contenders(options)
    tables: list[Table] = []
    comparisons: list[Comparison] = []
    parts: set[str] = set()
    for folder in folders:
        broken = [program for program in programs(folder, options.kind) if program.broken]
        attempts = list(_attempts(folder.name, broken[: 2 if options.quick else None], contenders, options))
        parts |= {attempt.regrad for attempt in attempts}
        tried = len({attempt.case for attempt in attempts})
        if tried:
            name = f"{folder.name}, {tried} of {len(broken)} programs" if tried < len(broken) else folder.name
            tables += tables_of(name, attempts)
            comparisons += comparisons_of(name, attempts)
    return Figures(tuple(tables), tuple(comparisons), {**versions, **measured_with(parts)})


def _contenders(options: argparse.Namespace) -> tuple[dict[str, Contender], dict[str, str]]:
    found: dict[str, Contender] = {OURS: _regrad(options.python), "NeuraLint's advice": _advised}
    versions = {}
    for tool in sorted({"torchfix", "fixit", "ruff"} - set(options.without)):
        python = inputs.tools_python(options)
        try:
            versions[LINTERS[tool]] = version(python, tool)
        except Missing as problem:
            print(f"without {tool}: {problem}", file=sys.stderr)
            continue
        found[f"{tool} --fix"] = _linter(python, tool)
    return found, versions


def _attempts(
    name: str, broken: Sequence[Program], contenders: dict[str, Contender], options: argparse.Namespace
) -> Iterator[Attempt]:
    kept = _journal(options.journal, name)
    until = None if options.at_most is None else time.monotonic() + options.at_most * 60
    with Verifier(options.python) as verifier:
        for program in broken:
            wanted = [contender for contender in (NOTHING, *contenders) if (contender, program.case) not in kept]
            yield from (attempt for (_, case), attempt in kept.items() if case == program.case)
            if not wanted or (until is not None and time.monotonic() >= until):
                continue
            with tempfile.TemporaryDirectory(prefix="regrad-bench-") as place:
                before = run(options.python, copied(program, Path(place, "alone")))
                for contender in wanted:
                    own = copied(program, Path(place, contender))
                    made = _attempt(
                        contender, contenders.get(contender), program, own, before, verifier, options.python
                    )
                    _keep(options.journal, name, made)
                    print(_line(made), file=sys.stderr, flush=True)
                    yield made


def _attempt(
    contender: str,
    change: Contender | None,
    program: Program,
    own: Program,
    before: Ran,
    verifier: Verifier,
    python: str,
) -> Attempt:
    started = _contents(own)
    claimed, seconds, problem = None, 0.0, None
    if change is not None:
        try:
            claimed, seconds = _timed(change, own)
        except TooLong:
            problem = "not done in ten minutes"
    changed = _contents(own) != started
    after, proved = before, False
    if changed:
        after = run(python, own)
        if after.status == 0 and after.complaints:
            after = replace(after, complaints=_own_complaints(after, program, own, python))
        if not after.sound:
            problem = f"status {after.status}, {', '.join(after.complaints) or 'no complaint'}"
        else:
            evidence = verifier.compare(program.job, own.job, same_loss=False)
            proved = evidence.verdict is Verdict.MENDED
            problem = None if proved else f"{evidence.verdict.value}: {evidence.reason}"
    return Attempt(
        contender,
        program.case,
        program.kind,
        changed,
        before.sound,
        after.sound,
        proved,
        claimed,
        seconds,
        problem,
        regrad_version(),
    )


def _own_complaints(after: Ran, program: Program, own: Program, python: str) -> tuple[str, ...]:
    """What the mended twin does not print as well (a program may say `nan` of an episode without a step)."""
    place = side(program.place.parent, "fixed")
    if place is None:
        return after.complaints
    twin = Program(program.case, program.kind, "fixed", place, program.description)
    printed = run(python, copied(twin, own.place.parent / "twin")).complaints
    return tuple(each for each in after.complaints if each not in printed)


def _timed(change: Contender, own: Program) -> tuple[str | None, float]:
    started = time.perf_counter()
    return change(own), time.perf_counter() - started


def _regrad(python: str) -> Contender:
    def fix(program: Program) -> str | None:
        command = regrad(
            "fix", "--unsafe-fixes", "--verify", "--python", python, "--output-format", "json", program.place
        )
        done = subprocess.run(
            list(map(str, command)), cwd=program.place.parent, capture_output=True, text=True, check=False
        )
        try:
            files = json.loads(done.stdout)["files"]
        except ValueError:
            return f"no answer: {done.stderr.strip()[-200:]}"
        verdicts = {(file.get("verification") or {}).get("verdict") for file in files} - {None}
        mended = Verdict.MENDED.value
        return mended if mended in verdicts else ", ".join(sorted(map(str, verdicts))) or "nothing to verify"

    return fix


def _advised(program: Program) -> str | None:
    for path in program.files:
        advice.follow(path)
    return None


def _linter(python: Path, tool: str) -> Contender:
    def fix(program: Program) -> str | None:
        cost([*fix_command(python, tool), program.place], folder=program.place.parent, limit=600)
        return None

    return fix


def _contents(program: Program) -> list[bytes]:
    return [path.read_bytes() for path in program.files]


def _line(made: Attempt) -> str:
    word = "mended" if made.mended else "changed" if made.changed else "left"
    return f"{word:8} {made.contender}: {made.case} {made.claimed or ''} {made.problem or ''}"


def _journal(path: Path | None, name: str) -> dict[tuple[str, str], Attempt]:
    if path is None or not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [Attempt(**row["attempt"]) for row in rows if row["cases"] == name]
    return {(attempt.contender, attempt.case): attempt for attempt in kept}


def _keep(path: Path | None, name: str, made: Attempt) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"cases": name, "attempt": asdict(made)}) + "\n")


def tables_of(name: str, attempts: Sequence[Attempt]) -> list[Table]:
    contenders = list(dict.fromkeys(attempt.contender for attempt in attempts))
    of = {contender: [each for each in attempts if each.contender == contender] for contender in contenders}
    overview: list[Row] = []
    for contender, own in of.items():
        claims = any(each.claimed for each in own)
        timed = [each.seconds for each in own if each.seconds]
        overview.append(
            {
                "contender": contender,
                "changed": f"{sum(each.changed for each in own)} of {len(own)}",
                "runs": f"{sum(each.changed and each.sound for each in own)} of {len(own)}",
                "mended": f"{sum(each.mended for each in own)} of {len(own)}",
                "share": sum(each.mended for each in own) / len(own),
                "claimed": sum(each.claimed == Verdict.MENDED.value for each in own) if claims else None,
                "wrongly": sum(each.wrongly_called_mended for each in own) if claims else None,
                "harmed": sum(each.silent and not each.sound for each in own),
                "seconds": statistics.median(timed) if timed else None,
            }
        )
    ours = of.get(OURS, [])
    total, good = Counter(each.kind for each in ours), Counter(each.kind for each in ours if each.mended)
    left: list[Row] = [
        {
            "case": each.case,
            "changed": each.changed,
            "claimed": each.claimed or "",
            "problem": each.problem or ("left as it was" if not each.changed else ""),
        }
        for each in ours
        if not each.mended
    ]
    columns = (
        Column("contender", "contender"),
        Column("changed", "changes"),
        Column("runs", "changed, and runs without complaint"),
        Column("mended", "mended and proved"),
        Column("share", "share", "share"),
        Column("claimed", "calls mended", "count"),
        Column("wrongly", "called mended wrongly", "count"),
        Column("harmed", "ran before, fails after", "count"),
        Column("seconds", "median time", "seconds"),
    )
    tables = [
        Table(f"`{name}`: every contender", columns, tuple(overview)),
        Table(
            f"`{name}`: regrad by cause",
            (Column("kind", "cause"), Column("mended", "mended and proved")),
            tuple({"kind": kind, "mended": f"{good[kind]} of {count}"} for kind, count in sorted(total.items())),
        ),
    ]
    if left:
        shown = (
            Column("case", "case"),
            Column("changed", "changed"),
            Column("claimed", "regrad says"),
            Column("problem", "why not"),
        )
        tables.append(Table(f"`{name}`: what regrad does not mend", shown, tuple(left)))
    return tables


def comparisons_of(name: str, attempts: Sequence[Attempt]) -> list[Comparison]:
    of = {(each.contender, each.case): each for each in attempts}

    def share(contender: str, cases: Sequence[str]) -> float:
        return sum(of[contender, case].mended for case in cases) / max(len(cases), 1)

    ours = [each for each in attempts if each.contender == OURS]
    runs = sum(each.changed and each.sound for each in ours) / max(len(ours), 1)
    wrong = sum(each.wrongly_called_mended for each in ours)
    made = [
        Comparison(
            f"runs.{name}", f"run without complaint after mending on `{name}`", runs, GOAL, "the goal", "share", True
        ),
        Comparison(f"wrongly.{name}", f"called mended wrongly on `{name}`", wrong, 0, "the goal", "count"),
    ]
    for other in dict.fromkeys(each.contender for each in attempts if each.contender != OURS):
        # Both have to have tried a program.
        cases = [case for contender, case in of if contender == other and (OURS, case) in of]
        title = f"mended and proved on `{name}`"
        made.append(
            Comparison(f"mended.{name}.{other}", title, share(OURS, cases), share(other, cases), other, "share", True)
        )
    return made
