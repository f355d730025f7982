"""How far the numbers of a value certainly go: read from random generators, unscaled pictures, constants and layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from regrad.analysis.library.heads import activation_of
from regrad.analysis.values import Collection, Constant, Function, Layer, Network, Tensor, Value, Variable


class Range(NamedTuple):
    """Some numbers of the value are about as low and as high as this."""

    low: float
    high: float

    @property
    def size(self) -> float:
        return max(abs(self.low), abs(self.high))


_DEEPEST = 24
_PASSING = frozenset(
    "astype reshape copy getitem squeeze expand_dims flatten ravel transpose array asarray convert_to_tensor constant"
    " cast identity slice batch stop_gradient".split()
)
_JOINING = frozenset("hstack vstack stack concatenate column_stack concat join".split())
_PICTURES = frozenset({"mnist", "fashion_mnist", "cifar10", "cifar100"})
_LINEAR = frozenset({"Dense", "Conv1D", "Conv2D", "Conv3D"})
_SHAPING = frozenset({"Flatten", "Reshape", "Dropout", "Identity", "MaxPooling1D", "MaxPooling2D", "Permute"})


def reaches(value: Value | None, given: Value | None, depth: int = 0) -> Range | None:
    """How far a value goes; `given` is what the inputs of the model are fed with. None where that is not known."""
    if isinstance(value, Constant):
        number = value.value
        known = isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number)
        return Range(float(number), float(number)) if known else None
    if isinstance(value, Collection):
        return _hull([reaches(item, given, depth + 1) for item in value.items[:64]])
    if isinstance(value, Variable):
        return _at_first(value)
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return None
    operation = value.operation
    inputs = operation.inputs
    first = inputs[0] if inputs else None
    if operation.kind == "random":
        return _drawn(value)
    if operation.kind == "data" and operation.name in _PICTURES:
        return Range(0.0, 255.0) if value.shape is not None and len(value.shape) > 2 else None
    if operation.kind == "input":
        return reaches(given, None, depth + 1) if given is not None else None
    if operation.kind == "model":
        known = isinstance(operation.callee, Network) and operation.callee.form != "opaque"
        return reaches(first, given, depth + 1) if known else None
    if operation.kind == "layer":
        # What Keras feeds to a model that is called by the program's own `call` stands for its input.
        fed = isinstance(first, Tensor) and (first.operation.kind, first.operation.name) == ("data", "data")
        return _of_layer(operation.callee, reaches(given if fed else first, None if fed else given, depth + 1))
    if operation.name in _JOINING:
        return _hull([reaches(part, given, depth + 1) for part in inputs])
    if operation.name == "where" and len(inputs) == 3:
        return _hull([reaches(part, given, depth + 1) for part in inputs[1:]])
    if operation.name in _PASSING:
        return reaches(first, given, depth + 1)
    if operation.name == "negative":
        inner = reaches(first, given, depth + 1)
        return None if inner is None else Range(-inner.high, -inner.low)
    if operation.kind == "operator" and len(inputs) == 2:
        one, other = (reaches(part, given, depth + 1) for part in inputs)
        return _computed(operation.name, one, other) if one is not None and other is not None else None
    return None


def _hull(parts: list[Range | None]) -> Range | None:
    known = [part for part in parts if part is not None]
    return Range(min(part.low for part in known), max(part.high for part in known)) if known else None


def _computed(name: str, one: Range, other: Range) -> Range | None:
    if name == "add":
        return Range(one.low + other.low, one.high + other.high)
    if name == "subtract":
        return Range(one.low - other.high, one.high - other.low)
    if name == "multiply":
        ends = [a * b for a in one for b in other]
        return Range(min(ends), max(ends))
    if name in ("divide", "truediv") and other.low * other.high > 0:
        ends = [a / b for a in one for b in other]
        return Range(min(ends), max(ends))
    return None


def _of_layer(layer: Value | None, given: Range | None) -> Range | None:
    """Fresh weights keep the size of what they are given, in both directions."""
    if not isinstance(layer, Layer) or given is None:
        return None
    if layer.kind in _SHAPING:
        return given
    if layer.kind not in _LINEAR or "kernel_initializer" in layer.arguments or layer.fields.get("loaded"):
        return None
    # A function of the program's own is applied to what the layer gives without it.
    activation = "linear" if isinstance(layer.arguments.get("activation"), Function) else activation_of(layer)
    if activation == "relu":
        return Range(0.0, given.size)
    return Range(-given.size, given.size) if activation == "linear" else None


def _at_first(variable: Variable) -> Range | None:
    initial = variable.initial
    if isinstance(initial, Constant) and initial.value in ("ones", "zeros"):
        number = float(initial.value == "ones")
        return Range(number, number)
    if isinstance(initial, Tensor) and initial.operation.name in ("ones", "zeros"):
        number = float(initial.operation.name == "ones")
        return Range(number, number)
    return reaches(initial, None) if initial is not None and variable.maker == "tf.Variable" else None


_DRAWN: dict[str, tuple[tuple[str, float | None], ...]] = {
    "uniform": (("low", 0.0), ("high", 1.0)),
    "normal": (("loc", 0.0), ("scale", 1.0)),
    "lognormal": (("mean", 0.0), ("sigma", 1.0)),
    "exponential": (("scale", 1.0),),
    "gamma": (("shape", None), ("scale", 1.0)),
}
_ENDS: dict[str, Callable[..., Range]] = {
    "uniform": Range,
    "normal": lambda middle, spread: Range(middle - 2 * spread, middle + 2 * spread),
    "lognormal": lambda middle, spread: Range(0.0, math.exp(min(middle + 2 * spread, 50.0))),
    "exponential": lambda scale: Range(0.0, 3 * scale),
    "gamma": lambda shape, scale: Range(0.0, shape * scale),
}


def _drawn(value: Tensor) -> Range | None:
    """What a generator of random numbers gives, two deviations from the middle."""
    operation = value.operation
    if operation.name in ("rand", "random", "random_sample", "sample", "beta"):
        return Range(0.0, 1.0)
    if operation.name in ("randn", "standard_normal"):
        return Range(-2.0, 2.0)
    if operation.name == "randint":
        return None if value.high is None else Range(0.0, float(value.high))
    parameters = _DRAWN.get(operation.name)
    if parameters is None:
        return None
    stated = operation.arguments or {}
    numbers: list[float] = []
    for place, (name, default) in enumerate(parameters):
        given = stated.get(name) or stated.get(str(place))
        number = given.value if isinstance(given, Constant) else default if given is None else None
        if not isinstance(number, (int, float)):
            return None
        numbers.append(float(number))
    return _ENDS[operation.name](*numbers)
