"""The linters that can be installed, with every rule that they have switched on. None has a rule about gradients."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..cases import Program
from ..result import Missing

PACKAGES = {"ruff": "ruff", "torchfix": "TorchFix", "fixit": "fixit", "libcst": "libcst"}
"""The commands, and the packages that they come from."""
_VERSIONS = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
_TORCHFIX_LINE = re.compile(r"^(?P<path>[^\n:]+):\d+:\d+: (?P<code>TOR\d+)", re.MULTILINE)
_FIXIT_LINE = re.compile(r"^(?P<path>[^\n@]+)@\d+:\d+ (?P<code>\w+):", re.MULTILINE)


def version(python: Path, tool: str) -> str:
    """Raises Missing, which says how to get it."""
    package = PACKAGES[tool]
    done = subprocess.run([python, "-c", _VERSIONS, package], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(
            f"{package} is not there: `python -m venv tools && tools/bin/pip install torchfix fixit ruff libcst`, then"
            " `--tools tools/bin/python`"
        )
    return done.stdout.strip()


def check_command(python: Path, tool: str, cache: Path | None = None) -> list[str | Path]:
    """What reads a path with every rule and writes nothing."""
    place = python.parent / tool
    if tool == "ruff":
        kept: list[str | Path] = ["--no-cache"] if cache is None else ["--cache-dir", cache]
        return [place, "check", "--isolated", "--select", "ALL", "--output-format", "json", *kept]
    if tool == "torchfix":
        return [place, "--select", "ALL"]
    return [place, "lint"]


def fix_command(python: Path, tool: str) -> list[str | Path]:
    """What mends files in place, as the tool comes."""
    place = python.parent / tool
    if tool == "ruff":
        return [place, "check", "--isolated", "--no-cache", "--fix", "--quiet"]
    if tool == "torchfix":
        return [place, "--select", "ALL", "--fix"]
    return [place, "fix", "--automatic"]


class Linter:
    """One of them, over all programs at once."""

    causes: Mapping[str, frozenset[str]] = {}

    def __init__(self, python: Path, tool: str) -> None:
        self.name = PACKAGES[tool]
        self.version = version(python, tool)
        self._tool = tool
        self._python = python

    def reports(self, found: Sequence[Program]) -> list[frozenset[str]]:
        top = os.path.commonpath([program.place.resolve() for program in found])
        command = [*check_command(self._python, self._tool), top]
        done = subprocess.run(list(map(str, command)), cwd=top, capture_output=True, text=True, check=False)
        rules = self._parsed(done.stdout if self._tool == "ruff" else done.stdout + done.stderr, Path(top))
        return [frozenset().union(*(rules[path.resolve()] for path in program.files)) for program in found]

    def _parsed(self, output: str, top: Path) -> Mapping[Path, set[str]]:
        rules: defaultdict[Path, set[str]] = defaultdict(set)
        if self._tool == "ruff":
            for each in json.loads(output or "[]"):
                rules[Path(each["filename"]).resolve()].add(str(each["code"]))
            return rules
        pattern = _TORCHFIX_LINE if self._tool == "torchfix" else _FIXIT_LINE
        for line in pattern.finditer(output):
            rules[(top / line["path"]).resolve()].add(line["code"])
        return rules
