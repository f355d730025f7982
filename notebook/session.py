"""The cells of a running notebook, in the order in which they ran last, as the one program that they make."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

PATH = "notebook.ipynb"
"""What the program is called. There need be no such file; modules that it imports are looked for beside it."""


@dataclass(frozen=True, slots=True)
class RanCell:
    """A cell as it was sent to the kernel."""

    source: str
    label: str
    """What the reader finds it by: `In [3]`."""
    key: str | None = None
    """The front end's name for the cell, which stays when the cell is edited; not every front end gives one."""


@dataclass
class RanCells:
    """All cells that ran. A cell that runs again takes its new place, as its names take their new values."""

    cells: list[RanCell] = field(default_factory=list)

    def add(self, cell: RanCell) -> None:
        self.cells = [*(each for each in self.cells if not _is_same(each, cell)), cell]

    def drop(self, cell: RanCell) -> None:
        self.cells = [each for each in self.cells if each is not cell]


def _is_same(one: RanCell, other: RanCell) -> bool:
    if one.key is not None and other.key is not None:
        return one.key == other.key
    return one.source == other.source


def content(cells: list[RanCell]) -> bytes:
    """The cells as the bytes of a notebook."""
    written: list[dict[str, object]] = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": cell.source}
        for cell in cells
    ]
    document = {"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def sources(notebook: bytes) -> list[str]:
    """The cells of such a notebook."""
    return ["".join(cell["source"]) for cell in json.loads(notebook.decode("utf-8", "surrogatepass"))["cells"]]
