"""Migrations to draw: made-up results in a real store, small and hostile, or as large as asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from regrad.migrate.packing import packed_file
from regrad.migrate.results import FileResult, RepositoryResult, Results, RunInfo, State, Totals, read_results
from regrad.migrate.store import Store
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome
from regrad.verify.evidence import Evidence, Gradient, StepReport, Verdict

from . import samples

INFO = RunInfo(started=1_795_000_000.0, version="0.1.0", settings={"rules": "all", "unsafe fixes": "no"})


def stored(folder: Path, *repositories: tuple[RepositoryResult, Iterable[FileOutcome | FileResult]]) -> Results:
    """The results, written by the store and read again; the totals of each repository are counted from its files."""
    with Store(folder) as store:
        store.begin(INFO, "made up")
        for result, files in repositories:
            held = store.add(result.name, result)
            store.put_files(held, (packed_file(_result(result.name, file)) for file in files))
            store.put(held, replace(result, totals=store.totals(held)), base=None)
    return read_results(folder)


def _result(repository: str, file: FileOutcome | FileResult) -> FileResult:
    return file if isinstance(file, FileResult) else FileResult(repository, file, through=file.path)


def repository(name: str, **changes: object) -> RepositoryResult:
    plain = RepositoryResult(
        name,
        f"https://example.org/{name}",
        State.DONE,
        revision="0123456789abcdef" * 2,
        branch="regrad/mend",
        commits=("Mend RG401 forward-outside-tape",),
        patch=f"patches/{name}.patch",
        pull_request=f"pull-requests/{name}.md",
        totals=Totals(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def at(path: str, outcome: FileOutcome) -> FileOutcome:
    """The outcome as that of a file of another name."""
    findings = tuple(
        replace(
            each,
            finding=replace(each.finding, location=each.finding.location._replace(path=path)),
            mendings=tuple(
                replace(mending, edits=tuple(replace(edit, path=path) for edit in mending.edits))
                for mending in each.mendings
            ),
        )
        for each in outcome.findings
    )
    return replace(outcome, path=path, findings=findings)


WITHDRAWN = samples.with_finding(
    decision=Decision.WITHDRAWN,
    reason="the training step does not confirm it",
    evidence=Evidence(Verdict.UNCHANGED, None, samples.STEP_BEFORE, samples.STEP_BEFORE),
)
NEEDS_UNSAFE = samples.with_finding(mendings=(samples.UNSAFE,), decision=Decision.NEEDS_UNSAFE)
AMBIGUOUS = samples.with_finding(mendings=(samples.MENDING, samples.UNSAFE), decision=Decision.AMBIGUOUS)
BY_HAND = samples.with_finding(mendings=(), withheld=samples.WITHHELD)
NOT_PROVED = replace(samples.PROVED, evidence=None)


def every_fate(folder: Path) -> Results:
    """Two repositories in which every fate is met, a third that failed, a fourth in which nothing was found."""
    return stored(
        folder,
        (
            repository("first", notes=("1 file has uncommitted changes: regrad works from the commit `0123`",)),
            [
                samples.PROVED,
                at("withdrawn.py", WITHDRAWN),
                at("unsafe.py", NEEDS_UNSAFE),
                samples.BROKEN,
                samples.in_notebook(),
            ],
        ),
        (
            repository("second"),
            [
                at("ambiguous.py", AMBIGUOUS),
                at("by_hand.py", BY_HAND),
                FileResult("second", at("a/not_proved.py", NOT_PROVED), unverified="not asked for (--no-verify)"),
                at("mendable.py", samples.CHECKED),
                samples.MISENCODED,
            ],
        ),
        (repository("third", state=State.FAILED, branch=None, patch=None, message="no commit yet"), []),
        (repository("fourth", branch=None, patch=None), []),
    )


def large(folder: Path, repositories: int, files: int) -> Results:
    """`repositories` of `files` files each, every one with a finding; the fates and rules go round."""
    fates = (samples.PROVED, WITHDRAWN, NEEDS_UNSAFE, samples.PROVED, BY_HAND)
    proof = _wide_proof(12)
    made = []
    for number in range(repositories):
        outcomes = []
        for index in range(files):
            outcome = fates[index % len(fates)]
            if outcome is samples.PROVED:
                outcome = replace(outcome, evidence=proof)
            code = f"RG{100 * (1 + index % 7) + 1 + number % 9}"
            findings = tuple(_under(each, code) for each in outcome.findings)
            outcomes.append(at(f"package_{index % 40}/train_{index}.py", replace(outcome, findings=findings)))
        made.append((repository(f"repository-{number}"), outcomes))
    return stored(folder, *made)


def _under(outcome: FindingOutcome, code: str) -> FindingOutcome:
    return replace(outcome, finding=replace(outcome.finding, code=code))


def _wide_proof(variables: int) -> Evidence:
    names = [f"model/block_{number}/dense/kernel" for number in range(variables)]
    dead = tuple(samples.variable(name, Gradient.NONE, None, changed=False) for name in names)
    alive = tuple(
        samples.variable(name, Gradient.FLOWS, 10.0 ** (-number / 2), changed=True) for number, name in enumerate(names)
    )
    before: StepReport = replace(samples.STEP_BEFORE, variables=dead)
    return Evidence(Verdict.MENDED, None, before, replace(samples.STEP_AFTER, variables=alive))
