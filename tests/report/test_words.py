"""What the reports say of the end of a path."""

from __future__ import annotations

from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.report.words import cut_words

HERE = Location("train.py", Span(Position(3, 1), Position(3, 9)))


def test_an_operation_that_ends_the_path_is_named() -> None:
    assert cut_words(Cut(CutKind.NEVER_USED, HERE, "MatMul", ("w",))) == "MatMul is never used on the way to the loss"
    assert cut_words(Cut(CutKind.INTEGER, HERE, "Cast", ())).startswith("Cast goes through integers")


def test_where_no_operation_uses_the_weight_the_request_is_not_blamed() -> None:
    said = cut_words(Cut(CutKind.NEVER_USED, HERE, "GradientTape.gradient", ("w",)))
    assert said == "nothing on the way to the loss uses it"
