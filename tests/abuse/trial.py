"""Tries one attack: what the verifier says of it, and what is left of the machine afterwards."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from regrad.verify import Job, Outcome, Verdict, Verifier

from .attacks import BROKEN, Attack, text_of

KEPT = "this stays\n"


@dataclass(frozen=True)
class Trial:
    """How an attack ended."""

    attack: str
    verdict: str
    outcome: str
    reason: str
    seconds: float
    harm: tuple[str, ...]
    """What was done that should not be, a phrase each; empty for an attack that is survived."""


def tried(attack: Attack, verifier: Verifier, folder: Path) -> Trial:
    victim = folder / "victim"
    victim.mkdir()
    (victim / "kept.txt").write_text(KEPT)
    home = folder / "program"
    home.mkdir()
    path = home / "program.py"
    path.write_text(BROKEN)
    servers = {id(server): server.process.pid for server in verifier.servers.values()}
    started = time.monotonic()
    text = text_of(attack, str(victim))
    evidence = verifier.compare(Job(str(path)), Job(str(path), {str(path.resolve()): text}), same_loss=False)
    seconds = time.monotonic() - started
    harm = []
    if evidence.verdict in (Verdict.MENDED, Verdict.IMPROVED, Verdict.WAS_NOT_BROKEN):
        harm.append(f"called {evidence.verdict.value}")
    if not (victim / "kept.txt").is_file() or (victim / "kept.txt").read_text() != KEPT:
        harm.append("a file outside was deleted or changed")
    if path.read_text() != BROKEN or len(list(home.iterdir())) != 1:
        harm.append("something was written where the program lives")
    if attack.aim == "machine":
        run = verifier.run(Job(str(path), {str(path.resolve()): text}), text, "eager", {}, False)
        if "REACHED" in run.output:
            harm.append("another process was reached")
    for server in verifier.servers.values():
        left = children(server.process.pid)
        if left:
            harm.append(f"{len(left)} processes left")
        if list(Path(server.scratch).glob("run-*")):
            harm.append("its scratch folder was left")
        if servers.get(id(server), server.process.pid) != server.process.pid:
            harm.append("the server was lost")
    path.write_text("pass\n")
    if verifier.step(Job(str(path))).outcome is not Outcome.NO_STEP:
        harm.append("the next run failed")
    after = evidence.after
    return Trial(
        attack.name,
        evidence.verdict.value,
        after.outcome.value,
        (after.reason or after.exception or evidence.reason or "").splitlines()[0][:200],
        round(seconds, 1),
        tuple(harm),
    )


def children(process: int) -> list[int]:
    """The processes that `process` started or was left with."""
    found: list[int] = []
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/children") as file:
            found += [int(each) for each in file.read().split()]
    return found
