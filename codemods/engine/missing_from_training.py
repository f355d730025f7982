"""The finding that a training misses a part of the model: its loss does not depend on it."""

from __future__ import annotations

from typing import Any

from regrad.analysis.cut import CutKind
from regrad.analysis.location import Location
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.codemods.engine.rule import Finding, Related, Rule


def missing_from_training(
    program: Program,
    rule: Rule,
    sink: Sink,
    message: str,
    place: Location,
    names: tuple[str, ...],
    evidence: Any,
    *,
    part: str = "it",
) -> Finding:
    """What `rule` reports at `place`, with the training as the related place; `part` is "it" or "them"."""
    training = Related(program.location(sink.event.node, sink.event.frame), f"the training that misses {part}")
    return Finding(rule.code, rule.name, message, place, CutKind.NEVER_USED, names, (training,), evidence)
