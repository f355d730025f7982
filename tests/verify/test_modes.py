"""Two passes of one program, eager and as it is compiled, become one report."""

from __future__ import annotations

import pytest
from regrad.verify import Outcome, StepReport
from regrad.verify.modes import merge
from regrad.verify.records import Pass


@pytest.mark.parametrize(
    ("eager", "native", "loss"),
    [
        (Outcome.STEPPED, Outcome.STEPPED, 0.25),
        # A training that went well before the program raised: programs are compared by it, in whichever mode they ran.
        (Outcome.RAISED, Outcome.RAISED, 0.25),
        (Outcome.STEPPED, Outcome.RAISED, 0.5),
    ],
)
def test_the_loss_is_that_of_the_eager_pass_where_both_ended_alike(
    eager: Outcome, native: Outcome, loss: float
) -> None:
    passes = [Pass(StepReport(outcome, loss=value)) for outcome, value in ((eager, 0.25), (native, 0.5))]
    merged = merge(*passes).report
    assert (merged.outcome, merged.loss) == (native, loss)
