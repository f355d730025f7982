"""Comments that silence findings: `# regrad: ignore[RG401]`, `# noqa: RG401`, `# regrad: ignore-file`."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from regrad.analysis.location import Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine import registry

_OURS = re.compile(r"#\s*regrad:\s*ignore(?P<file>-file)?\b\s*(?:\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z]+[0-9]+")
_BREAK = re.compile(r"\r\n|\r")


class Suppression(NamedTuple):
    """One comment. Without `codes` it silences everything; `applies` are the lines it speaks of, None for the file."""

    line: int
    codes: tuple[str, ...]
    applies: tuple[int, ...] | None

    def covers(self, code: str, span: Span) -> bool:
        if self.codes and not any(code.upper().startswith(each) for each in self.codes):
            return False
        return self.applies is None or any(span.start.line <= line <= span.end.line for line in self.applies)


class Remark(NamedTuple):
    """A comment of ours as one program sees it: another program that holds the same file may have use for it."""

    path: str
    where: str
    """`line 3`, or `cell 2, line 1`."""
    codes: tuple[str, ...]
    used: bool


@dataclass(frozen=True)
class Suppressions:
    """The comments of one file."""

    source: SourceFile

    @cached_property
    def all(self) -> tuple[Suppression, ...]:
        folded = self.source.text.casefold()
        if "regrad:" not in folded and "noqa" not in folded:
            return ()
        return tuple(_found(self.source.text))

    def covers(self, code: str, span: Span) -> bool:
        return any(each.covers(code, span) for each in self.all)

    def unused(self, findings: Iterable[tuple[str, Span]]) -> tuple[Suppression, ...]:
        """The comments of ours that silence nothing. (`noqa` comments are other tools' as well.)"""
        reported = list(findings)
        return tuple(each for each in self._ours() if not any(each.covers(code, span) for code, span in reported))

    def remarks(self, findings: Iterable[tuple[str, Span]]) -> tuple[Remark, ...]:
        """All comments of ours, and whether they silence any of the findings."""
        ours = self._ours()
        if not ours:
            return ()
        unused = set(self.unused(findings))
        return tuple(Remark(self.source.path, self._where(each.line), each.codes, each not in unused) for each in ours)

    def _ours(self) -> list[Suppression]:
        if not _OURS.search(self.source.text):
            # `noqa` comments, which are common, need not be told from strings then; a notebook's borders name us too.
            return []
        return [each for each in self.all if _OURS.search(self.source.line(each.line))]

    def _where(self, line: int) -> str:
        cell = self.source.cell_at(line)
        return f"line {line}" if cell is None else f"cell {cell[0] + 1}, line {cell[1]}"


def _found(text: str) -> Iterable[Suppression]:
    lines: list[int] = []
    waiting: list[tuple[int, tuple[str, ...]]] = []
    pending: list[tuple[int, tuple[str, ...]]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(_BREAK.sub("\n", text)).readline):
            if token.type == tokenize.COMMENT:
                for codes, whole_file in _read(token.string):
                    if whole_file:
                        yield Suppression(token.start[0], codes, None)
                    elif lines or token.line[: token.start[1]].strip():
                        pending.append((token.start[0], codes))
                    else:
                        # A comment on a line of its own speaks of the statement below.
                        waiting.append((token.start[0], codes))
            elif token.type == tokenize.NEWLINE:
                # A statement over several lines is silenced from any of them.
                span = tuple(range(lines[0], token.start[0] + 1)) if lines else (token.start[0],)
                yield from (Suppression(line, codes, (line,)) for line, codes in pending)
                yield from (Suppression(line, codes, span) for line, codes in waiting)
                lines, pending, waiting = [], [], []
            elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
                lines.append(token.start[0])
    except (tokenize.TokenError, SyntaxError):
        return


def _read(comment: str) -> Iterable[tuple[tuple[str, ...], bool]]:
    ours = _OURS.search(comment)
    if ours is not None:
        yield _codes(ours["codes"]), ours["file"] is not None
    noqa = _NOQA.search(comment)
    if noqa is not None:
        yield _codes(noqa["codes"]), False


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple(_code(word) for word in re.split(r"[,\s]+", text or "") if word)


def _code(word: str) -> str:
    """A code or the beginning of codes as it is; the name of a rule is as good as its code."""
    if _CODE.fullmatch(word):
        return word.upper()
    named = (rule.code for rule in registry.rules() if rule.name.casefold() == word.casefold())
    return next(named, word if "-" in word else word.upper())
