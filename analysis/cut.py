"""The cut: the place at which the path from the loss back to the variables ends.

One vocabulary for reading and running.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from regrad.analysis.location import Location


class CutKind(Enum):
    """Why a path ends. The values are what the JSON output, the verifier's worker and suppression pages use."""

    BEFORE_TAPE = "before-tape"
    AFTER_TAPE = "after-tape"
    TAPE_PAUSED = "tape-paused"
    NOT_WATCHED = "not-watched"
    NON_DIFFERENTIABLE = "non-differentiable"
    NO_REGISTERED_GRADIENT = "no-registered-gradient"
    LEFT_TENSORFLOW = "left-tensorflow"
    INTEGER = "integer"
    STOPPED = "gradient-stopped"
    ASSIGNED = "assigned"
    VARIABLE_REPLACED = "variable-replaced"
    NOT_TRAINABLE = "not-trainable"
    NEVER_USED = "never-used"
    CONSTANT = "constant"
    ZERO_SLOPE = "zero-slope"
    NON_FINITE = "non-finite"


@dataclass(frozen=True, slots=True)
class Cut:
    """One end of a gradient path: the operation after which nothing flows back, and what it cost."""

    kind: CutKind
    location: Location
    operation: str
    variables: tuple[str, ...] = ()
