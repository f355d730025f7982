"""The table of docs/honesty.md, from the results of bench/abuse/sabotage.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .sabotage import SABOTAGES

BEGIN, END = "<!-- sabotages: written by bench/abuse/sabotage.py -->", "<!-- end of sabotages -->"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """For each rule what became of each way to spoil its rewrite."""
    cells = {(row["rule"], row["sabotage"]): _cell(row) for row in rows}
    tried = [each.name for each in SABOTAGES if any(row["sabotage"] == each.name for row in rows)]
    lines = ["| rule | " + " | ".join(tried) + " |", "|---" * (1 + len(tried)) + "|"]
    for rule in sorted({row["rule"] for row in rows}):
        lines.append(f"| {rule} | " + " | ".join(cells.get((rule, name), "") for name in tried) + " |")
    return "\n".join(lines)


def with_table(page: str, rows: Sequence[Mapping[str, Any]]) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(rows)}\n{END}{after}"


def _cell(row: Mapping[str, Any]) -> str:
    if row["lie"]:
        return "**called mended**"
    if row["mended otherwise"]:
        return "mended otherwise"
    return f"{row['verdict']}, kept" if row["written"] else str(row["verdict"])
