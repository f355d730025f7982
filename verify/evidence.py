"""What a training step showed, and what two of them prove: the records that the verifier hands to everyone else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from regrad.analysis.cut import Cut

NO_TENSORFLOW = "TensorFlow cannot be imported"
"""How the reason of a run begins for which no interpreter with TensorFlow was found."""


class Gradient(Enum):
    """What one variable received in one step."""

    NONE = "none"
    """Unconnected: the tape knows no path."""
    ZERO = "zero"
    NON_FINITE = "non-finite"
    FLOWS = "flows"
    NOT_ASKED = "not-asked"
    """The program asked for no gradient of this variable (frozen, or left out of the source list)."""


@dataclass(frozen=True, slots=True)
class VariableReport:
    """One variable after one step. `norm` is the gradient's Euclidean norm; `changed` compares the weights."""

    name: str
    shape: tuple[int, ...]
    gradient: Gradient
    norm: float | None
    changed: bool
    trainable: bool
    model: str | None = None
    optimizer: str | None = None
    surplus: bool = False
    """Without gradient as it only feeds an output of a layer that the program leaves aside (a pooler): no fault."""


class Outcome(Enum):
    """How the run ended."""

    STEPPED = "stepped"
    """A training step was carried out (its gradients may still be dead)."""
    RAISED = "raised"
    """The program raised in, or on the way to, its training step."""
    NO_STEP = "no-step"
    """The program ended, or left with `sys.exit`, without a training step."""
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    """The process died: a signal, `os._exit`, out of memory."""
    UNAVAILABLE = "unavailable"
    """It could not be run: no TensorFlow, a missing module, data that cannot be supplied."""


class Symptom(Enum):
    """What is wrong although gradients flow (DESIGN §3, "flowing is not enough")."""

    CONSTANT_OUTPUT = "constant-output"
    OUTPUT_IGNORES_INPUT = "output-ignores-input"
    OUTPUT_FIXED = "output-fixed"
    LOSS_IS_ZERO = "loss-is-zero"
    LOSS_IGNORES_TARGETS = "loss-ignores-targets"
    LOSS_DOES_NOT_FALL = "loss-does-not-fall"
    NOTHING_CHANGED = "nothing-changed"
    UNTRAINED_LAYER_FROZEN = "untrained-layer-frozen"
    STUCK_AT_ZERO = "stuck-at-zero"
    DRIED_UP = "dried-up"
    LEFT_OUT = "left-out"
    UPDATE_MISSING = "update-missing"
    TARGETS_OUT_OF_RANGE = "targets-out-of-range"
    PREDICTIONS_OUT_OF_RANGE = "predictions-out-of-range"
    PROBABILITIES_AS_LOGITS = "probabilities-as-logits"
    LOSS_ARGUMENTS_SWAPPED = "loss-arguments-swapped"
    TARGET_BROADCAST = "target-broadcast"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the program that leads to what was seen: where it can be changed."""

    what: str
    """What happens there, a phrase: `the last layer is made here`."""
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Terms:
    """How many summands of a loss have a way to the weights, and how many have it through `stop_gradient` alone."""

    open: int
    stopped: int


@dataclass(frozen=True, slots=True)
class StepReport:
    """One run of a program up to and including its first optimisation step."""

    outcome: Outcome
    exception: str | None = None
    """`Type: text` of what the program raised, in its own mode."""
    exception_line: int | None = None
    reason: str | None = None
    """For anything but STEPPED: one sentence that a user understands, with the way out."""
    loss: float | None = None
    variables: tuple[VariableReport, ...] = ()
    cuts: tuple[Cut, ...] = ()
    places: tuple[Place, ...] = ()
    """Beside the cuts: the lines that lead to them, to the symptoms and to the exception, the most telling first."""
    symptoms: tuple[Symptom, ...] = ()
    warnings: tuple[str, ...] = ()
    data: str | None = None
    """`real` or `synthetic`."""
    supplied: tuple[str, ...] = ()
    """What was supplied in the place of missing data, one phrase each (`X_train: 8 × 10 float32`)."""
    tensorflow: str | None = None
    keras: str | None = None
    seconds: float = 0.0
    random: bool = False
    """The forward pass draws random numbers: one draw more or less gives another loss, so losses are not compared."""
    terms: Terms | None = None
    """Of the first loss; None where its making was not seen."""
    swallowed: str | None = None
    """`Type: text` of what a request for gradients or an optimizer raised, and the program caught."""


class Verdict(Enum):
    """What the step before and the step after prove about a rewrite."""

    MENDED = "mended"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    WORSE = "worse"
    WAS_NOT_BROKEN = "was-not-broken"
    NOT_VERIFIABLE = "not-verifiable"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verdict with the two steps it rests on."""

    verdict: Verdict
    reason: str | None
    before: StepReport
    after: StepReport

    @property
    def mended(self) -> bool:
        return self.verdict is Verdict.MENDED
