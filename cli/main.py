"""The `regrad` console script: what is run, what is said when it fails, and how it ends."""

from __future__ import annotations

import errno
import gc
import os
import sys

from regrad.cli import streams
from regrad.cli.exit_status import ExitStatus
from regrad.cli.mistake import Mistake

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SELDOM = 2_000_000
"""So many more objects than were given back before circles in memory are looked for."""


class _Checked(SystemExit):
    """A plain check has come to its end: all is written, and nobody waits for anything."""


def start() -> None:
    """The console script, in a process of its own: `run`, and an end that comes at once.

    To take apart all that a check has read, object by object, took an eighth of its time.
    """
    try:
        run()
    except _Checked as left:
        os._exit(int(left.code or 0))


def run() -> None:
    """The command line. Whatever happens, the user gets a sentence and an exit status."""
    # What a start makes is there to stay: looking through it for circles took an eighth of the time of a short check.
    gc.set_threshold(_SELDOM)
    streams.prepare()
    try:
        _command()
    except Mistake as mistake:
        _say(mistake.message, mistake.hint)
        sys.exit(ExitStatus.ERROR)
    except KeyboardInterrupt:
        _say("Interrupted.")
        sys.exit(130)
    except Exception as problem:
        if os.environ.get("REGRAD_TRACEBACK"):
            raise
        if isinstance(problem, OSError) and problem.errno in _FULL:
            _say(f"{problem.strerror}: not all of the output was written.", "Make room, or send it somewhere else.")
            _write_no_more()
        else:
            _say(
                f"Internal error: {type(problem).__name__}: {problem}",
                "This is a fault of regrad, not of your program. REGRAD_TRACEBACK=1 shows where it happened.",
            )
        sys.exit(ExitStatus.ERROR)


def _command() -> None:
    from regrad.cli.quick import quick_job

    arguments = () if "_REGRAD_COMPLETE" in os.environ else sys.argv[1:]
    job = quick_job(arguments)
    if job is None:
        from regrad.cli.command import command

        try:
            command(arguments)()
        except SystemExit as left:
            from regrad.cli.program_arguments import hint

            if left.code == ExitStatus.ERROR and (meant := hint(arguments)):
                print(meant, file=sys.stderr)
            raise
    else:
        from regrad.cli.job import carry_out

        status = carry_out(job)
        # Here, where it is told if the output cannot be written.
        sys.stdout.flush()
        raise _Checked(status)


def _write_no_more() -> None:
    """What is still to be written goes nowhere: Python would complain once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str, hint: str = "") -> None:
    print(f"regrad: {message}", file=sys.stderr)
    if hint:
        print(f"  {hint}", file=sys.stderr)
