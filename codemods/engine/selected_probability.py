"""Whether a number that is picked or computed from a probability becomes exactly 0 where the sigmoid or softmax
saturates: by `where`, a mask, a slice, `gather`, or one minus any of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor, Value
from regrad.analysis.walking import each_once
from regrad.codemods.engine.computed_at import Element

_DRAWING = frozenset({"categorical", "multinomial", "binomial", "Categorical", "Bernoulli", "OneHotCategorical"})
_ACTING = frozenset(
    "action actions act acts reward rewards advantage advantages adv advs policy episode episodes actor".split()
)


def saturates(program: Program, living: Iterable[Value], value: Value) -> str | None:
    """Why the value becomes exactly 0, if it does for the wrong answer: the sigmoid says 0 for a 1, or 1 for a 0."""
    probability = _probability(value)
    if probability is None or not any(each is probability for each in living):
        return None
    for end in (0.0, 1.0):
        element = Element(probability, end)
        # Nothing is certain of soft targets, nor of an output that is right; so the mask says the opposite.
        if element.number(value) == 0.0 and not (element.picked and program.once(_draws)):
            return f"a sigmoid or softmax becomes exactly {int(end)}"
    return None


def _probability(value: Value) -> Tensor | None:
    """The only sigmoid or softmax that the value is computed from."""
    found: dict[int, Tensor] = {}

    def parts(each: Value) -> Iterable[Value]:
        if not isinstance(each, Tensor) or is_probability(each):
            return ()
        return each.operation.inputs

    for each in each_once([value], parts):
        if isinstance(each, Tensor) and is_probability(each):
            found[id(each)] = each
    (only,) = found.values() if len(found) == 1 else (None,)
    return only if only is not value and only is not None and only.dtype in (None, "float32") else None


def is_probability(value: Tensor) -> bool:
    """Whether it is what a sigmoid or softmax gives, as it comes."""
    return (
        "probabilities" in value.facts
        and value.operation.kind in ("op", "layer", "model")
        and value.operation.transfer != "none"
    )


def _draws(program: Program) -> bool:
    """Whether the program draws what its model says, as in reinforcement learning: what was drawn is not impossible."""
    for path in program.trees:
        for call in program.nodes_of(path, ast.Call):
            name = called(call)
            if name in _DRAWING or (name == "choice" and any(word.arg == "p" for word in call.keywords)):
                return True
        names = (node.id for node in program.nodes_of(path, ast.Name))
        parameters = (node.arg for node in program.nodes_of(path, ast.arg))
        if any(not _ACTING.isdisjoint(name.lower().split("_")) for each in (names, parameters) for name in each):
            return True
    return False
