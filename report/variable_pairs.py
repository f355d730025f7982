"""The variables of the step before and of the step after, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from regrad.verify.evidence import VariableReport

Pair = tuple[VariableReport | None, VariableReport | None]


def paired(before: Sequence[VariableReport], after: Sequence[VariableReport]) -> list[Pair]:
    """The variables of both steps side by side; two of one name are told apart by their order."""
    left, right = _keyed(before), _keyed(after)
    return [(left.get(key), right.get(key)) for key in dict.fromkeys([*left, *right])]


def _keyed(variables: Sequence[VariableReport]) -> dict[tuple[str, int], VariableReport]:
    seen: Counter[str] = Counter()
    keyed = {}
    for variable in variables:
        keyed[variable.name, seen[variable.name]] = variable
        seen[variable.name] += 1
    return keyed
