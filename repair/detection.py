"""What the rules find in one program, and what they offer for it, after everything that silences findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile
from regrad.codemods.engine import registry
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Mendings, NotAnalysable, Rule, Safety, Withheld
from regrad.repair.options import Options
from regrad.repair.suppression import Remark, Suppressions
from regrad.repair.targets import pattern

if TYPE_CHECKING:
    from regrad.codemods.engine.seen import Seen


@dataclass(frozen=True)
class Detected:
    """The findings in file order, and the rules that failed."""

    findings: tuple[Finding, ...]
    problems: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    """The comments that silence findings, used and unused."""


class Detector:
    """The selected rules with everything that silences them."""

    def __init__(self, rules: Sequence[Rule], options: Options, seen: tuple[Seen, ...] = ()) -> None:
        self._all, self._options, self._seen = rules, options, seen
        self._rules = {rule.code: rule for rule in rules}
        self._ignores = [(pattern(text, options.root), codes) for text, codes in options.per_file_ignores]
        self._names = {rule.name.casefold(): rule.code for rule in rules}

    def with_seen(self, seen: tuple[Seen, ...]) -> Detector:
        """The same, and beside it what a run of the program showed."""
        return Detector(self._all, self._options, seen)

    def detect(self, program: Program) -> Detected:
        found: dict[tuple[str, str, Span], Finding] = {}
        problems: list[str] = []
        for rule in self._rules.values():
            try:
                for finding in rule.detect(program):
                    found.setdefault((finding.code, finding.location.path, finding.location.span), finding)
            except NotAnalysable as problem:
                problems.append(f"not analysable by {rule.code}: {problem}")
            except Exception as problem:
                # One rule's mistake must not hide what the others see.
                problems.append(f"the rule {rule.code} failed on {program.entry}: {problem!r}")
        if self._seen:
            from regrad.codemods.engine import seen

            for finding in seen.findings(program, self._seen, {code: rule.name for code, rule in self._rules.items()}):
                # Where reading found the same, the run knows more.
                found[finding.code, finding.location.path, finding.location.span] = finding
        suppressions = {path: Suppressions(source) for path, source in program.files.items()}
        kept = (each for each in found.values() if not self._is_silenced(each, suppressions))
        # A file that trains nothing may be read for a program that is not looked at now: its comments get the benefit.
        remarks = [
            remark if program.trains else remark._replace(used=True)
            for path, comments in suppressions.items()
            for remark in comments.remarks((code, span) for code, place, span in found if place == path)
        ]
        ordered = sorted(kept, key=lambda each: (each.location, each.code))
        return Detected(tuple(ordered), tuple(problems), tuple(remarks))

    def complaint(self, remark: Remark) -> str | None:
        """What is said of a comment that no program has use for; nothing where it speaks of rules that did not run."""
        for code in remark.codes:
            if not any(rule.code.startswith(code) for rule in registry.rules()):
                near = registry.near(code)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                return f"{remark.where}: there is no rule {code} to ignore{hint}"
        ran = set(self._rules)
        if remark.used or not all(
            rule.code in ran for rule in registry.rules() if not remark.codes or rule.code.startswith(remark.codes)
        ):
            return None
        codes = f"[{', '.join(remark.codes)}]" if remark.codes else ""
        return f"{remark.where}: the comment `regrad: ignore{codes}` silences nothing"

    def mend(self, program: Program, finding: Finding, *, to_write: bool = True) -> Mendings:
        """What the rule offers, as it may be offered."""
        from regrad.codemods.engine import guard

        rule = self._rules[finding.code]
        try:
            mendings = _mend(rule, program, finding)
        except CannotMove as problem:
            return Withheld(problem.reason)
        except Exception as problem:
            return Withheld(f"the rule {rule.code} failed to mend this ({problem!r}); please report it")
        return guard.settle(program.files, mendings, with_libcst=to_write)

    def _is_silenced(self, finding: Finding, suppressions: Mapping[str, Suppressions]) -> bool:
        location = finding.location
        comments = suppressions.get(location.path)
        if comments is not None and comments.covers(finding.code, location.span):
            return True
        return any(self._matches(finding.code, codes) and applies(location.path) for applies, codes in self._ignores)

    def _matches(self, code: str, patterns: Iterable[str]) -> bool:
        folded = (self._names.get(each.strip().casefold(), each.strip().upper()) for each in patterns)
        return any(each == "ALL" or (each and code.upper().startswith(each)) for each in folded)


def _mend(rule: Rule, program: Program, finding: Finding) -> Mendings:
    """A rule mends what it found itself; what a run showed has no reading behind it."""
    from regrad.codemods.engine import seen

    return seen.mend(program, finding) if isinstance(finding.evidence, seen.Seen) else rule.mend(program, finding)


def eligible(mendings: Mendings, options: Options) -> tuple[Mending, ...]:
    """Those that may be written."""
    if isinstance(mendings, Withheld):
        return ()
    allowed = {Safety.SAFE, Safety.UNSAFE} if options.unsafe_fixes else {Safety.SAFE}
    return tuple(each for each in mendings if each.safety in allowed and each.edits)


def without_evidence(finding: Finding) -> Finding:
    """The finding alone; its evidence would keep the whole program in memory."""
    return replace(finding, evidence=None)


def texts(files: Mapping[str, SourceFile]) -> tuple[tuple[str, str], ...]:
    """What identifies a state of the files."""
    return tuple(sorted((path, source.text) for path, source in files.items()))
