"""What a variable holds before anything was learnt."""

from __future__ import annotations

from regrad.analysis.values import Collection, Constant, External, Tensor, Unknown, Value, Variable

_ZEROS = frozenset({"zeros", "Zeros", "zeros_like", "zeros_initializer"})


def starts_at_zero(variable: Variable) -> bool:
    """Whether all its numbers certainly are 0 at first: by a number, a list, a tensor, or an initializer."""
    return _is_zero(variable.initial)


def _is_zero(initial: Value | None) -> bool:
    if isinstance(initial, Constant):
        value = initial.value
        return value in _ZEROS if isinstance(value, str) else type(value) in (int, float) and value == 0
    if isinstance(initial, Collection):
        return bool(initial.items) and all(_is_zero(item) for item in initial.items)
    if isinstance(initial, Tensor):
        return initial.operation.name in _ZEROS
    if isinstance(initial, Unknown) and initial.operation is not None:
        initial = initial.operation.callee
    return isinstance(initial, External) and initial.name.rpartition(".")[2] in _ZEROS
