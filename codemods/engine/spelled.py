"""How a place of the program can say a value: a name in reach, or an attribute of `self` or of another object."""

from __future__ import annotations

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Value


def spelled_at(program: Program, frame: Frame, model: Value) -> str | None:
    """How the function can say that model."""
    scope = frame.scope
    current = scope
    while current is not None:
        for name, value in current.names.items():
            if value is model and name.isidentifier():
                return name
        current = current.parent  # type: ignore[assignment]
    holder = scope.find("self")
    this = holder.names["self"] if holder is not None else None
    if isinstance(this, Instance):
        for name, value in this.fields.items():
            if value is model and name.isidentifier():
                return f"self.{name}"
    others = [(name, value) for name, value in scope.names.items() if value is not this]
    if isinstance(this, Instance):
        others += [(f"self.{name}", value) for name, value in this.fields.items() if name.isidentifier()]
    for owner, held in others:
        for name, value in held.fields.items() if isinstance(held, Instance) else ():
            if value is model and name.isidentifier():
                return f"{owner}.{name}"
    return None
