"""Immutable records that are compared by identity. Unlike a dataclass, the class itself costs next to nothing to make:
a frozen dataclass compiles five methods when its module is imported, and a check of one file would wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: bool) -> Any:
        return lambda cls: cls


@dataclass_transform(eq_default=False, frozen_default=True)
class Record:
    """What is annotated in a subclass are its fields, after those of the class that it extends; `= value` is a default.

    TypeError for a field that is missing, unknown or given twice; AttributeError where one is set afterwards.
    """

    _names: ClassVar[tuple[str, ...]] = ()
    _every: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        cls._names = (*cls._names, *cls.__annotations__)
        cls._every = frozenset(cls._names)

    def __init__(self, *values: Any, **named: Any) -> None:
        names, fields = self._names, self.__dict__
        fields.update(zip(names, values, strict=False))
        fields.update(named)
        if len(values) + len(named) != len(names) or fields.keys() != self._every:
            self._check(values, named)

    def _check(self, values: tuple[Any, ...], named: dict[str, Any]) -> None:
        made, names = type(self), self._names
        if len(values) > len(names):
            raise TypeError(f"{made.__name__} has {len(names)} fields, and {len(values)} values were given")
        for name in named:
            if name not in names:
                raise TypeError(f"{made.__name__} has no field {name}")
            if name in names[: len(values)]:
                raise TypeError(f"{made.__name__}.{name} was given twice")
        for name in names[len(values) :]:
            if name not in named and not hasattr(made, name):
                raise TypeError(f"{made.__name__} needs {name}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set: records do not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted: records do not change")

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._names)
        return f"{type(self).__name__}({fields})"
