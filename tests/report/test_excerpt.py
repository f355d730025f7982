"""The lines around a place, as they are drawn."""

from __future__ import annotations

import json

from regrad.analysis.location import Position, Span
from regrad.analysis.source import decode
from regrad.report.console import ASCII
from regrad.report.excerpt import Mark, excerpt


def test_the_borders_between_the_cells_of_a_notebook_are_not_shown() -> None:
    cells = [{"cell_type": "code", "source": [text], "metadata": {}, "outputs": []} for text in ("a = 1\n", "b = a\n")]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    source = decode("train.ipynb", json.dumps(document).encode())
    line = source.cells[1].first_line
    drawn = [each.plain for each in excerpt(source, [Mark(Span(Position(line, 1), Position(line, 2)))], ASCII, 80)]
    assert drawn[0].endswith("1 | b = a")
    assert not any("#" in each for each in drawn)
