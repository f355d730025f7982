"""Reading speed: `regrad check` against `ast.parse`, libcst with qualified names, TorchFix, Fixit and ruff.

Every figure is processor time with all child processes, the least of several rounds. The unit of comparison is the time
that `ast.parse` takes for the same files, without the start of Python. Modules are compiled, as after an installation.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from regrad.analysis.source import Unreadable, decode, read, relevant
from regrad.repair.options import Options
from regrad.repair.targets import Target, targets

from . import inputs, parse_only
from .machine import ROOT
from .measuring import Cost, as_installed, cost, regrad, warm_up
from .result import Column, Comparison, Figures, Missing, Row, Table
from .rivals.linters import PACKAGES as LINTERS
from .rivals.linters import check_command, version
from .silence import known_collections

TITLE = "Reading speed"
PACKAGES = ("libcst",)
GOAL = 4.0
DEFAULT = ("keras-io", "docs", "TensorFlow-2.x-Tutorials")
"""Folders of collections that are read when none are named."""
DONE = (0, 1)
"""Nothing to report, or something."""


def arguments(parser: argparse.ArgumentParser) -> None:
    inputs.collections(parser)
    inputs.tools(parser)
    parser.add_argument("--files", type=int, default=200, metavar="N", help="so many scripts at most for slow readers")


def measure(options: argparse.Namespace) -> Figures:
    if options.quick and options.collections is None:
        folders = [ROOT / "fixtures"]
    else:
        if options.collections is not None and not options.named:
            options = argparse.Namespace(**{**vars(options), "named": _present(options.collections)})
        folders = inputs.collection_folders(options)
    rounds = options.rounds or (1 if options.quick else 3)
    whole: list[Row] = []
    field: list[Row] = []
    comparisons: list[Comparison] = []
    tools, versions = _tools(inputs.tools_python(options))
    for folder in folders:
        name = known_collections().get(folder.name, {}).get("repository", folder.name)
        row = whole_tree(folder, rounds)
        whole.append({"tree": name, **row})
        comparisons.append(Comparison(f"goal.{name}", f"`regrad check` over `ast.parse`, {name}", row["ratio"], GOAL,
                                      "the goal", "ratio"))  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as place:
            count = staged(folder, Path(place), 20 if options.quick else options.files)
            if not count:
                continue
            found = readers(Path(place), tools, rounds)
        field += [{"tree": f"{name}: {count} scripts", "reader": reader, **each} for reader, each in found.items()]
        ours, again = found["regrad check"], found["regrad check, again"]
        for reader, each in found.items():
            if not reader.startswith("regrad"):
                mine = again if reader.endswith("again") else ours
                comparisons.append(Comparison(f"reader.{reader}.{name}", f"processor time over `ast.parse`, {name}",
                                              mine["ratio"], each["ratio"], reader, "ratio"))  # fmt: skip
    tables = [
        Table(
            "`regrad check` of whole collections, notebooks included",
            (
                Column("tree", "collection"),
                Column("files", "files", "count"),
                Column("relevant", "mention TF or Keras", "count"),
                Column("characters", "characters in these", "count"),
                Column("parse", "ast.parse of these", "seconds"),
                Column("check", "check", "seconds"),
                Column("ratio", "over ast.parse", "ratio"),
                Column("again", "check, again", "seconds"),
                Column("again_ratio", "over ast.parse", "ratio"),
                Column("peak", "peak memory", "mebibytes"),
            ),
            tuple(whole),
            "“Again”: a second run, with the cache of the first.",
        ),
        Table(
            "Every reader over the same scripts",
            (
                Column("tree", "scripts"),
                Column("reader", "reader"),
                Column("seconds", "processor time", "seconds"),
                Column("ratio", "over ast.parse", "ratio"),
                Column("wall", "elapsed", "seconds"),
                Column("peak", "peak memory", "mebibytes"),
            ),
            tuple(field),
            "Scripts that mention TensorFlow or Keras, chosen evenly; notebooks as the script that their cells make.",
        ),
    ]
    return Figures(tuple(tables), tuple(comparisons), versions)


def _present(folder: Path) -> list[str]:
    found = [name for name in DEFAULT if (folder / name).is_dir()]
    if not found:
        raise Missing(f"name collections with --named: {folder} has none of {', '.join(DEFAULT)}")
    return found


def _sources(folder: Path) -> Iterator[tuple[str, bytes, bool]]:
    """Path and content of all that a check visits, and whether TensorFlow or Keras is mentioned."""
    for target in targets([str(folder)], Options()):
        if isinstance(target, Target):
            try:
                content = read(target.path)
            except Unreadable:
                continue
            yield target.path, content, relevant(content)


def staged(folder: Path, place: Path, most: int | None) -> int:
    """The relevant programs of a tree as scripts, evenly chosen; gives their number."""
    found = [(path, content) for path, content, named in _sources(folder) if named]
    if most is not None and len(found) > most:
        found = [found[number * len(found) // most] for number in range(most)]
    count = 0
    for path, content in found:
        try:
            text = decode(path, content).text
        except Unreadable:
            continue
        copy = (place / Path(path).relative_to(folder)).with_suffix(".py")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text.replace("\r\n", "\n"), encoding="utf-8")
        count += 1
    return count


def _parsed(
    folder: Path, how: str, python: Path | str, environment: Mapping[str, str]
) -> tuple[dict[str, float], Cost]:
    spent = cost([python, Path(parse_only.__file__), how, folder], environment=environment, accepted=[0])
    found: dict[str, float] = json.loads(spent.output.splitlines()[-1])
    return found, spent


def whole_tree(folder: Path, rounds: int) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory(prefix="regrad-bench-") as place,
        as_installed() as environment,
    ):
        files = sum(1 for _ in _sources(folder))
        staged(folder, Path(place), None)
        warm_up(environment)
        parses, checks, agains = [], [], []
        for _ in range(rounds):
            parses.append(_parsed(Path(place), "ast", sys.executable, environment)[0])
            check, again = check_twice(folder, environment)
            checks.append(check)
            agains.append(again)
        parse = min(each["seconds"] for each in parses)
        check = min(checks, key=lambda each: each.seconds)
        again = min(agains, key=lambda each: each.seconds)
        return {
            "files": files,
            "relevant": parses[0]["files"],
            "characters": parses[0]["characters"],
            "parse": parse,
            "check": check.seconds,
            "ratio": check.seconds / parse,
            "again": again.seconds,
            "again_ratio": again.seconds / parse,
            "peak": check.peak,
        }


def check_twice(folder: Path, environment: Mapping[str, str]) -> tuple[Cost, Cost]:
    """Without and with a cache."""
    command = regrad("check", "--isolated", "--output-format", "concise", folder)
    with tempfile.TemporaryDirectory(prefix="regrad-bench-") as cache:
        kept = {**environment, "REGRAD_CACHE_DIR": cache}
        # A script of some notebook may not parse: status 3, which is an answer too.
        return tuple(cost(command, environment=kept, accepted=(*DONE, 3)) for _ in range(2))  # type: ignore[return-value]


def _tools(python: Path) -> tuple[dict[str, Path], dict[str, str]]:
    found, versions = {}, {}
    for tool in ("libcst", "torchfix", "fixit", "ruff"):
        try:
            versions[f"{LINTERS[tool]} (measured)"] = version(python, tool)
        except Missing as problem:
            print(f"without {tool}: {problem}", file=sys.stderr)
            continue
        found[tool] = python
    return found, versions


def readers(folder: Path, tools: Mapping[str, Path], rounds: int) -> dict[str, dict[str, float]]:
    """Processor time, elapsed time and peak of each reader; the rounds alternate."""
    best: dict[str, Cost] = {}
    with as_installed() as environment:
        warm_up(environment)
        # The first of these rounds compiles the tools and is not counted.
        _round(ROOT / "fixtures" / "tape_exhausted", tools, environment)
        for _ in range(rounds):
            for reader, spent in _round(folder, tools, environment).items():
                if reader not in best or spent.seconds < best[reader].seconds:
                    best[reader] = spent
    parse = best["ast.parse"].seconds
    return {
        reader: {"seconds": each.seconds, "ratio": each.seconds / parse, "wall": each.wall, "peak": each.peak}
        for reader, each in best.items()
    }


def _round(folder: Path, tools: Mapping[str, Path], environment: Mapping[str, str]) -> dict[str, Cost]:
    parsed, spent = _parsed(folder, "ast", sys.executable, environment)
    # Of Python's own start nothing is counted: it is the smallest possible unit.
    found = {"ast.parse": Cost(parsed["seconds"], spent.wall, spent.peak, spent.status)}
    found["regrad check"], found["regrad check, again"] = check_twice(folder, environment)
    if "libcst" in tools:
        found["libcst with qualified names"] = _parsed(folder, "libcst", tools["libcst"], environment)[1]
    for tool in ("torchfix", "fixit"):
        if tool in tools:
            command = [*check_command(tools[tool], tool), folder]
            found[LINTERS[tool]] = cost(command, environment=environment, folder=folder)
    if "ruff" in tools:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as cache:
            command = [*check_command(tools["ruff"], "ruff", Path(cache)), folder]
            found["ruff"], found["ruff, again"] = (cost(command, environment=environment) for _ in range(2))
    return found
