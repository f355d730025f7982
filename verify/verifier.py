"""Runs one training step of a program, or of a program before and after a rewrite, and says what it showed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from regrad.verify.evidence import NO_TENSORFLOW, Evidence, Outcome, StepReport, Verdict
from regrad.verify.flags import flags_set_by
from regrad.verify.interpreter import Interpreter, candidates
from regrad.verify.job import Job
from regrad.verify.modes import merge, needs_own_mode
from regrad.verify.records import Pass, read_pass
from regrad.verify.server_process import ServerGone, ServerProcess
from regrad.verify.verdict import judge
from regrad.verify.worker.undefined import undefined_names

RECYCLE_AFTER = 500
"""Runs after which a server is replaced: forks share memory with it, and what it once allocated never shrinks."""


GUESSES = 5
"""How often made-up data is made anew when the model shows that it wants another form."""


class NoTensorFlow(Exception):
    """No interpreter that was tried can import TensorFlow."""


class Verifier:
    """A context manager that owns the warm servers, one per interpreter and set of environment flags."""

    def __init__(
        self, python: str | None = None, *, timeout: float = 60.0, memory: int | None = None, sandbox: str = "auto"
    ) -> None:
        if sandbox not in ("auto", "require", "off"):
            raise ValueError(f"sandbox must be 'auto', 'require' or 'off', not {sandbox!r}")
        self.python = python
        self.timeout = timeout
        self.memory = memory if memory is not None else half_of_memory()
        self.sandbox = sandbox
        self.servers: dict[tuple[str, tuple[tuple[str, str], ...]], ServerProcess] = {}
        self.chosen: dict[str, tuple[str, str]] = {}
        self.lock = threading.RLock()

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self.lock:
            for server in self.servers.values():
                server.close()
            self.servers.clear()

    def step(self, job: Job) -> StepReport:
        """One run of the program, in the modes that it takes to tell the truth about it."""
        return self.observe(job, {}).report

    def compare(self, before: Job, after: Job, *, same_loss: bool) -> Evidence:
        """Both programs with the same seed and supplied data. The mended one runs first: it says which data fits."""
        later = self.observe(after, {})
        earlier = self.observe(before, later.hypothesis, fixed=bool(later.hypothesis))
        evidence = judge(earlier.report, later.report, same_loss=same_loss)
        lost = newly_undefined(entry_text(before), entry_text(after))
        if lost:
            # The worker supplies data in the place of names that nothing defines; these are no data.
            reason = f"The rewrite uses {', '.join(f'`{name}`' for name in lost)}, which the program does not define."
            return replace(evidence, verdict=Verdict.WORSE, reason=reason)
        return evidence

    def observe(self, job: Job, hypothesis: Mapping[str, Any], *, fixed: bool = False) -> Pass:
        started = time.monotonic()
        text = entry_text(job)
        if text is None:
            return Pass(StepReport(Outcome.UNAVAILABLE, reason=f"{job.path} cannot be read."))
        seen = self.run(job, text, "eager", hypothesis, fixed)
        for _ in range(GUESSES):
            if seen.retry is None:
                break
            hypothesis = seen.retry
            seen = self.run(job, text, "eager", hypothesis, fixed)
        if needs_own_mode((text, *job.overrides.values()), seen):
            seen = merge(seen, self.run(job, text, "native", seen.hypothesis or hypothesis, True))
        return replace(seen, report=replace(seen.report, seconds=time.monotonic() - started))

    def run(self, job: Job, text: str, mode: str, hypothesis: Mapping[str, Any], fixed: bool) -> Pass:
        flags = flags_set_by(text)
        backend = flags.get("KERAS_BACKEND", "tensorflow")
        if backend != "tensorflow":
            reason = f"The program runs Keras on {backend}; regrad verifies programs that run on TensorFlow."
            return Pass(StepReport(Outcome.UNAVAILABLE, reason=reason))
        with self.lock:
            try:
                server = self.server_for(job, flags)
            except NoTensorFlow as error:
                return Pass(StepReport(Outcome.UNAVAILABLE, reason=str(error)))
            message = {
                "path": os.path.abspath(job.path),
                "overrides": dict(job.overrides),
                "arguments": list(job.arguments),
                "module": job.module,
                "function": job.function,
                "data": dict(job.data),
                "mode": mode,
                "timeout": self.timeout,
                "memory": self.memory,
                "sandbox": self.sandbox,
                "seed": 0,
                "hypothesis": dict(hypothesis),
                "fixed_hypothesis": fixed,
            }
            try:
                answer = server.run(message)
            except ServerGone:
                # Once can be an accident of the machine; twice is the program's doing.
                try:
                    server = self.server_for(job, flags)
                    answer = server.run(message)
                except (ServerGone, NoTensorFlow) as error:
                    reason = f"The verifier's server was lost ({error}); it is started anew for the next run."
                    return Pass(StepReport(Outcome.CRASHED, reason=reason))
            return read_pass(answer, server.hello, self.timeout, self.memory)

    def server_for(self, job: Job, flags: Mapping[str, str]) -> ServerProcess:
        folder = str(Path(job.path).resolve().parent)
        known = self.chosen.get(folder)
        tried: list[str] = []
        choices = candidates(self.python, folder) if known is None else (Interpreter(*known),)
        for choice in choices:
            key = (choice.path, tuple(sorted(flags.items())))
            server = self.servers.get(key)
            if server is not None and (not server.alive or server.control < 0 or server.count >= RECYCLE_AFTER):
                server.close()
                server = None
            if server is None:
                try:
                    server = start(choice.path, flags)
                except ServerGone as error:
                    self.servers.pop(key, None)
                    tried.append(f"{choice.path} ({choice.origin}): {error}")
                    continue
                self.servers[key] = server
            self.chosen[folder] = (choice.path, choice.origin)
            return server
        raise NoTensorFlow(
            f"{NO_TENSORFLOW} in any interpreter that was tried: "
            + "; ".join(tried)
            + ". Name one that has it with --python."
        )


def start(python: str, flags: Mapping[str, str]) -> ServerProcess:
    server = ServerProcess(python, flags)
    if server.hello.get("forkable"):
        return server
    # Something started threads or TensorFlow's context at import: a fork would hang, so each run imports for itself.
    hello = server.hello
    server.close()
    cold = ServerProcess(python, flags, warm=False)
    cold.hello = {**hello, "warm": False}
    return cold


def entry_text(job: Job) -> str | None:
    override = job.overrides.get(os.path.realpath(job.path))
    if override is not None:
        return override
    try:
        return Path(job.path).read_bytes().decode("utf-8", "replace")
    except OSError:
        return None


def half_of_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError):
        return None


def newly_undefined(before: str | None, after: str | None) -> list[str]:
    """Names that the text reads after the rewrite, that nothing defines, and of which that was not so before.

    The worker supplies what a snippet leaves out, and a rewrite is no snippet.
    """
    return sorted(undefined_names(after or "") - undefined_names(before or ""))
