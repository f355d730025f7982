"""One program as text: read, reported by a rule, mended."""

from __future__ import annotations

from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import SourceFile, decode
from regrad.codemods.engine import edits
from regrad.codemods.engine.rule import Finding, Rule, Withheld

PATH = "program.py"


def read(text: str) -> Program:
    source = decode(PATH, text.encode())

    def files(path: str) -> SourceFile | None:
        return source if path == PATH else None

    return Reader(files).read(PATH)


def found(rule: Rule, text: str) -> list[Finding]:
    return list(rule.detect(read(text)))


def mended(rule: Rule, text: str) -> str:
    """The program after the first finding's first mending; the reason where it was withheld, "" for no finding."""
    program = read(text)
    finding = next(iter(rule.detect(program)), None)
    if finding is None:
        return ""
    offered = rule.mend(program, finding)
    if isinstance(offered, Withheld):
        return f"withheld: {offered.reason}"
    return edits.apply_all(program.files, offered[0].edits)[PATH]
