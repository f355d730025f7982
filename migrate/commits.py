"""The change to a program in steps, one for each rule where the rules' mendings can be told apart."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from regrad.analysis.source import SourceFile, decode
from regrad.codemods.engine import guard
from regrad.codemods.engine.rule import Edit, Mending
from regrad.repair.outcome import Decision, FileOutcome
from regrad.verify.evidence import Verdict


@dataclass(frozen=True, slots=True)
class Done:
    """One mending, in words for a commit message."""

    code: str
    name: str
    path: str
    line: int
    title: str
    proof: str


@dataclass(frozen=True, slots=True)
class Step:
    """One state of a program's files on the way to the mended one."""

    codes: tuple[str, ...]
    """The rules whose mendings this step adds; several where they cannot be told apart."""
    files: tuple[tuple[str, bytes], ...]
    """Every file that the step changes, with its whole content after it."""
    done: tuple[Done, ...]


def steps(outcomes: Sequence[FileOutcome], folder: str) -> tuple[Step, ...]:
    """The steps in the order of the rules' codes. Paths in `outcomes` are absolute, in the steps relative."""
    changed = [each for each in outcomes if each.changed and each.after is not None and each.before is not None]
    if not changed:
        return ()
    done = [each for outcome in outcomes for each in _done(outcome, folder)]
    codes = sorted({each.code for each in done})
    final = {each.path: each.after for each in changed if each.after is not None}
    apart = _apart(changed, outcomes, codes, final) if len(codes) > 1 else None
    if apart is None:
        return (Step(tuple(codes), _files(final, folder), tuple(done)),)
    return tuple(
        Step((code,), _files(files, folder), tuple(each for each in done if each.code == code))
        for code, files in zip(codes, apart, strict=True)
    )


def _apart(
    changed: Sequence[FileOutcome], outcomes: Sequence[FileOutcome], codes: Sequence[str], final: dict[str, bytes]
) -> list[dict[str, bytes]] | None:
    """What each rule's step changes; None where the steps would not come to the state that was proved."""
    originals: dict[str, SourceFile] = {each.path: decode(each.path, each.before or b"") for each in changed}
    edits: list[Edit] = []
    current = {path: source.content for path, source in originals.items()}
    found: list[dict[str, bytes]] = []
    for code in codes:
        edits += [edit for mending in _applied(outcomes, code) for edit in mending.edits]
        verdict = guard.examine(originals, dict.fromkeys(edits))
        if not isinstance(verdict, guard.Passed):
            return None
        following = {**current, **{path: source.content for path, source in verdict.files.items()}}
        found.append({path: content for path, content in following.items() if content != current[path]})
        current = following
    return found if current == final and all(found) else None


def _applied(outcomes: Iterable[FileOutcome], code: str) -> list[Mending]:
    return [
        each.applied
        for outcome in outcomes
        for each in outcome.findings
        if each.applied is not None and each.decision is Decision.APPLIED and each.finding.code == code
    ]


def _files(contents: dict[str, bytes], folder: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(sorted((os.path.relpath(path, folder).replace(os.sep, "/"), each) for path, each in contents.items()))


def _done(outcome: FileOutcome, folder: str) -> list[Done]:
    return [
        Done(
            each.finding.code,
            each.finding.name,
            os.path.relpath(outcome.path, folder).replace(os.sep, "/"),
            each.finding.location.span.start.line,
            each.applied.title,
            _proof(outcome, each.reason),
        )
        for each in outcome.findings
        if each.decision is Decision.APPLIED and each.applied is not None
    ]


def _proof(outcome: FileOutcome, reason: str | None) -> str:
    if outcome.evidence is not None and outcome.evidence.verdict is Verdict.MENDED:
        return "proved by a training step before and after"
    return reason or "not verified"
