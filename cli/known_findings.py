"""Baselines: the findings that a project knows already, so that only new ones count."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from regrad.cli.mistake import Mistake
from regrad.repair.outcome import FileOutcome, FindingOutcome
from regrad.report.program import program_of

VERSION = 1


class Known(NamedTuple):
    """What a finding is known by: the text of its line and not its number, since lines above it come and go."""

    path: str
    code: str
    message: str
    text: str


def document(outcomes: Iterable[FileOutcome], root: Path) -> dict[str, Any]:
    counted: Counter[Known] = Counter()
    for outcome in outcomes:
        counted.update(_identities(outcome, root))
    rows = [{**known._asdict(), "count": count} for known, count in sorted(counted.items())]
    return {"version": VERSION, "findings": rows}


def load(path: Path) -> Counter[Known]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = content["findings"] if content["version"] == VERSION else []
        if content["version"] != VERSION:
            raise Mistake(f"{path}: a baseline of another version of regrad.", "Write it anew with regrad baseline.")
        return Counter({Known(row["path"], row["code"], row["message"], row["text"]): row["count"] for row in rows})
    except FileNotFoundError:
        raise Mistake(f"{path}: no such baseline.", "Write one with regrad baseline.") from None
    except OSError as problem:
        raise Mistake(f"{path}: cannot be read ({problem.strerror}).") from None
    except (ValueError, KeyError, TypeError):
        raise Mistake(f"{path}: not a baseline of regrad.", "Write one with regrad baseline.") from None


def without_known(outcome: FileOutcome, known: Counter[Known], root: Path) -> FileOutcome:
    """The file with its new findings. What is used up of `known` is taken from it: one more of a kind is new."""
    kept: list[FindingOutcome] = []
    for finding, identity in zip(outcome.findings, _identities(outcome, root), strict=True):
        if known[identity] > 0:
            known[identity] -= 1
        else:
            kept.append(finding)
    return replace(outcome, findings=tuple(kept))


def _identities(outcome: FileOutcome, root: Path) -> list[Known]:
    program = program_of(outcome) if outcome.findings else None
    path = os.path.relpath(os.path.realpath(outcome.path), os.path.realpath(root)).replace(os.sep, "/")
    return [
        Known(
            path,
            each.finding.code,
            each.finding.message,
            program.line(each.finding.location.span.start.line).strip() if program else "",
        )
        for each in outcome.findings
    ]
