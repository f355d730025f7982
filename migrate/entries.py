"""Through which program a file's mending is proved: a configured entry point, or a script or test that reaches it."""

from __future__ import annotations

import ast
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from regrad.migrate.packing import relative, relocated
from regrad.migrate.results import FileResult
from regrad.repair.outcome import Decision, FileOutcome, Status
from regrad.verify.evidence import Outcome, Verdict

if TYPE_CHECKING:
    from regrad.migrate.tasks import Work

MOST_TRIED = 20
"""So many programs are read in search of one that trains."""
MOST_RUN = 3
"""So many of them are run in search of one that proves something."""
_UNREACHED = "no script, notebook, test or configured entry point with a training step reaches this file"
_TRIED = (Decision.APPLIED, Decision.WITHDRAWN, Decision.AMBIGUOUS)
_TESTS = "regrad_runs_tests.py"
_MODULE = "regrad_runs_module.py"
_DRIVERS = {
    _TESTS: "import sys\nimport pytest\n\nsys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', *sys.argv[1:]]))\n",
    _MODULE: "import runpy\nimport sys\n\nsys.argv = sys.argv[1:]\n"
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)\n",
}
"""Programs that start what is no script; they stand at the top of the work tree, where such things are started."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is run."""

    command: str
    """As `Options.entry` takes it, with the absolute path of the program."""
    words: str
    """As a user writes it, from the top of the repository."""


def is_test(path: str) -> bool:
    name = os.path.basename(path)
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def program_of(command: str) -> str | None:
    """The file that an entry point starts, relative to the top; None for `-m pytest` and for what is not understood."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if words[:1] == ["-m"] and len(words) > 1 and words[1] != "pytest":
        return words[1].replace(".", "/") + ".py"
    return words[0] if words and not words[0].startswith("-") else None


def in_order(work: Work) -> Iterator[Entry | None]:
    """What to run for a program, one after the other until a run proves something; None is the program by itself."""
    if not work.options.verify or not work.entries:
        yield None
        return
    configured = _entry(work.entries[0], work) if work.configured else None
    if configured is not None:
        yield configured
        return
    if any(_trains(path, work) for path in work.paths):
        yield None
    for path in work.entries[:MOST_TRIED]:
        found = None
        if is_test(path):
            if work.drivers and any(_imports(os.path.join(work.folder, path), each) for each in work.paths):
                found = _entry(f"-m pytest {shlex.quote(path)}", work)
        elif not work.configured and _trains(path, work):
            found = _entry(shlex.quote(path), work)
        if found is not None:
            yield found


def settles(entry: Entry | None, work: Work, outcomes: Sequence[FileOutcome]) -> bool:
    """Whether the runs through an entry say all that there is to say.

    A program that was only found may import a file and never come to what is broken in it, so it can prove a mending
    and not refute it.
    """
    tried = [each for outcome in outcomes for each in outcome.findings if each.decision in _TRIED]
    verdicts = {each.evidence.verdict for each in tried if each.evidence is not None}
    if not tried:
        return True
    if not verdicts or verdicts == {Verdict.NOT_VERIFIABLE}:
        return False
    return entry is None or work.configured or bool(verdicts & {Verdict.MENDED, Verdict.IMPROVED})


def _entry(command: str, work: Work) -> Entry | None:
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if words[:1] == ["-m"]:
        if not work.drivers or len(words) < 2:
            return None
        driver, rest = (_TESTS, words[2:]) if words[1] == "pytest" else (_MODULE, words[1:])
        place = os.path.join(work.folder, driver)
        if not os.path.exists(place):
            with open(place, "w", encoding="utf-8") as file:
                file.write(_DRIVERS[driver])
        rest = [os.path.join(work.folder, each) if is_test(each) else each for each in rest]
        return Entry(shlex.join([place, *rest]), command)
    place = os.path.join(work.folder, words[0])
    if not os.path.isfile(place):
        return None
    return Entry(shlex.join([place, *words[1:]]), command)


def _trains(path: str, work: Work) -> bool:
    from regrad.analysis.reader import Reader
    from regrad.analysis.source import Unreadable

    generation = {"keras3": 3, "tf-keras": 2}.get(work.options.keras or "")
    try:
        return Reader(None, generation).read(os.path.join(work.folder, path)).trains
    except Unreadable:
        return False


def _imports(test: str, path: str) -> bool:
    """Whether a test imports the module at `path` by its own name; its package alone is not enough."""
    try:
        with open(test, "rb") as file:
            tree = ast.parse(file.read(1_000_000))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    parts = path.removesuffix(".py").split("/")
    wanted = {".".join(parts[start:]) for start in range(len(parts))}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        if wanted.intersection(names):
            return True
    return False


def kept_inside(outcomes: Sequence[FileOutcome], folder: str, untouchable: set[str]) -> list[FileOutcome]:
    """The outcomes, with everything withdrawn where a change would reach a file that is not ours to change."""
    inside = folder.rstrip(os.sep) + os.sep
    wrong = [
        each.path
        for each in outcomes
        if each.changed and (each.path in untouchable or not os.path.realpath(each.path).startswith(inside))
    ]
    if not wrong:
        return [each for each in outcomes if each.path.startswith(inside)]
    reason = f"it would change {wrong[0]}, which is left alone"
    return [
        replace(
            outcome,
            after=outcome.before,
            findings=tuple(
                replace(each, decision=Decision.WITHDRAWN, applied=None, reason=reason)
                if each.decision is Decision.APPLIED
                else each
                for each in outcome.findings
            ),
        )
        for outcome in outcomes
        if outcome.path.startswith(inside)
    ]


def result(outcome: FileOutcome, work: Work, through: str | None, seconds: float) -> FileResult:
    """The file's result: through which program it was proved, or why no training step says anything about it."""
    moved = relocated(outcome, work.folder)
    evidence = outcome.evidence
    if evidence is not None and evidence.verdict is not Verdict.NOT_VERIFIABLE:
        return FileResult(work.repository, moved, through, None, seconds)
    tried = any(each.decision in _TRIED for each in moved.findings)
    if outcome.status is not Status.OK or not tried:
        why = None
    elif not work.options.verify:
        why = "not asked for (--no-verify)"
    elif evidence is not None:
        said = evidence.reason or evidence.after.reason or evidence.before.reason or "it could not be run"
        why = f"{through or moved.path}: {said}"
        if evidence.before.outcome is Outcome.NO_STEP:
            why = f"{why.rstrip('.')}; {_UNREACHED}"
    else:
        why = _UNREACHED
    return FileResult(work.repository, moved, None, why and relative(work.folder)(why), seconds)
