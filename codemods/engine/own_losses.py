"""Losses that the program wrote itself: which function one is, and what of the training step its value depends on."""

from __future__ import annotations

from regrad.analysis.events import Trained
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.values import BoundMethod, Collection, Function, Instance, Mapping, Partial, Tensor, Value
from regrad.codemods.engine.operations_of import reached


def function_of(loss: Value | None) -> Function | None:
    """The function of the program behind a `loss=` argument."""
    if isinstance(loss, Function):
        return loss
    if isinstance(loss, BoundMethod):
        return loss.function
    if isinstance(loss, Partial):
        return function_of(loss.callee)
    if isinstance(loss, Instance):
        found = loss.cls.find("call") if loss.role == "loss" else loss.cls.find("__call__")
        return found[0] if found is not None and isinstance(found[0], Function) else None
    return None


def single_loss(event: Trained) -> Function | None:
    """The program's own function that is the only loss of a training with one output."""
    compilation = event.compilation
    if event.own_step or compilation is None or len(event.heads) != 1 or event.added_losses:
        return None
    if isinstance(event.model, Instance) and event.model.cls.find("compute_loss") is not None:
        return None
    if isinstance(compilation.loss, (Collection, Mapping)):
        return None
    return function_of(compilation.loss)


def depends(target: Value, output: Value) -> bool:
    """Whether the target is computed from the output at all, or from anything that is not known."""
    reach = Flow(None, full=True, marks=(output,)).reach(target)
    return reach.anything or id(output) in reach.sources


def within(frame: Frame | None, function: Function) -> bool:
    """Whether a frame is an activation of the function, or was called from one."""
    while frame is not None:
        if frame.function is not None and frame.function.node is function.node:
            return True
        frame = frame.caller
    return False


def captured(target: Value, function: Function) -> tuple[Tensor, Tensor] | None:
    """An operation of the loss and the symbolic tensor of the model's description that it takes from outside."""
    found: list[tuple[Tensor, Tensor]] = []
    for tensor in reached(iter([target])):
        if not within(tensor.operation.frame, function) or tensor.operation.kind in ("model", "layer"):
            continue
        for given in tensor.operation.inputs:
            if isinstance(given, Tensor) and given.symbolic and not within(given.operation.frame, function):
                found.append((tensor, given))
    return min(found, key=lambda pair: pair[0].operation.serial) if found else None
