"""The report of a migration as JSON Lines: the run, then each repository and its files, one object in each line."""

from __future__ import annotations

import json
from typing import Any, TextIO

from regrad.migrate.results import FileResult, RepositoryResult, Results, Totals
from regrad.report.fate import fate_of
from regrad.report.json import file_object

VERSION = 1


def write(results: Results, stream: TextIO) -> None:
    _line({"kind": "run", "version": VERSION, **_run_object(results)}, stream)
    for repository in results.repositories():
        _line({"kind": "repository", **_repository_object(repository)}, stream)
        for file in results.files(repository.name):
            _line({"kind": "file", **_migrated_object(file)}, stream)


def _line(record: dict[str, Any], stream: TextIO) -> None:
    # ASCII keeps one object in one line for every reader: some take U+2028 for the end of a line.
    stream.write(json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n")


def _run_object(results: Results) -> dict[str, Any]:
    run = results.run
    return {
        "regrad": run.version,
        "started": run.started,
        "settings": run.settings,
        "totals": _totals_object(results.totals()),
    }


def _repository_object(repository: RepositoryResult) -> dict[str, Any]:
    return {
        "name": repository.name,
        "source": repository.source,
        "state": repository.state.value,
        "version_control": repository.kind,
        "within": repository.within or None,
        "revision": repository.revision,
        "branch": repository.branch,
        "commits": list(repository.commits),
        "patch": repository.patch,
        "pull_request": repository.pull_request,
        "message": repository.message,
        "notes": list(repository.notes),
        "totals": _totals_object(repository.totals),
        "seconds": repository.seconds,
    }


def _totals_object(totals: Totals) -> dict[str, int]:
    return {name: getattr(totals, name) for name in totals.__slots__}


def _migrated_object(file: FileResult) -> dict[str, Any]:
    shape = file_object(file.outcome)
    for each, outcome in zip(shape["findings"], file.outcome.findings, strict=True):
        each["fate"] = fate_of(file.outcome, outcome).value
    return {
        "repository": file.repository,
        **shape,
        "diff": file.diff or None,
        "through": file.through,
        "unverified": file.unverified,
        "seconds": file.seconds,
    }
