"""`bincount` with weights is a sum over segments, which has a gradient."""

from __future__ import annotations

import ast

from regrad.analysis.endings import Ending
from regrad.analysis.program import Program
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Safety

_SUMS = {"tf.math.": "unsorted_segment_sum", "tf.": "math.unsorted_segment_sum", "ops.": "segment_sum"}


def by_segments(program: Program, ending: Ending) -> Mending:
    """The sum of the weights for each number, of as many numbers as are asked for. Raises `CannotMove`.

    `bincount` leaves out what lies beyond `maxlength`, and grows with it where there is none; a sum over segments does
    neither.
    """
    from regrad.codemods.engine.moving import replace_expression

    call, path = ending.node, ending.frame.path
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        raise CannotMove("the call is not written out here")
    if {word.arg for word in call.keywords} - {"arr", "x", "weights", "minlength", "maxlength", "name", "dtype"}:
        raise CannotMove("each row is counted for itself")
    numbers, weights = argument(call, 0, "arr", "x"), argument(call, 1, "weights")
    least, most = argument(call, 2, "minlength"), argument(call, 3, "maxlength")
    if numbers is None or weights is None or least is None:
        raise CannotMove("how many numbers there are is not said")
    texts = [program.source(node, path) for node in (weights, numbers, least)]
    if most is not None and program.source(most, path) != texts[2]:
        raise CannotMove("the numbers are cut off at another place than where they end")
    owner = program.source(call.func.value, path)
    kind = "tf.math." if owner.endswith(".math") else "ops." if owner.endswith("ops") else "tf."
    source, tree = program.files[path], program.trees[path]
    edits = replace_expression(source, tree, call, f"{owner}.{_SUMS[kind]}({', '.join(texts)})")
    title = "sum the weights over segments, which has a gradient"
    return Mending(title, Safety.UNSAFE, edits, "a number beyond the last one raises, and is not left out")
