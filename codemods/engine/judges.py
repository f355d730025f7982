"""Whether a network that nobody trains only judges those that are trained, or makes the prediction itself."""

from __future__ import annotations

from collections.abc import Sequence

from regrad.analysis import alive, intentions
from regrad.analysis.flow import Flow
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Tensor, Unknown, Value
from regrad.analysis.walking import each_once

_COMPARING = frozenset({"subtract", "squared_difference"})
_FILLED = frozenset({"ones", "zeros", "fill", "full", "ones_like", "zeros_like", "full_like", "shape"})
_READ = frozenset({"array", "asarray", "arange", "linspace"})
"""NumPy functions that make arrays of numbers which the program states."""


def judges(program: Program, sink: Sink, parts: Sequence[Value]) -> bool:
    """Whether the parts only look at what is trained, or at nothing that is: a discriminator, a network that compares
    features, a teacher. Gradients come through such a part and it need not move. Weights in front of what is trained
    are another matter, since it can only learn from what they drew, and so is a head, which makes the prediction.
    """
    left_out = {id(part) for part in parts}
    moving = {id(value) for value in sink.path.connected}
    if alive.leads(sink, moving, left_out):
        return intentions.held_fixed(program) or not _is_head(sink, left_out)
    return not alive.leads(sink, left_out, moving)


def _is_head(sink: Sink, parts: set[int]) -> bool:
    """Whether what the parts give is compared with data or with what others learn, as a prediction is. What judges
    another network is compared with ones and zeros, with itself, or with nothing.
    """
    flow = sink.gradient_flow
    # What was taken out of TensorFlow is the parts' all the same.
    everything = Flow(sink.tape, full=True)
    for tensor in sink.alive:
        if tensor.operation.kind != "loss" and tensor.operation.name not in _COMPARING:
            continue
        inputs = tensor.operation.inputs
        depends = [any(id(source) in parts for source in everything.reach(value).sources.values()) for value in inputs]
        if any(depends) and any(
            not of_parts and (flow.arrives(value) or _is_data(value))
            for value, of_parts in zip(inputs, depends, strict=True)
        ):
            return True
    return False


def _is_data(value: Value) -> bool:
    """Whether a value holds arrays of the program, or something that is not known; not only ones, zeros and noise."""
    leaves = each_once(
        [value],
        lambda each: each.operation.inputs if isinstance(each, Tensor) and each.operation.name not in _FILLED else (),
    )
    return any(
        isinstance(leaf, Unknown)
        or (
            isinstance(leaf, Tensor)
            and (
                leaf.operation.kind == "data"
                or (leaf.numpy and (leaf.operation.kind == "random" or leaf.operation.name in _READ))
            )
        )
        for leaf in leaves
    )
