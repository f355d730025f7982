"""What every rewriting promises: the file parses, is mended to the end, differs only where it should, and its diff is
one that `git apply` takes.

All rules mend, unsafe fixes and the first of several candidates included; nothing is written and nothing is run.
"""

from __future__ import annotations

import difflib
import io
import re
import subprocess
import tempfile
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import SourceFile, Unreadable, decode, load, parse
from regrad.codemods.engine.registry import selected
from regrad.codemods.engine.rule import Safety
from regrad.repair import plan as planning
from regrad.repair.detection import Detector
from regrad.repair.diff import unified
from regrad.repair.history import Version
from regrad.repair.options import Options

_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Rewritten:
    """One program that was mended: its files before and after, and the rules that did it."""

    plan: planning.Plan
    detector: Detector
    options: Options

    @property
    def versions(self) -> dict[str, Version]:
        return {path: each for path, each in self.plan.versions.items() if each.source.text != each.original.text}

    @property
    def codes(self) -> list[str]:
        return sorted({applied.candidate.key.code for applied in self.plan.applied})


def rewrite(path: str, contents: Mapping[str, bytes] | None = None) -> Rewritten | None:
    """Mends a program with every rule; `contents` are files that need not be on disk. None where nothing is mended."""
    options = Options(unsafe_fixes=True)
    detector = Detector(selected(None), options)
    plan = planning.make(reading(path, contents or {}), detector, options, {}, planning.Choice())
    made = Rewritten(plan, detector, options)
    return made if made.versions else None


def complaints(made: Rewritten) -> Iterator[str]:
    """Which promises the rewriting breaks, a sentence each."""
    for path, version in made.versions.items():
        try:
            parse(decode(path, version.source.content))
        except Unreadable as problem:
            yield f"{path}: does not parse: {problem}"
        yield from _elsewhere(path, version)
        yield from _line_breaks(path, version.original, version.source)
        if all(applied.mending.safety is Safety.SAFE for applied in made.plan.applied):
            lost = _comments(version.original.text) - _comments(version.source.text)
            if lost:
                yield f"{path}: a safe mending drops {', '.join(lost)}"
    yield from _second_run(made)
    yield from _refused_by_git(made.versions)


def reading(path: str, contents: Mapping[str, bytes]) -> planning.Read:
    def read(versions: Mapping[str, Version]) -> Program:
        def files(place: str) -> SourceFile | None:
            if place in versions:
                return versions[place].source
            if place in contents:
                return decode(place, contents[place])
            return load(place) if Path(place).is_file() else None

        return Reader(files).read(path)

    return read


def _elsewhere(path: str, version: Version) -> Iterator[str]:
    """Lines that changed although no edit was for them."""
    intended: set[int] = set()
    current = Version(version.original)
    for number, (source, edits) in enumerate(version.steps):
        for edit in edits:
            span = current.origin(edit.span)
            intended.update(range(span.start.line, span.end.line + 1))
        following = version.steps[number + 1][0] if number + 1 < len(version.steps) else version.source
        current = Version(following, (*current.steps, (source, edits)))
    before, after = (_BREAK.split(source.text) for source in (version.original, version.source))
    for tag, first, last, _, _ in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        # Where equal lines stand side by side, difflib may choose the neighbour of the one that was edited.
        if tag == "equal" or any(line in intended for line in range(first, last + 2)):
            continue
        if not all(not line.strip() for line in before[first:last]):
            yield f"{path}: line {first + 1} differs, and no edit was made there"


def _line_breaks(path: str, before: SourceFile, after: SourceFile) -> Iterator[str]:
    if before.notebook:
        return
    for name, line_break in (("CRLF", b"\r\n"), ("LF", b"\n")):
        breaks = before.content.count(b"\n")
        only = breaks and before.content.count(line_break) == breaks and (name == "CRLF" or b"\r" not in before.content)
        if only and (
            after.content.count(line_break) != after.content.count(b"\n") or (name == "LF" and b"\r" in after.content)
        ):
            yield f"{path}: had {name} alone and does no more"
    if before.content.startswith(b"\xef\xbb\xbf") != after.content.startswith(b"\xef\xbb\xbf"):
        yield f"{path}: its byte order mark came or went"


def _comments(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")).readline):
            if token.type == tokenize.COMMENT:
                found[token.string.strip()] += 1
    except (tokenize.TokenError, SyntaxError):
        return Counter()
    return found


def _second_run(made: Rewritten) -> Iterator[str]:
    """Whatever could be mended was mended: from the bytes of the result, nothing changes any more."""
    entry = made.plan.program.entry
    contents = {path: version.source.content for path, version in made.plan.versions.items()}
    try:
        again = planning.make(reading(entry, contents), made.detector, made.options, {}, planning.Choice())
    except Unreadable:
        return
    codes = ", ".join(sorted({applied.candidate.key.code for applied in again.applied}))
    for path, version in again.versions.items():
        if version.source.content != version.original.content:
            yield f"{path}: a second run changes it again ({codes})"


def _refused_by_git(versions: Mapping[str, Version]) -> Iterator[str]:
    """The diff of all files, applied by git to the files as they were."""
    with tempfile.TemporaryDirectory() as folder:
        patch = b""
        places: dict[str, Path] = {}
        for number, (path, version) in enumerate(sorted(versions.items())):
            place = Path(folder) / f"{number}" / Path(path).name
            place.parent.mkdir()
            place.write_bytes(version.original.content)
            places[path] = place
            patch += unified(str(place), version.original.content, version.source.content, folder)
        # Outside of a repository git takes the paths as they are, whatever repository the folder may lie in.
        command = ["git", "apply", "--whitespace=nowarn", "-"]
        environment = {"GIT_CEILING_DIRECTORIES": str(Path(folder).parent), "PATH": "/usr/local/bin:/usr/bin:/bin"}
        done = subprocess.run(command, cwd=folder, input=patch, capture_output=True, env=environment, check=False)
        if done.returncode:
            yield f"git apply refuses the diff of {', '.join(places)}: {done.stderr.decode(errors='replace').strip()}"
            return
        for path, place in places.items():
            if place.read_bytes() != versions[path].source.content:
                yield f"{path}: git apply makes other bytes of it"
