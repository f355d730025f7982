"""A small world for the session: programs with wrong names, rules that rename them, runs that judge by the text."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile, Unreadable, parse
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld
from regrad.repair.options import Options
from regrad.verify.evidence import Evidence, Outcome, StepReport, Verdict
from regrad.verify.job import Job


class ImaginedProgram(Program):
    @property
    def trains(self) -> bool:
        return "fit(" in self.files[self.entry].text


@dataclass
class ImaginedReader:
    """Reads an entry and the modules beside it that it imports."""

    files: Callable[[str], SourceFile | None]
    keras: int | None = None

    def read(self, path: str) -> Program:
        source = self.files(path)
        if source is None:
            raise Unreadable(path, "no such file")
        files, trees = {path: source}, {path: parse(source)}
        for name in re.findall(r"^import (\w+)", source.text, re.MULTILINE):
            place = os.path.join(os.path.dirname(path), name + ".py")
            module = self.files(place)
            if module is not None:
                files[place], trees[place] = module, parse(module)
        return ImaginedProgram(path, files, trees, ())


def renaming(code: str, old: str, *new: str, safety: Safety = Safety.SAFE, also: str = "") -> Rule:
    """A rule that reports every use of the name `old` and offers each of `new` for it."""

    def detect(program: Program) -> Iterable[Finding]:
        for path, tree in program.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and node.id == old:
                    yield Finding(code, f"no-{old}", f"{old} is wrong", program.location(node, path), evidence=tree)

    def mend(program: Program, finding: Finding) -> Mendings:
        if not new:
            return Withheld("nobody knows")
        place = finding.location
        edits = [Edit(place.path, place.span, "")]
        if also:
            # A change that reaches into the entry as well.
            other = program.files[program.entry]
            nodes = [node for node in ast.walk(program.trees[program.entry]) if isinstance(node, ast.Constant)]
            edits += [Edit(program.entry, other.span(node), also) for node in nodes]
        return tuple(Mending(name, safety, (Edit(place.path, place.span, name), *edits[1:])) for name in new)

    return Rule(code, f"no-{old}", "safe", "it is a test", detect, mend)


def unseen(rule: Rule) -> Rule:
    """The same rule for a disease that no single step can show."""

    def mend(program: Program, finding: Finding) -> Mendings:
        offered = rule.mend(program, finding)
        assert not isinstance(offered, Withheld)
        return tuple(replace(mending, seen_in_step=False) for mending in offered)

    return replace(rule, mend=mend)


@dataclass
class ImaginedVerifier:
    """Judges by a function of the texts before and after; keeps what it was asked."""

    judge: Callable[[str, str], Verdict]
    asked: list[tuple[Job, Job, bool]] = field(default_factory=list)
    closed: bool = False

    def __call__(self, options: Options) -> ImaginedVerifier:
        return self

    def compare(self, before: Job, after: Job, *, same_loss: bool) -> Evidence:
        self.asked.append((before, after, same_loss))
        verdict = self.judge(whole_text(before), whole_text(after))
        return Evidence(verdict, f"seen {verdict.value}", StepReport(Outcome.STEPPED), StepReport(Outcome.STEPPED))

    def close(self) -> None:
        self.closed = True


def whole_text(job: Job) -> str:
    """What the run would see: the folder's modules, and what was laid over them."""
    folder = os.path.dirname(os.path.realpath(job.path))
    texts: dict[str, str] = {}
    for name in os.listdir(folder):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8", newline="") as file:
                texts[os.path.join(folder, name)] = file.read()
    overrides: Mapping[str, str] = job.overrides
    return "\n".join(text for _, text in sorted({**texts, **overrides}.items()))


def by_count(word: str) -> Callable[[str, str], Verdict]:
    """Mended when the word has gone, improved when there is less of it, worse when there is more."""

    def judge(before: str, after: str) -> Verdict:
        old, new = len(re.findall(word, before)), len(re.findall(word, after))
        if not old:
            return Verdict.WAS_NOT_BROKEN
        if not new:
            return Verdict.MENDED
        return Verdict.IMPROVED if new < old else Verdict.UNCHANGED if new == old else Verdict.WORSE

    return judge
