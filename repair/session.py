"""One run over many files: `check` reports, `fix` mends program by program. Whoever wants a repair enters here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import SourceFile, Unreadable, decode
from regrad.analysis.source import read as read_bytes
from regrad.codemods.engine.registry import selected
from regrad.codemods.engine.rule import Finding, Rule, Safety
from regrad.repair import decisions, workers
from regrad.repair import plan as planning
from regrad.repair.cache import Cache
from regrad.repair.detection import Detector
from regrad.repair.history import Version
from regrad.repair.options import Options
from regrad.repair.outcome import Fault, FileOutcome, FindingOutcome, Status
from regrad.repair.pins import Pins
from regrad.repair.plan import Choice, Key, Plan
from regrad.repair.survey import ProgramReader, Surveyed, Surveyor, seldom_collected, set_apart
from regrad.repair.targets import EXCLUDED, Rejected, Target, pattern, targets
from regrad.repair.through_entry import through
from regrad.repair.write import NotWritten, replace_files

if TYPE_CHECKING:
    # What only a mending needs is imported when there is one: `check` stays fast.
    from regrad.codemods.engine.seen import Seen
    from regrad.repair.proof import Proof
    from regrad.repair.suppression import Remark
    from regrad.verify.evidence import Evidence, StepReport
    from regrad.verify.job import Job


class Comparer(Protocol):
    """What the session needs of a verifier."""

    def compare(self, before: Job, after: Job, *, same_loss: bool) -> Evidence: ...

    def close(self) -> None: ...


@runtime_checkable
class Runner(Protocol):
    """What it needs beyond that to learn from a run what reading missed."""

    def step(self, job: Job) -> StepReport: ...


Files = Callable[[str], "SourceFile | None"]


def check(
    paths: Iterable[str], options: Options, *, contents: Mapping[str, bytes] | None = None
) -> Iterator[FileOutcome]:
    """What there is to report, file by file. `contents` are files as an editor holds them, by path."""
    with Session(options, contents=contents, cache=not contents) as session:
        yield from session.check(paths)


def fix(
    paths: Iterable[str], options: Options, *, write: bool, contents: Mapping[str, bytes] | None = None
) -> Iterator[FileOutcome]:
    """What was found and mended, file by file; nothing is written unless `write`."""
    with Session(options, contents=contents, cache=not contents) as session:
        yield from session.fix(paths, write=write)


@dataclass
class _Found:
    """A finding with the entries of the programs in which it was found, those that train first."""

    outcome: FindingOutcome
    entries: list[tuple[bool, str]]


@dataclass
class _File:
    """What is known of one file."""

    status: Status = Status.OK
    messages: list[str] = field(default_factory=list)
    fault: Fault | None = None
    found: dict[Key, _Found] = field(default_factory=dict)
    evidence: Evidence | None = None
    written: bool = False


class Session:
    """The state of one run. Its parts can be given instead of the real ones."""

    def __init__(
        self,
        options: Options,
        *,
        contents: Mapping[str, bytes] | None = None,
        rules: Sequence[Rule] | None = None,
        reader: Callable[[Files, int | None], ProgramReader] | None = None,
        verifier: Callable[[Options], Comparer] | None = None,
        leave: Callable[[Key], bool] | None = None,
        cache: bool = False,
    ) -> None:
        """`leave` says of a finding that it is reported and not mended."""
        self.options = options
        self._contents = {os.path.normpath(path): content for path, content in (contents or {}).items()}
        self._detector = Detector(selected(options.select, options.ignore) if rules is None else rules, options)
        self._pins = Pins()
        self._reader = reader or partial(Reader, pinned=self._pins.generation_of)
        self._surveying = reader or partial(Reader, pinned=self._pins.generation_of, parsed=set_apart)
        # Answers of earlier runs and of other processes are those of the real parts.
        self._alone = rules is not None or reader is not None or bool(self._contents)
        self._cache = Cache(options) if cache and not self._alone else None
        self._make_verifier = verifier or _verifier
        self._leave = leave or (lambda key: False)
        self._verifier: Comparer | None = None
        self._versions: dict[str, Version] = {}
        self._on_disk: dict[str, bytes] = {}
        self._files: dict[str, _File] = {}
        self._programs: dict[str, tuple[str, ...]] = {}
        self._named: list[str] = []
        self._within: dict[str, frozenset[str]] = {}
        """For a program that was read for the sake of files that were named: these files."""

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._verifier is not None:
            self._verifier.close()

    def check(self, paths: Iterable[str]) -> Iterator[FileOutcome]:
        for path in self._survey(paths):
            yield self._outcome(path)

    def fix(self, paths: Iterable[str], *, write: bool) -> Iterator[FileOutcome]:
        order = self._survey(paths)
        waiting = dict.fromkeys(self._entry(found) for file in self._files.values() for found in file.found.values())
        if self.options.verify:
            # A program that is named by itself is run also where reading finds nothing; a folder of them would cost.
            waiting.update(dict.fromkeys(path for path in self._named if self._may_be_run(path)))
        for path in order:
            # A file is ready when every program that it is part of has been mended.
            for entry in [each for each in waiting if path in self._programs[each]]:
                del waiting[entry]
                self._repair(entry, write=write)
            yield self._outcome(path)
        # A mending may reach into a file in which nothing was found.
        for path in [path for path in self._files if path not in order]:
            yield self._outcome(path)

    def _may_be_run(self, path: str) -> bool:
        if self._files[path].status is not Status.OK or path in self._programs:
            return False
        try:
            program = self._read(path, {})
        except Unreadable:
            return False
        self._programs[path] = tuple(program.files)
        for place, source in program.files.items():
            self._versions.setdefault(place, Version(source))
        return program.trains

    # Finding

    def _survey(self, paths: Iterable[str]) -> list[str]:
        """Reads every target as a program of its own; gives the files to be reported, in order."""
        order: dict[str, None] = {}
        readable: list[str] = []
        paths = list(paths)
        entry = through(self.options, paths, lambda path: next(self._surveyed([path])))
        named = [path for path in paths if os.path.normpath(path) not in self._contents]
        named = named if entry is None else entry.named(named)
        alone = {os.path.normpath(path) for path in named if os.path.isfile(path)}
        given = (self._target(path) for path in self._contents)
        for target in chain(given, targets(named, self.options)):
            order[target.path] = None
            file = self._files.setdefault(target.path, _File())
            if isinstance(target, Rejected):
                file.status, file.messages = target.status, [target.message]
            else:
                readable.append(target.path)
                if os.path.normpath(target.path) in alone:
                    self._named.append(target.path)
        remarks: dict[tuple[str, str], Remark] = {}
        of_entry = None if entry is None else entry.restricted(readable)
        if of_entry is not None:
            self._within[of_entry.path] = frozenset(readable)
            if of_entry.status is not Status.OK:
                order[of_entry.path] = None
                self._files.setdefault(of_entry.path, _File())
        for surveyed in chain(self._surveyed(readable), () if of_entry is None else (of_entry,)):
            self._take(surveyed)
            for remark in surveyed.remarks:
                key = (remark.path, remark.where)
                # A comment is of use when any program has use for it.
                if key not in remarks or remark.used:
                    remarks[key] = remark
        for remark in remarks.values():
            complaint = self._detector.complaint(remark)
            if complaint is not None and remark.path in order:
                self._files[remark.path].messages.append(complaint)
        order.update(dict.fromkeys(path for path in self._files if self._files[path].found))
        return list(order)

    def _surveyed(self, paths: list[str]) -> Iterator[Surveyed]:
        """The answer for each file, in order: from an earlier run, from other processes, or worked out here."""
        cache, started = self._cache, time.time()
        if cache is None:
            yield from self._read_each(paths)
            return
        generations = {path: self._pins.generation_of(path) for path in paths}
        kept = {path: cache.get(path, generations[path]) for path in paths}
        new = self._read_each([path for path, answer in kept.items() if answer is None])
        for path in paths:
            answer = kept[path]
            if answer is None:
                answer = next(new)
                cache.put(answer, generations[path], started)
            yield answer
        cache.save()

    def _read_each(self, paths: list[str]) -> Iterator[Surveyed]:
        jobs = self.options.jobs or workers.available()
        if not self._alone and workers.worth_it(paths, jobs):
            yield from workers.surveyed(paths, self.options, jobs)
            return
        own = Surveyor(self._detector, self._content, self._new_reader)
        with seldom_collected():
            for path in paths:
                answer = own.survey(path, known=self._is_found)
                for place, source in own.sources.items():
                    self._versions.setdefault(place, Version(source))
                own.sources.clear()
                yield answer

    def _is_found(self, finding: Finding) -> bool:
        file = self._files.get(finding.location.path)
        return file is not None and Key(finding.location.path, finding.location.span, finding.code) in file.found

    def _target(self, path: str) -> Target | Rejected:
        """A file as an editor holds it."""
        left_out = self.options.force_exclude and any(
            pattern(each, self.options.root)(path) for each in self.options.exclude
        )
        return Rejected(path, Status.SKIPPED, EXCLUDED) if left_out else Target(path)

    def _take(self, surveyed: Surveyed) -> None:
        # The entry through which files were read is reported only where it is among them.
        if surveyed.path in self._files:
            file = self._files[surveyed.path]
            file.status, file.fault = surveyed.status, surveyed.fault
            file.messages.extend(surveyed.messages)
        for outcome in surveyed.findings:
            location = outcome.finding.location
            own = self._files.setdefault(location.path, _File())
            key = Key(location.path, location.span, outcome.finding.code)
            entry = (not surveyed.trains, surveyed.path)
            if key in own.found:
                own.found[key].entries.append(entry)
            else:
                own.found[key] = _Found(outcome, [entry])
        if surveyed.findings:
            self._programs[surveyed.path] = surveyed.files
            for path in surveyed.files:
                if path not in self._versions:
                    self._versions[path] = Version(decode(path, self._content(path)))

    def _entry(self, found: _Found) -> str:
        """The program through which a finding is mended: one that trains, and then the file itself."""
        path = found.outcome.finding.location.path
        return min(found.entries, key=lambda each: (each[0], each[1] != path))[1]

    def _content(self, path: str) -> bytes:
        if path in self._contents:
            return self._contents[path]
        return read_bytes(path)

    def _source(self, path: str, versions: Mapping[str, Version]) -> SourceFile | None:
        version = versions.get(path) or self._versions.get(path)
        if version is not None:
            return version.source
        if path not in self._contents and not os.path.isfile(path):
            return None
        return decode(path, self._content(path))

    def _new_reader(self) -> ProgramReader:
        return self._surveying(lambda path: self._source(path, {}), _keras(self.options.keras))

    def _read(self, entry: str, versions: Mapping[str, Version]) -> Program:
        return self._reader(lambda path: self._source(path, versions), _keras(self.options.keras)).read(entry)

    # Mending

    def _repair(self, entry: str, *, write: bool) -> None:
        """Mends one program, in all its files, or in those for whose sake it was read."""
        within = self._within.get(entry)

        def make(choice: Choice, detector: Detector = self._detector) -> Plan:
            return planning.make(
                lambda versions: self._read(entry, versions),
                detector,
                self.options,
                self._versions,
                replace(choice, within=within),
            )

        settled = {
            key
            for file in self._files.values()
            for key, found in file.found.items()
            if found.outcome.decision in decisions.FINAL or self._leave(key)
        }
        try:
            first = make(Choice(excluded=frozenset(settled)))
        except Unreadable as problem:
            self._files[entry].messages.append(problem.message)
            return
        proof = self._proved(entry, first, make, frozenset(settled))
        seen = self._seen(entry, first, proof)
        if seen:
            detector = self._detector.with_seen(seen)
            # What reading offered was tried and did not help.
            tried = settled | {applied.candidate.key for applied in first.applied}
            again = make(Choice(excluded=frozenset(tried)), detector)
            shown = self._proved(entry, again, lambda choice: make(choice, detector), frozenset(tried))
            if again.first != first.first:
                first, proof = again, replace(shown, withdrawn=(*proof.withdrawn, *shown.withdrawn))
        error = self._put(proof.plan, write=write)
        self._record(first, proof, error, within)

    def _seen(self, entry: str, first: Plan, proof: Proof) -> tuple[Seen, ...]:
        """What a run of the program shows that reading has not mended."""
        from regrad.repair.seen_cuts import seen_in
        from regrad.verify.evidence import Verdict

        options, evidence = self.options, proof.evidence
        if not options.verify or (options.entry is None and not first.program.trains):
            return ()
        if proof.plan.applied and (evidence is None or evidence.verdict is not Verdict.IMPROVED):
            return ()
        if evidence is not None and not proof.plan.applied:
            return seen_in(evidence.before, first.program.files)
        if evidence is not None:
            # The cuts that are left lie in the mended text; they are for the next run.
            return ()
        verifier = self._running()
        if not isinstance(verifier, Runner):
            return ()
        report = verifier.step(self._job(entry, self._versions))
        return seen_in(report, first.program.files)

    def _running(self) -> Comparer:
        if self._verifier is None:
            self._verifier = self._make_verifier(self.options)
        return self._verifier

    def _job(self, entry: str, versions: Mapping[str, Version], changed: Iterable[str] = ()) -> Job:
        from regrad.verify.job import Entry, entry_of

        chosen = self.options.entry
        named = entry_of(chosen, self.options.entry_folder) if chosen else Entry(entry)
        own = None if self.options.entry else {entry, *self._programs.get(entry, ()), *changed}
        return named.job(self._overrides(versions, own), dict(self.options.data))

    def _proved(self, entry: str, first: Plan, make: Callable[[Choice], Plan], settled: frozenset[Key]) -> Proof:
        from regrad.repair.proof import Proof, prove, unverified

        options = self.options

        def remake(choice: Choice) -> Plan:
            return make(replace(choice, excluded=choice.excluded | settled))

        if not first.applied:
            return Proof(first, None)
        if not options.verify:
            return unverified(remake, first, "", proof_needed=False)
        if options.entry is None and not first.program.trains:
            why = "no training step was found that reaches this file; name one with --entry"
            return unverified(remake, first, why, require_verified=options.require_verified)

        def compare(plan: Plan) -> Evidence:
            safe = all(applied.mending.safety is Safety.SAFE and applied.mending.keeps_loss for applied in plan.applied)
            changed = [path for path, version in plan.versions.items() if self._versions.get(path) != version]
            before = self._job(entry, self._versions, changed)
            after = self._job(entry, {**self._versions, **plan.versions}, changed)
            return self._running().compare(before, after, same_loss=safe)

        return prove(remake, compare, first, require_verified=options.require_verified)

    def _overrides(self, versions: Mapping[str, Version], own: Collection[str] | None) -> dict[str, str]:
        """The texts that a run must see in the place of what is on disk: those of the program's own files, if these are
        known. What other programs say is none of its business.
        """
        return {
            os.path.realpath(path): version.source.text
            for path, version in versions.items()
            if (own is None or path in own)
            and (
                version.source.notebook
                or path in self._contents
                or self._stored(path, version) != version.source.content
            )
        }

    def _stored(self, path: str, version: Version) -> bytes:
        return self._on_disk.get(path, version.original.content)

    def _put(self, plan: Plan, *, write: bool) -> str | None:
        """Takes over the plan's files, on disk too if asked; what went wrong, if nothing was written."""
        changed = {
            path: version
            for path, version in plan.versions.items()
            if version.source.content != self._stored(path, version) and path not in self._contents
        }
        if write and changed:
            try:
                replace_files({path: (self._stored(path, each), each.source.content) for path, each in changed.items()})
            except NotWritten as problem:
                return f"nothing was written: {problem}"
            for path, version in changed.items():
                self._on_disk[path] = version.source.content
                self._files.setdefault(path, _File()).written = True
        self._versions.update(plan.versions)
        return None

    def _record(self, first: Plan, proof: Proof, error: str | None, within: frozenset[str] | None = None) -> None:
        """What became of every finding of the program."""
        applied = {each.candidate.key: each for each in proof.plan.applied}
        withdrawn = {each.applied.candidate.key: each for each in proof.withdrawn}
        for candidate in (*first.first, *(each.candidate for each in (*first.applied, *proof.plan.applied))):
            if within is not None and candidate.key.path not in within:
                continue
            known = self._files.setdefault(candidate.key.path, _File()).found
            if candidate.key not in known:
                if (
                    candidate.key not in applied
                    and candidate.key not in withdrawn
                    and not candidate.finding.shown_by_run
                ):
                    continue
                known[candidate.key] = _Found(decisions.reported(candidate), [])
        changed = {edit.path for each in applied.values() for edit in each.mending.edits}
        for path in changed:
            self._files.setdefault(path, _File())
        for path, file in self._files.items():
            for key, found in file.found.items():
                if found.outcome.decision not in decisions.FINAL:
                    found.outcome = decisions.decided(
                        key, found.outcome, applied.get(key), withdrawn.get(key), proof, self.options, error
                    )
            if path in changed or any(key.path == path for key in (*applied, *withdrawn)):
                file.evidence = proof.evidence or file.evidence
            if path in changed and error is not None:
                file.messages.append(error)

    # Reporting

    def _outcome(self, path: str) -> FileOutcome:
        file = self._files[path]
        findings = tuple(found.outcome for _, found in sorted(file.found.items()))
        message = "; ".join(dict.fromkeys(file.messages)) or None
        version = self._versions.get(path)
        if version is None or not (findings or version.steps):
            content = self._contents.get(path)
            return FileOutcome(path, file.status, message, findings, before=content, after=content, fault=file.fault)
        return FileOutcome(
            path,
            file.status,
            message,
            findings,
            file.evidence,
            version.original.content,
            version.source.content,
            file.written,
            file.fault,
        )


def _keras(name: str | None) -> int | None:
    return {"keras3": 3, "tf-keras": 2}.get(name or "")


def surveyor(options: Options) -> Surveyor:
    """One that reads from the disk, for a process that only surveys."""
    detector = Detector(selected(options.select, options.ignore), options)
    pins = Pins()
    return Surveyor(detector, read_bytes, lambda: Reader(None, _keras(options.keras), pins.generation_of, set_apart))


def _verifier(options: Options) -> Comparer:
    from regrad.verify.verifier import Verifier

    return Verifier(options.python, timeout=options.timeout, sandbox=options.sandbox)
