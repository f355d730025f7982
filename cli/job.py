"""One run of `check` or `fix`: what is read, by which settings, how it is shown, and with which status it ends."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from regrad.cli.exit_status import ExitStatus, exit_status
from regrad.cli.follow_up import repeated
from regrad.cli.mistake import Mistake
from regrad.cli.named_files import near_files, require_interpreter
from regrad.cli.next_step import WITHOUT_TENSORFLOW, lacked_tensorflow
from regrad.cli.settings import Request, configuration_for, laid_over
from regrad.report.formats import OutputFormat, Presentation, writer

if TYPE_CHECKING:
    from regrad.cli.configuration import Configuration
    from regrad.repair.outcome import FileOutcome

STANDARD_INPUT = "-"
TEXT = OutputFormat.TEXT


@dataclass(frozen=True, slots=True)
class Job:
    """The command line of `check` and `fix`."""

    paths: tuple[str, ...]
    request: Request
    fixing: bool
    preview: bool = False
    interactive: bool = False
    output_format: OutputFormat | None = None
    output_file: Path | None = None
    verbosity: int = 0
    exit_zero: bool = False
    baseline: Path | None = None
    stdin_filename: str | None = None
    jobs: int | None = None
    """Processes that read; None takes as many as there are cores."""


def carry_out(job: Job) -> ExitStatus:
    """Does it, shows it, and says how it ended."""
    outcomes = outcomes_of(job)
    settings = _grouped(job)[0][0]
    seen: list[FileOutcome] = []
    if job.baseline is not None:
        from regrad.cli.known_findings import load, without_known

        known, root = load(job.baseline), job.baseline.parent
        outcomes = (without_known(outcome, known, root) for outcome in outcomes)
    outcomes = _with_progress(job, settings, outcomes)
    if job.interactive:
        from regrad.cli.interactive import interact

        presentation = Presentation(
            fixing=True,
            targets=job.paths,
            options=repeated(job.request, fixing=True),
            verbosity=job.verbosity,
            diff_apart=True,
        )
        seen += interact(outcomes, presentation)
    else:
        _show(job, settings, _kept(outcomes, seen))
    if not seen and STANDARD_INPUT not in job.paths:
        print(f"No Python files or notebooks found in {', '.join(job.paths)}.", file=sys.stderr)
    if any(_lacked_tensorflow(outcome) for outcome in seen):
        print(f"regrad: nothing could be proved without TensorFlow. {WITHOUT_TENSORFLOW}", file=sys.stderr)
    status = exit_status(seen, preview=job.preview, require_verified=bool(settings.require_verified))
    return ExitStatus.CLEAN if job.exit_zero and status is ExitStatus.FINDINGS else status


def outcomes_of(job: Job) -> Iterator[FileOutcome]:
    """What becomes of each file, under the configuration that governs it. A Mistake is raised here, before any work."""
    from regrad.cli import work

    _require_usage(job)
    groups = _grouped(job)
    for settings, _ in groups:
        work.options_of(job, settings)
        work.require_what_is_named(job, settings)
    if STANDARD_INPUT in job.paths:
        content = sys.stdin.buffer.read()
        outcomes = work.outcomes_of_standard_input(job, groups[0][0], content)
        return _with_text(outcomes, content) if job.fixing and not job.preview else outcomes
    return (outcome for settings, paths in groups for outcome in work.outcomes_of_targets(job, settings, paths))


def _require_usage(job: Job) -> None:
    if job.interactive and (job.preview or STANDARD_INPUT in job.paths or job.output_format not in (None, TEXT)):
        raise Mistake("-i asks about each change and goes with neither --diff, --output-format nor standard input.")
    if STANDARD_INPUT in job.paths:
        if len(job.paths) > 1:
            raise Mistake("`-` reads one program from standard input and goes with no other path.")
        return
    if job.stdin_filename is not None:
        raise Mistake("--stdin-filename names what `-` reads, and there is no `-`.")
    for path in job.paths:
        if not os.path.lexists(path):
            raise Mistake(f"{path}: no such file or folder.", near_files(path))
    require_interpreter(job.request.python)


def _grouped(job: Job) -> list[tuple[Configuration, list[str]]]:
    """The paths under the configuration that governs each, in the order of the command line."""
    if STANDARD_INPUT in job.paths:
        start = Path(job.stdin_filename or ".")
        return [(laid_over(job.request, configuration_for(start, job.request)), [STANDARD_INPUT])]
    groups: dict[Path | None, tuple[Configuration, list[str]]] = {}
    for path in job.paths:
        found = configuration_for(Path(path), job.request)
        groups.setdefault(found.path, (laid_over(job.request, found), []))[1].append(path)
    return list(groups.values())


def _with_progress(job: Job, settings: Configuration, outcomes: Iterator[FileOutcome]) -> Iterator[FileOutcome]:
    if job.verbosity < 0 or STANDARD_INPUT in job.paths or _format(job, settings) is not TEXT:
        # An editor may give its own terminal to a command whose lines it reads.
        return outcomes
    from regrad.cli.progress import PATIENCE, with_progress

    running = job.fixing and settings.verify is not False
    doing = "Reading, mending and running training steps" if running else "Reading"
    return with_progress(
        outcomes,
        doing,
        lambda: _number_of_files(job),
        patience=0 if running else PATIENCE,
        every_file_is_shown=job.verbosity > 0,
    )


def _number_of_files(job: Job) -> int:
    from regrad.cli.work import options_of
    from regrad.repair.targets import targets

    return sum(1 for settings, paths in _grouped(job) for _ in targets(paths, options_of(job, settings)))


def _kept(outcomes: Iterable[FileOutcome], seen: list[FileOutcome]) -> Iterator[FileOutcome]:
    for outcome in outcomes:
        seen.append(outcome)
        yield outcome


def _lacked_tensorflow(outcome: FileOutcome) -> bool:
    proofs = [outcome.evidence, *(finding.evidence for finding in outcome.findings)]
    return any(proof is not None and lacked_tensorflow(proof.before) for proof in proofs)


def _show(job: Job, settings: Configuration, outcomes: Iterator[FileOutcome]) -> None:
    output_format = _format(job, settings)
    from_stdin = STANDARD_INPUT in job.paths
    diff_apart = _patch_goes_to_standard_output(job, output_format)
    text_apart = job.fixing and from_stdin and not job.preview
    presentation = Presentation(
        fixing=job.fixing,
        preview=job.preview,
        targets=(job.stdin_filename or "FILE",) if from_stdin else job.paths,
        options=repeated(job.request, fixing=job.fixing),
        verbosity=job.verbosity,
        diff_apart=diff_apart or text_apart,
    )
    if diff_apart:
        outcomes = _with_patches(outcomes)
    if job.output_file is not None:
        try:
            with job.output_file.open("w", encoding="utf-8") as stream:
                writer(output_format)(outcomes, stream, presentation)
        except OSError as problem:
            raise Mistake(f"{job.output_file}: cannot be written ({problem.strerror}).") from None
        return
    writer(output_format)(outcomes, _stream(apart=diff_apart or text_apart), presentation)


def _patch_goes_to_standard_output(job: Job, output_format: OutputFormat) -> bool:
    """Whether the patch stands there alone, for `git apply`. A format for programs that is asked for on the command
    line has no patch beside it; one that stands in the settings was not meant for this command.
    """
    if not (job.fixing and job.preview) or (sys.stdout.isatty() and output_format is TEXT):
        return False
    return job.output_format is None or output_format in (TEXT, OutputFormat.CONCISE)


def _format(job: Job, settings: Configuration) -> OutputFormat:
    return job.output_format or OutputFormat(settings.output_format or TEXT)


def _stream(*, apart: bool) -> TextIO:
    """Where the report goes: beside the patch or the mended text, standard output is theirs alone."""
    stream: TextIO = sys.stderr if apart else sys.stdout
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty() and not apart:
        # JSON, SARIF and the rest are UTF-8 by definition, whatever the locale says.
        stream.reconfigure(encoding="utf-8", errors="replace")
    return stream


def _with_patches(outcomes: Iterator[FileOutcome]) -> Iterator[FileOutcome]:
    from regrad.repair.diff import patch

    for outcome in outcomes:
        if outcome.changed:
            sys.stdout.buffer.write(patch(outcome))
            sys.stdout.buffer.flush()
        yield outcome


def _with_text(outcomes: Iterable[FileOutcome], content: bytes) -> Iterator[FileOutcome]:
    for outcome in outcomes:
        # A program that could not be read comes back as it was: an editor puts what it gets in the place of its buffer.
        sys.stdout.buffer.write(content if outcome.after is None else outcome.after)
        sys.stdout.buffer.flush()
        yield outcome
