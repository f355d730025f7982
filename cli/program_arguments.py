"""What to say when a program's own arguments stand among those of regrad: they belong behind `--`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

COMMANDS = ("verify", "diagnose")


def hint(arguments: Sequence[str]) -> str:
    """The command as it was meant, for one that click has refused; empty where there is nothing to put right."""
    if not arguments or arguments[0] not in COMMANDS or "--" in arguments:
        return ""
    known = _options(arguments[0])
    for number, argument in enumerate(arguments):
        if argument.startswith("-") and argument != "-" and argument.partition("=")[0] not in known:
            own, rest = arguments[:number], arguments[number:]
            if len(own) < 2:
                return ""
            meant = " ".join(shlex.quote(word) for word in ("regrad", *own, "--", *rest))
            return f"What the program itself is started with follows after `--`: {meant}"
    return ""


def _options(name: str) -> frozenset[str]:
    import typer
    from regrad.cli.command import command

    found = typer.main.get_command(command([name]))
    parameters = getattr(found, "commands", {}).get(name, found).params
    return frozenset(each for parameter in parameters for each in (*parameter.opts, *parameter.secondary_opts, "-h"))
