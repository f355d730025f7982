"""What one run was asked to do: the command line laid over the configuration file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regrad.cli import configuration
from regrad.cli.configuration import GENERATIONS, KERAS, Configuration
from regrad.cli.mistake import Mistake

TIMEOUT = 60.0
"""Seconds for one run where nobody says anything else."""


@dataclass(frozen=True, slots=True)
class Request:
    """The command line, before any file was looked at. None means: not given."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    force_exclude: bool | None = None
    unsafe_fixes: bool | None = None
    verify: bool | None = None
    require_verified: bool | None = None
    python: str | None = None
    timeout: float | None = None
    keras: str | None = None
    entry: str | None = None
    sandbox: str | None = None
    config: Path | None = None
    isolated: bool = False


def codes(given: list[str] | None) -> tuple[str, ...]:
    """`--select RG1,RG401 --select RG5` as one list."""
    return tuple(code.strip() for each in given or () for code in each.split(",") if code.strip())


def configuration_for(start: Path, request: Request) -> Configuration:
    """The configuration file that governs `start`, or an empty configuration."""
    if request.isolated:
        if request.config is not None:
            raise Mistake("--isolated reads no settings and does not go with --config.")
        return Configuration()
    if request.config is not None:
        return configuration.load_named(request.config)
    path = configuration.find(start)
    return configuration.load(path) if path else Configuration()


def laid_over(request: Request, configured: Configuration) -> Configuration:
    """One configuration: what the command line says wins, lists that take away are joined."""
    return Configuration(
        select=request.select if request.select is not None else configured.select,
        ignore=(*configured.ignore, *request.ignore),
        per_file_ignores=(*configured.per_file_ignores, *map(_pattern_and_codes, request.per_file_ignores)),
        exclude=(*configured.exclude, *request.exclude),
        force_exclude=_first(request.force_exclude, configured.force_exclude),
        respect_gitignore=configured.respect_gitignore,
        unsafe_fixes=_first(request.unsafe_fixes, configured.unsafe_fixes),
        verify=_first(request.verify, configured.verify),
        require_verified=_first(request.require_verified, configured.require_verified),
        python=request.python or configured.own_python,
        timeout=request.timeout or configured.timeout,
        keras=_generation(request.keras) or configured.keras,
        entry=request.entry or configured.entry,
        entries=(request.entry,) if request.entry else configured.entries,
        output_format=configured.output_format,
        sandbox=request.sandbox or configured.sandbox,
        data=configured.data,
        path=configured.path,
    )


def _generation(given: str | None) -> str | None:
    """`--keras 3` and `--keras keras3` are one."""
    if given is None or given in KERAS:
        return given
    if given.isdecimal() and int(given) in GENERATIONS:
        return GENERATIONS[int(given)]
    raise Mistake(f"--keras {given}: there is no such Keras.", f"Give 2, 3 or one of {', '.join(KERAS)}.")


def _first(asked: bool | None, configured: bool | None) -> bool | None:
    return asked if asked is not None else configured


def _pattern_and_codes(given: str) -> tuple[str, tuple[str, ...]]:
    pattern, separator, rest = given.rpartition(":")
    if not separator or not pattern or not codes([rest]):
        raise Mistake(
            f"--per-file-ignores {given!r} is not PATTERN:CODE.", "For example: --per-file-ignores 'tests/*:RG401'"
        )
    return pattern, codes([rest])
