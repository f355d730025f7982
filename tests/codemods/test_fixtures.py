"""Every program in `fixtures/<rule>/` under its rule: what must be reported, how it is mended, what must be left alone,
and what a run says.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from regrad.analysis.program import Program, Reader
from regrad.analysis.source import SourceFile, decode, load
from regrad.codemods.engine import edits, guard, registry
from regrad.codemods.engine.rule import Finding, Mending, Rule, Withheld
from regrad.verify import Job, Outcome, Verdict, Verifier

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
ENTRIES = ("train.py", "main.py", "run.py")
ROUNDS = 10


@dataclass(frozen=True)
class Case:
    """One program: a script, a notebook, or a folder with an entry."""

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
        if not self.place.is_dir():
            return self.place
        return next(self.place / name for name in ENTRIES if (self.place / name).exists())


def _cases(kind: str) -> list[object]:
    found: list[object] = []
    for rule in registry.rules():
        folder = FIXTURES / rule.name.replace("-", "_") / kind
        for place in sorted(folder.iterdir()) if folder.is_dir() else ():
            if place.name != "__pycache__":
                found.append(pytest.param(Case(rule, kind, place), id=f"{rule.name.replace('-', '_')}-{place.stem}"))
    return found


def _read(case: Case, texts: Mapping[str, bytes] | None = None) -> Iterator[Program]:
    def files(path: str) -> SourceFile | None:
        if texts is not None and path in texts:
            return decode(path, texts[path])
        return load(path) if Path(path).is_file() else None

    reader = Reader(files)
    for path in case.files:
        yield reader.read(str(path))


def _findings(
    case: Case, rules: tuple[Rule, ...], texts: Mapping[str, bytes] | None = None
) -> list[tuple[Program, Rule, Finding]]:
    found: dict[tuple[str, object], tuple[Program, Rule, Finding]] = {}
    for program in _read(case, texts):
        for rule in rules:
            for finding in rule.detect(program):
                found.setdefault((finding.code, finding.location), (program, rule, finding))
    return list(found.values())


def _mend(case: Case) -> dict[str, bytes]:
    """The bytes of each file after this rule's first mendings, re-read until nothing is left to do."""
    texts: dict[str, bytes] = {}
    for _ in range(ROUNDS):
        for program, rule, finding in _findings(case, (case.rule,), texts):
            offered = rule.mend(program, finding)
            offered = guard.settle(program.files, offered)
            if isinstance(offered, Withheld):
                continue
            first: Mending = offered[0]
            for path, text in edits.apply_all(program.files, first.edits).items():
                texts[path] = program.files[path].with_text(text)
            break
        else:
            return texts
    pytest.fail("the mending does not come to an end")


@pytest.mark.parametrize("case", _cases("broken"))
def test_reported(case: Case) -> None:
    assert _findings(case, (case.rule,)), "nothing is reported"


@pytest.mark.parametrize("case", _cases("mended"))
def test_mended_as_the_author_would(case: Case) -> None:
    broken = Case(case.rule, "broken", FIXTURES / case.rule.name.replace("-", "_") / "broken" / case.place.name)
    texts = _mend(broken)
    assert texts, "no mending was made"
    for path in broken.files:
        relative = path.relative_to(broken.place) if broken.place.is_dir() else None
        wanted = case.place / relative if relative is not None else case.place
        got = texts.get(str(path), path.read_bytes())
        assert got.decode() == wanted.read_bytes().decode()
        if path.suffix == ".py":
            ast.parse(got)


@pytest.mark.parametrize("case", _cases("mended"))
def test_silent_after_mending(case: Case) -> None:
    left = _findings(case, (case.rule,))
    assert not left, [finding.message for _, _, finding in left]


@pytest.mark.parametrize("case", _cases("sound"))
def test_left_alone(case: Case) -> None:
    reports = _findings(case, registry.rules())
    assert not reports, [(finding.code, finding.location.span.start.line, finding.message) for _, _, finding in reports]


def _job(entry: Path, replacing: Path | None = None) -> Job:
    source = load(str(entry))
    real = str((replacing or entry).resolve())
    return Job(real, {real: source.text} if source.notebook or replacing is not None else {})


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", _cases("mended"))
def test_proved(case: Case, verifier: Verifier) -> None:
    broken = Case(case.rule, "broken", FIXTURES / case.rule.name.replace("-", "_") / "broken" / case.place.name)
    overrides = (
        {str(broken.place / path.relative_to(case.place)): path.read_text() for path in case.files}
        if case.place.is_dir()
        else None
    )
    before = _job(broken.entry)
    after = Job(before.path, overrides) if overrides is not None else _job(case.entry, replacing=broken.entry)
    evidence = verifier.compare(before, after, same_loss=False)
    assert evidence.verdict in (Verdict.MENDED, Verdict.IMPROVED), (evidence.verdict, evidence.reason)


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", _cases("sound"))
def test_sound_programs_run(case: Case, verifier: Verifier) -> None:
    report = verifier.step(_job(case.entry))
    assert report.outcome is Outcome.STEPPED, (report.outcome, report.reason, report.exception)
    assert not report.symptoms, report.symptoms
