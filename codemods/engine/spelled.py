"""How a place of the program can say a value: a name in reach, an attribute of an object, a part of a dictionary."""

from __future__ import annotations

import json

from regrad.analysis.frames import Frame, Scope
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Instance, Mapping, Value


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
    return _held(scope, model)


def _held(scope: Scope, model: Value) -> str | None:
    """The place in a dictionary or list that a name in reach stands for."""
    current: Scope | None = scope
    while current is not None:
        for name, value in current.names.items():
            if isinstance(value, Mapping) and value.complete and name.isidentifier():
                for key, part in value.entries.items():
                    if part is model and isinstance(key, (str, int)):
                        return f"{name}[{json.dumps(key)}]"
            if isinstance(value, Collection) and value.complete and not value.grown and name.isidentifier():
                for index, part in enumerate(value.items):
                    if part is model:
                        return f"{name}[{index}]"
        current = current.parent
    return None
