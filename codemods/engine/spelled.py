"""How a place of the program can say a value: a name in reach, or an attribute of `self`."""

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
    return None
