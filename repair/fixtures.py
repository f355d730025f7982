"""The programs that a rule is tried on: what must be reported, how it is mended, what is sound, and what runs say.

A folder named after the rule (`zero_learning_rate` for zero-learning-rate) holds three: `broken`, `mended` with the
exact text after the first mending of each program of `broken` that has one, and `sound`. A program is a script, a
notebook, or a folder whose entry is `train.py`, `main.py` or `run.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import SourceFile, Unreadable, decode, load, parse
from regrad.codemods.engine import edits, guard, registry
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, NotAnalysable, Rule, Withheld
from regrad.verify import Job, Outcome, Verdict, Verifier

KINDS = ("broken", "mended", "sound")
ENTRIES = ("train.py", "main.py", "run.py")
ROUNDS = 10


@dataclass(frozen=True)
class Case:
    """One program."""

    rule: Rule
    kind: str
    place: Path

    @property
    def files(self) -> list[Path]:
        if self.place.is_dir():
            return sorted(path for path in self.place.rglob("*") if path.suffix in (".py", ".ipynb"))
        return [self.place]

    @property
    def entry(self) -> Path:
        """What is run; raises `Unreadable` where a folder has none."""
        if not self.place.is_dir():
            return self.place
        found = next((self.place / name for name in ENTRIES if (self.place / name).exists()), None)
        if found is None:
            raise Unreadable(str(self.place), f"there is no entry in it; name it {' or '.join(ENTRIES)}")
        return found

    @property
    def broken(self) -> Case:
        """The program that this one is the mended form of."""
        return replace(self, kind="broken", place=self.place.parent.parent / "broken" / self.place.name)


@dataclass(frozen=True)
class Result:
    """One check of one program; `complaint` says what is wrong, and is empty where nothing is."""

    case: Case
    check: str
    complaint: str = ""


def folder_name(rule: Rule) -> str:
    return rule.name.replace("-", "_")


def cases(folder: Path, rules: Iterable[Rule], kinds: Iterable[str] = KINDS) -> tuple[Case, ...]:
    """The programs of these rules in `folder`, kind by kind."""
    wanted = tuple(rules)
    return tuple(
        Case(rule, kind, place)
        for kind in kinds
        for rule in wanted
        for place in _places(folder / folder_name(rule) / kind)
    )


def reported(case: Case) -> str:
    """The rule sees what is broken."""
    return "" if _findings(case, (case.rule,)) else "nothing is reported"


def exact(case: Case) -> str:
    """The mending leaves this text, byte for byte, and it parses; a second run would do nothing more."""
    broken = case.broken
    if not broken.place.exists():
        return f"there is no {broken.place.name} in `broken`"
    texts = mended_texts(broken)
    if texts is None:
        return "the mending does not come to an end"
    if not texts:
        return "no mending was made"
    for path in broken.files:
        wanted = case.place / path.relative_to(broken.place) if broken.place.is_dir() else case.place
        got, expected = texts.get(str(path), path.read_bytes()), wanted.read_bytes()
        if got != expected:
            return "the mending leaves another text:\n" + _difference(expected, got)
        parse(decode(str(path), got))
    return ""


def settled(case: Case) -> str:
    """A broken program without a twin is either left as it is, or mended in a bounded number of rounds."""
    return "the mending does not come to an end" if mended_texts(case) is None else ""


def silent(case: Case) -> str:
    """The rule finds nothing in what it mended."""
    return _told(_findings(case, (case.rule,)))


def left_alone(case: Case) -> str:
    """No rule at all finds anything in what is sound."""
    return _told(_findings(case, registry.rules()))


def proved(case: Case, verifier: Verifier) -> str:
    """A training step of the broken program shows the disease, and one of the mended program its end."""
    broken = case.broken
    before = _job(broken.entry)
    if case.place.is_dir():
        overrides = {str(broken.place / path.relative_to(case.place)): path.read_text() for path in case.files}
        after = Job(before.path, overrides)
    else:
        after = _job(case.entry, in_place_of=broken.entry)
    evidence = verifier.compare(before, after, same_loss=False)
    good = {Verdict.MENDED, Verdict.IMPROVED}
    if not _seen_in_step(broken):
        # The gradients arrived before as well, and taught the wrong thing; the mended program must still be sound.
        good.add(Verdict.WAS_NOT_BROKEN)
    if evidence.verdict in good:
        return ""
    return f"the verdict is {evidence.verdict.value}: {evidence.reason}"


def _seen_in_step(broken: Case) -> bool:
    """Whether every first mending of the program says of itself that one training step shows it."""
    for program, rule, finding in _findings(broken, (broken.rule,)):
        offered = rule.mend(program, finding)
        if not isinstance(offered, Withheld) and offered and not offered[0].seen_in_step:
            return False
    return True


def steps(case: Case, verifier: Verifier) -> str:
    """A sound program comes to a training step, and the step shows nothing wrong."""
    report = verifier.step(_job(case.entry))
    if report.outcome is not Outcome.STEPPED:
        return f"it does not come to a training step ({report.outcome.value}): {report.exception or report.reason}"
    return f"the step shows {', '.join(sorted(each.value for each in report.symptoms))}" if report.symptoms else ""


READING: Mapping[str, tuple[tuple[str, Callable[[Case], str]], ...]] = {
    "broken": (("reported", reported), ("settled", settled)),
    "mended": (("exact", exact), ("silent", silent)),
    "sound": (("left alone", left_alone),),
}
RUNNING: Mapping[str, tuple[str, Callable[[Case, Verifier], str]]] = {
    "mended": ("proved", proved),
    "sound": ("steps", steps),
}
"""The checks of each kind: those that read, and the one that runs the program."""


def results(case: Case, verifier: Verifier | None = None) -> Iterator[Result]:
    """Every check of the program; with a verifier, what a run says too."""
    for name, check in READING[case.kind]:
        yield Result(case, name, _complaint(partial(check, case)))
    if verifier is not None and case.kind in RUNNING:
        name, run = RUNNING[case.kind]
        yield Result(case, name, _complaint(partial(run, case, verifier)))


def mended_texts(case: Case) -> dict[str, bytes] | None:
    """The bytes of each file after this rule's first mendings, re-read until nothing is left to do; None for no end."""
    texts: dict[str, bytes] = {}
    for _ in range(ROUNDS):
        for program, rule, finding in _findings(case, (case.rule,), texts):
            try:
                offered = guard.settle(program.files, rule.mend(program, finding))
            except CannotMove:
                continue
            if isinstance(offered, Withheld):
                continue
            for path, text in edits.apply_all(program.files, offered[0].edits).items():
                texts[path] = program.files[path].with_text(text)
            break
        else:
            return texts
    return None


def _findings(
    case: Case, rules: tuple[Rule, ...], texts: Mapping[str, bytes] | None = None
) -> list[tuple[Program, Rule, Finding]]:
    found: dict[tuple[str, object], tuple[Program, Rule, Finding]] = {}
    for program in _read(case, texts or {}):
        for rule in rules:
            for finding in rule.detect(program):
                found.setdefault((finding.code, finding.location), (program, rule, finding))
    return list(found.values())


def _read(case: Case, texts: Mapping[str, bytes]) -> Iterator[Program]:
    def files(path: str) -> SourceFile | None:
        if path in texts:
            return decode(path, texts[path])
        return load(path) if Path(path).is_file() else None

    reader = Reader(files)
    for path in case.files:
        yield reader.read(str(path))


def _places(folder: Path) -> list[Path]:
    return [place for place in sorted(folder.iterdir()) if place.name != "__pycache__"] if folder.is_dir() else []


def _told(findings: list[tuple[Program, Rule, Finding]]) -> str:
    return "\n".join(
        f"{Path(finding.location.path).name}:{finding.location.span.start.line}: {finding.code} {finding.message}"
        for _, _, finding in findings
    )


def _difference(expected: bytes, got: bytes) -> str:
    wanted, written = (content.decode(errors="replace").splitlines() for content in (expected, got))
    told = "\n".join(difflib.unified_diff(wanted, written, "expected", "written", lineterm="", n=1))
    return told or "the line breaks, the encoding or the end of the file differ"


def _job(entry: Path, in_place_of: Path | None = None) -> Job:
    source = load(str(entry))
    real = str((in_place_of or entry).resolve())
    return Job(real, {real: source.text} if source.notebook or in_place_of is not None else {})


def _complaint(check: Callable[[], str]) -> str:
    try:
        return check()
    except (NotAnalysable, Unreadable) as problem:
        return f"not analysable: {problem}"
    except Exception as problem:
        # The rule is what is being tried: whatever it raises is the answer.
        return f"the rule failed: {problem!r}"
