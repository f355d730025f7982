"""The arguments that benchmarks share, and the command as it can be told to others."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .result import Missing

OUTPUTS = frozenset({"results", "journal", "reports"})
"""Where something is written: no part of what is measured."""


def common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="a smoke run: few rounds, small inputs, nothing is kept")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many rounds; the least of each figure is taken")


def cases(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cases",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="folders of cases: NAME/case.json with a `kind`, beside `buggy` and `fixed`, or `ok`",
    )
    parser.add_argument("--kind", help="only cases of this kind")


def collections(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--collections",
        type=Path,
        metavar="FOLDER",
        help="a folder that holds checkouts of public collections, one folder each (see bench/collections.json)",
    )
    parser.add_argument("--named", nargs="+", metavar="NAME", help="only the collections whose folders are so called")
    parser.add_argument("--omit", nargs="+", metavar="NAME", help="all but these")


def tools(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tools",
        type=Path,
        metavar="PYTHON",
        help="the interpreter of an environment with torchfix, fixit, ruff and libcst (else: this one)",
    )


def tools_python(options: argparse.Namespace) -> Path:
    # Not resolved: the interpreter of an environment is a link, and its place is what makes it that environment's.
    return (options.tools or Path(sys.executable)).absolute()


def case_folders(options: argparse.Namespace) -> list[Path]:
    if not options.cases:
        raise Missing("needs cases: give their folders with --cases")
    for folder in options.cases:
        if not any(folder.glob("*/case.json")):
            raise Missing(f"{folder} holds no cases: NAME/case.json beside buggy, fixed or ok")
    return list(options.cases)


def collection_folders(options: argparse.Namespace) -> list[Path]:
    if options.collections is None:
        raise Missing("needs public collections: give the folder that holds their checkouts with --collections")
    found = sorted(path for path in options.collections.iterdir() if path.is_dir() and not path.name.startswith("."))
    named, omitted = set(options.named or ()), set(options.omit or ())
    unknown = sorted((named | omitted) - {path.name for path in found})
    if unknown:
        raise Missing(f"{options.collections} has no {', '.join(unknown)}")
    return [path for path in found if (not named or path.name in named) and path.name not in omitted]


def told(parser: argparse.ArgumentParser, options: argparse.Namespace, name: str) -> str:
    """The command without what belongs to this machine: of every path, its last part."""
    words = ["python -m bench", name]
    for action in parser._actions:
        value = getattr(options, action.dest, None)
        if not action.option_strings or value is None or value == action.default or action.dest in OUTPUTS:
            continue
        words.append(action.option_strings[-1])
        for each in [] if value is True else value if isinstance(value, list) else [value]:
            words.append(f".../{each.name}" if isinstance(each, Path) else str(each))
    return " ".join(words)
