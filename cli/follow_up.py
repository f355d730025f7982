"""The options that the next command, as the closing line spells it, must repeat to mean the same."""

from __future__ import annotations

from regrad.cli.settings import Request


def repeated(request: Request, *, fixing: bool) -> tuple[str, ...]:
    """What was asked on this command line and still matters to the next. What a settings file says needs no repeating.

    `--unsafe-fixes` is left to the closing line, which knows whether the next command needs it.
    """
    flags = {"--isolated": request.isolated, "--no-verify": fixing and request.verify is False}
    flags["--require-verified"] = bool(request.require_verified)
    flags["--no-require-verified"] = request.require_verified is False
    flags["--force-exclude"] = bool(request.force_exclude)
    values = {
        "--select": ",".join(request.select or ()),
        "--ignore": ",".join(request.ignore),
        "--python": request.python,
        "--timeout": f"{request.timeout:g}" if request.timeout else None,
        "--keras": request.keras,
        "--entry": request.entry,
        "--sandbox": request.sandbox,
        "--config": str(request.config) if request.config else None,
    }
    lists = {"--per-file-ignores": request.per_file_ignores, "--exclude": request.exclude}
    given = [flag for flag, wanted in flags.items() if wanted]
    for option, value in values.items():
        given += [option, value] if value else []
    for option, several in lists.items():
        for each in several:
            given += [option, each]
    return tuple(given)
