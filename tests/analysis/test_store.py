"""The journal: branches are undone and joined, and what was made in them stays as it was."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from regrad.analysis.store import MISSING, Store
from regrad.analysis.values import Object


def both(one: Any, other: Any) -> Any:
    return f"{one}|{other}"


def test_undone_and_merged() -> None:
    store, names = Store(), {"a": "1", "b": "2"}
    mark = store.mark()
    store.put(names, "a", "left")
    store.put(names, "c", "new")
    left = store.rollback(mark)
    assert names == {"a": "1", "b": "2"}
    store.put(names, "a", "right")
    store.delete(names, "b")
    right = store.rollback(mark)
    assert names == {"a": "1", "b": "2"}
    store.merge([left, right], both)
    assert names == {"a": "left|right", "b": "2", "c": "new"}


def test_a_name_that_every_way_deletes_is_gone() -> None:
    store, names = Store(), {"a": "1"}
    ways = []
    for _ in range(2):
        mark = store.mark()
        store.delete(names, "a")
        ways.append(store.rollback(mark))
    store.merge(ways, both)
    assert names == {}


def test_a_single_way_is_taken_as_it_is() -> None:
    store, names = Store(), {"a": "1"}
    mark = store.mark()
    store.put(names, "a", "2")
    store.merge([store.rollback(mark)], both)
    assert names == {"a": "2"}


def test_what_was_made_since_is_not_undone() -> None:
    store, old = Store(), Object()
    store.put(old.fields, "trainable", "yes")
    mark = store.mark()
    young = Object()
    store.put(young.fields, "trainable", "no")
    store.put(old.fields, "trainable", "no")
    store.rollback(mark)
    assert old.fields["trainable"] == "yes"
    assert young.fields["trainable"] == "no"


def test_what_was_there_before_a_loop_is_told_from_what_it_is_now() -> None:
    store, names = Store(), {"a": "1"}
    mark = store.mark()
    store.put(names, "a", "2")
    store.put(names, "a", "3")
    store.put(names, "b", "4")
    assert [(key, old) for _, key, old in store.replaced_since(mark).values()] == [("a", "1"), ("b", MISSING)]
    assert [(key, new) for _, key, new in store.writes_since(mark).values()] == [("a", "3"), ("b", "4")]


Writing = st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 3)))


@given(st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)), st.lists(Writing), st.lists(Writing))
def test_nothing_is_left_of_what_was_undone(
    start: dict[str, int], before: list[tuple[str, int | None]], after: list[tuple[str, int | None]]
) -> None:
    store, names = Store(), dict(start)

    def write(writings: list[tuple[str, int | None]]) -> None:
        for key, value in writings:
            if value is None:
                store.delete(names, key)
            else:
                store.put(names, key, value)

    write(before)
    kept, mark = dict(names), store.mark()
    write(after)
    changed = dict(names)
    undone = store.rollback(mark)
    assert names == kept
    store.merge([undone], both)
    assert names == changed
