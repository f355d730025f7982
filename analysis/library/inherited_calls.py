"""What an object of a class of the program gives when its class has no `call` of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis.values import Instance, Tensor

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter


def call_inherited(interpreter: Interpreter, instance: Instance, call: Call) -> Tensor:
    """The call of the library's class: that of `Model(inputs, outputs)` gives what the outputs describe."""
    described = lone_output(instance)
    return interpreter.operation(
        "model",
        instance.cls.name,
        call.node,
        (instance, *call.all()),
        sources=(instance,),
        callee=instance,
        dtype=described.dtype if described is not None else "float32",
        shape=described.shape if described is not None else None,
        facts=described.facts if described is not None else frozenset(),
    )


def lone_output(instance: Instance) -> Tensor | None:
    """The one output that a model of a class of the program was made with; what several make is not one tensor."""
    outputs: tuple[object, ...] = instance.fields.get("#outputs") or ()
    only = outputs[0] if len(outputs) == 1 else None
    return only if isinstance(only, Tensor) else None
