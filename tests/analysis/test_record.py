"""Records: fields in order, defaults, inheritance, and that they do not change."""

from __future__ import annotations

import pytest
from regrad.analysis.record import Record


class Place(Record):
    path: str
    line: int = 1


class Named(Place):
    name: str = ""


def test_fields_come_in_order_those_of_the_base_first() -> None:
    place = Named("a.py", 3, "x")
    assert (place.path, place.line, place.name) == ("a.py", 3, "x")
    assert repr(place) == "Named(path='a.py', line=3, name='x')"


def test_a_default_stands_in() -> None:
    assert Place("a.py").line == 1
    assert Place(path="a.py") != Place(path="a.py"), "records are compared by identity"


@pytest.mark.parametrize(
    ("values", "named", "complaint"),
    [
        ((), {}, "Place needs path"),
        ((), {"line": 2}, "Place needs path"),
        (("a.py", 1, 2), {}, "Place has 2 fields, and 3 values were given"),
        (("a.py",), {"column": 2}, "Place has no field column"),
        (("a.py",), {"path": "b.py"}, "Place.path was given twice"),
        (("a.py", 2), {"line": 3}, "Place.line was given twice"),
    ],
)
def test_what_does_not_fit_is_refused(values: tuple[object, ...], named: dict[str, object], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        Place(*values, **named)  # type: ignore[arg-type]


def test_nothing_is_set_or_deleted_afterwards() -> None:
    place = Place("a.py")
    with pytest.raises(AttributeError, match="records do not change"):
        place.line = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="records do not change"):
        del place.path
    assert place.line == 1
