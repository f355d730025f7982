"""Start-up: `regrad check` of one 300-line file against the start of an empty Python that imports typer."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .machine import ROOT
from .measuring import as_installed, least, regrad
from .result import Column, Comparison, Figures, Row, Table

TITLE = "Start-up: one file, while one types"
PACKAGES = ("typer", "rich")
GOAL = 2.5
LINES = 300


def arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing beyond what all have."""


def measure(options: argparse.Namespace) -> Figures:
    rounds = options.rounds or (1 if options.quick else 10)
    rows: list[Row] = []
    comparisons: list[Comparison] = []
    with tempfile.TemporaryDirectory(prefix="regrad-bench-") as folder:
        script = Path(folder, "program.py")
        script.write_text(program(), encoding="utf-8")
        for state, cache in (("never seen before", ""), ("seen before", str(Path(folder, "cache")))):
            commands: dict[str, list[str | Path]] = {
                "an empty Python": [sys.executable, "-c", "pass"],
                "Python that imports typer": [sys.executable, "-c", "import typer"],
                "regrad check": regrad("check", "--isolated", script),
                "regrad check --output-format concise": regrad(
                    "check", "--output-format", "concise", "--isolated", script
                ),
                "regrad check --select RG": regrad("check", "--isolated", "--select", "RG", script),
            }
            with as_installed(REGRAD_CACHE_DIR=cache) as environment:
                # The first round compiles, and fills the cache.
                least(1, commands, environment, accepted=[0, 1])
                best = least(rounds, commands, environment, accepted=[0, 1])
            typer = best["Python that imports typer"].seconds
            rows += [
                {"command": name, "state": state, "seconds": spent.seconds, "ratio": spent.seconds / typer}
                for name, spent in best.items()
            ]
            ratio = best["regrad check"].seconds / typer
            key = "first" if not cache else "again"
            comparisons.append(
                Comparison(
                    f"{key}", f"check of a file {state}, over the start of typer", ratio, GOAL, "the goal", "ratio"
                )
            )
    columns = (
        Column("command", "command"),
        Column("state", "the file was"),
        Column("seconds", "processor time", "milliseconds"),
        Column("ratio", "over typer", "ratio"),
    )
    return Figures((Table(f"A file of about {LINES} lines", columns, tuple(rows)),), tuple(comparisons))


def program() -> str:
    """Sound programs, one after the other, up to 300 lines."""
    parts: list[str] = []
    lines = 0
    for path in sorted((ROOT / "fixtures").glob("*/sound/*.py")):
        text = path.read_text(encoding="utf-8")
        if "__future__" in text or lines + text.count("\n") > LINES:
            continue
        parts.append(text)
        lines += text.count("\n")
    return "\n".join(parts)
