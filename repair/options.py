"""What a run of the repair is asked to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The settings of one run; the defaults are those of `regrad fix` without verification."""

    select: tuple[str, ...] | None = None
    """Codes, prefixes of codes or names; None for all rules."""
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Patterns as in `.gitignore`, relative to `root`, with the codes that are not reported there."""
    exclude: tuple[str, ...] = ()
    """Patterns as in `.gitignore`, relative to `root`, of what is not visited in folders."""
    force_exclude: bool = False
    """Leave out what `exclude` says also where it is named."""
    respect_gitignore: bool = True
    root: str = "."
    unsafe_fixes: bool = False
    verify: bool = False
    require_verified: bool = False
    """Withdraw what could not be verified."""
    python: str | None = None
    timeout: float = 60.0
    keras: str | None = None
    entry: str | None = None
    """The program through which everything is verified, with its arguments: `train.py --epochs 1`, `-m pkg.train`,
    `pkg.train:main`.
    """
    entry_folder: str = "."
    """Where `entry` is looked for."""
    through_entry: bool = False
    """Whether the files that are named are also read as parts of the entry's program."""
    sandbox: str = "auto"
    data: tuple[tuple[str, str], ...] = ()
    """What a program asks for, and the file or `file.py:name` that it gets while it is verified."""
    max_rounds: int = 10
    jobs: int | None = None
    """Processes that read at once; None for one per core."""
    max_bytes: int = 5_000_000
    """Scripts larger than this are skipped; notebooks, which carry their pictures, may be ten times as large."""
