"""What a file came to, as workers send it and the store keeps it: packed, with its figures, its paths below the top."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace

from regrad.migrate.codec import plain, restored
from regrad.migrate.results import FileResult, Totals, packed
from regrad.repair.leave import needs_unsafe
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome, Status
from regrad.repair.survey import Surveyed
from regrad.verify.evidence import Verdict


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file's result as the store keeps it, with its figures."""

    path: str
    status: Status
    record: bytes
    before: bytes | None
    after: bytes | None
    totals: Totals


def surveyed_of(record: str) -> Surveyed:
    return restored(Surveyed, json.loads(record))


def reported(
    folder: str, repository: str, record: str, message: str | None = None, *, unsafe: bool = False
) -> list[PackedFile]:
    """The results from a reading alone; the files' bytes are for the excerpts of the reports.

    `unsafe`: unsafe mendings would be made, so none waits for the leave to make them.
    """
    surveyed = surveyed_of(record)
    found: dict[str, list[FindingOutcome]] = {}
    for each in surveyed.findings:
        found.setdefault(each.finding.location.path, []).append(each)
    files = []
    for path, own in sorted(found.items()):
        with open(os.path.join(folder, path), "rb") as file:
            content = file.read()
        said = "; ".join([*surveyed.messages, *([message] if message else [])]) or None
        outcome = FileOutcome(path, surveyed.status, said, tuple(own), before=content, after=content)
        files.append(packed_file(FileResult(repository, outcome, unverified=message), unsafe=unsafe))
    return files


def bare_file(repository: str, path: str, status: Status, message: str | None) -> PackedFile:
    """A file of which there is nothing but a message."""
    return packed_file(FileResult(repository, FileOutcome(path, status, message)))


def packed_file(result: FileResult, *, unsafe: bool = False) -> PackedFile:
    """The result as the store keeps it; for `unsafe` see `reported`."""
    record, before, after = packed(result)
    return PackedFile(result.path, result.outcome.status, record, before, after, counted(result.outcome, unsafe))


def counted(outcome: FileOutcome, unsafe: bool) -> Totals:
    """The figures of one file; with `unsafe` no finding waits for the leave to make unsafe mendings."""
    applied = [each for each in outcome.findings if each.decision is Decision.APPLIED]
    proofs = [each.evidence or outcome.evidence for each in applied]
    return Totals(
        files=1,
        skipped=int(outcome.status is Status.SKIPPED),
        not_analysed=int(outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE)),
        findings=len(outcome.findings),
        mended=len(applied),
        verified=sum(proof is not None and proof.verdict is Verdict.MENDED for proof in proofs),
        withdrawn=sum(each.decision is Decision.WITHDRAWN for each in outcome.findings),
        fixable_unsafe=0 if unsafe else sum(map(needs_unsafe, outcome.findings)),
        changed=int(outcome.changed),
    )


def relocated(outcome: FileOutcome, folder: str) -> FileOutcome:
    """The outcome with every path relative to the work tree, in its messages too."""
    bare = replace(outcome, before=None, after=None)
    moved = restored(FileOutcome, plain(bare, relative(folder)))
    return replace(moved, before=outcome.before, after=outcome.after)


class relative:
    """Takes the work tree's own path out of a text."""

    def __init__(self, folder: str) -> None:
        self._prefix = folder.rstrip(os.sep) + os.sep
        self._folder = folder.rstrip(os.sep)

    def __call__(self, text: str) -> str:
        return text.replace(self._prefix, "").replace(self._folder, ".") if self._folder in text else text
