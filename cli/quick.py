"""The command lines that editors send while one types, read without typer: its own start costs more than the check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regrad.cli.job import Job

_FLAGS = {"--exit-zero": "exit_zero", "--isolated": "isolated"}
_VALUES = {"--jobs": "jobs", "--output-format": "output_format", "--stdin-filename": "stdin_filename"}


def quick_job(arguments: Sequence[str]) -> Job | None:
    """The job of a plain `check`; None for all that typer should read: every other option, spelling and mistake."""
    if not arguments or arguments[0] != "check":
        return None
    paths: list[str] = []
    flags: set[str] = set()
    values: dict[str, str] = {}
    waiting = iter(arguments[1:])
    for argument in waiting:
        name, separator, value = argument.partition("=")
        if argument in _FLAGS:
            flags.add(_FLAGS[argument])
        elif name in _VALUES:
            given = value if separator else next(waiting, None)
            if not given or given.startswith("--"):
                return None
            values[_VALUES[name]] = given
        elif argument == "-" or (argument and not argument.startswith("-")):
            paths.append(argument)
        else:
            return None
    return _job(paths, flags, values)


def _job(paths: list[str], flags: set[str], values: dict[str, str]) -> Job | None:
    from regrad.cli.job import Job
    from regrad.cli.settings import Request
    from regrad.report.formats import OutputFormat

    wanted = values.get("output_format")
    if wanted is not None and wanted not in {each.value for each in OutputFormat}:
        return None
    jobs = values.get("jobs")
    if jobs is not None and not (jobs.isdecimal() and int(jobs)):
        return None
    return Job(
        paths=tuple(paths or (".",)),
        request=Request(verify=False, isolated="isolated" in flags),
        fixing=False,
        output_format=OutputFormat(wanted) if wanted is not None else None,
        exit_zero="exit_zero" in flags,
        stdin_filename=values.get("stdin_filename"),
        jobs=None if jobs is None else int(jobs),
    )
