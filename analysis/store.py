"""The state of the interpreted program, with the one operation that writes it, so that branches can be undone and
joined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from regrad.analysis.values import Fields, birth


class _Missing:
    __slots__ = ()


MISSING = _Missing()

Writes = dict[tuple[int, Any], tuple[dict[Any, Any], Any, Any]]
"""(id of the dictionary, key) -> (the dictionary, the key, the value or MISSING)."""


class Mark(NamedTuple):
    """A point to come back to: a length of the journal, and a number that parts the objects of then from later ones."""

    length: int
    birth: int


class Store:
    """A journal of every write to a scope or an object's fields.

    Undoing leaves alone what an object made since then holds: nothing of before knows that object, and the events that
    tell of it must find it as it was.
    """

    __slots__ = ("_journal",)

    def __init__(self) -> None:
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, fields: dict[Any, Any], key: Any, value: Any) -> None:
        """Write, and remember what was there."""
        self._journal.append((fields, key, fields.get(key, MISSING)))
        fields[key] = value

    def delete(self, fields: dict[Any, Any], key: Any) -> None:
        if key in fields:
            self._journal.append((fields, key, fields[key]))
            del fields[key]

    def mark(self) -> Mark:
        """A point to come back to."""
        return Mark(len(self._journal), birth())

    def writes_since(self, mark: Mark) -> Writes:
        """The places written since, with their values of now."""
        writes: Writes = {}
        for fields, key, _ in self._journal[mark.length :]:
            writes[id(fields), key] = (fields, key, fields.get(key, MISSING))
        return writes

    def replaced_since(self, mark: Mark) -> Writes:
        """The places written since, with the values that they had at the mark."""
        writes: Writes = {}
        for fields, key, old in self._journal[mark.length :]:
            writes.setdefault((id(fields), key), (fields, key, old))
        return writes

    def rollback(self, mark: Mark) -> Writes:
        """Undo everything since the mark; returns what was undone."""
        writes: Writes = {}
        length, born = mark
        undone = [entry for entry in self._journal[length:] if type(entry[0]) is not Fields or entry[0].born <= born]
        for fields, key, _ in undone:
            writes[id(fields), key] = (fields, key, fields.get(key, MISSING))
        for fields, key, old in reversed(undone):
            if old is MISSING:
                fields.pop(key, None)
            else:
                fields[key] = old
        del self._journal[length:]
        return writes

    def merge(self, alternatives: list[Writes], join: Callable[[Any, Any], Any]) -> None:
        """Bring together the ends of several ways that all started at the present state."""
        if len(alternatives) == 1:
            for fields, key, value in alternatives[0].values():
                self._settle(fields, key, value)
            return
        places: dict[tuple[int, Any], tuple[dict[Any, Any], Any]] = {}
        for writes in alternatives:
            for place, (fields, key, _) in writes.items():
                places[place] = (fields, key)
        for place, (fields, key) in places.items():
            present = fields.get(key, MISSING)
            values = [writes[place][2] if place in writes else present for writes in alternatives]
            found = [value for value in values if value is not MISSING]
            if not found:
                self._settle(fields, key, MISSING)
                continue
            merged = found[0]
            for value in found[1:]:
                if value is not merged:
                    merged = join(merged, value)
            self._settle(fields, key, merged)

    def _settle(self, fields: dict[Any, Any], key: Any, value: Any) -> None:
        if value is MISSING:
            self.delete(fields, key)
        elif fields.get(key, MISSING) is not value:
            self.put(fields, key, value)
