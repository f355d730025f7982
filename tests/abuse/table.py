"""The table of attacks in docs/security.md, from the results of bench/abuse/hostile.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .attacks import ATTACKS, Attack

BEGIN, END = "<!-- attacks: written by bench/abuse/hostile.py -->", "<!-- end of attacks -->"


def table(results: Mapping[str, Any]) -> str:
    """Every attack, what it came to at each level, and why where it is not survived."""
    trials = results["trials"]
    lines = ["| attack | with `require` | with `off` |", "|---|---|---|"]
    for attack in ATTACKS:
        strict, free = (_cell(attack, trials[level][attack.name]) for level in ("require", "off"))
        lines.append(f"| {attack.what} | {strict} | {free} |")
    return "\n".join(lines)


def with_table(page: str, results: Mapping[str, Any]) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"


def _cell(attack: Attack, trial: Mapping[str, Any]) -> str:
    if not trial["harm"]:
        return f"survived: {WORDS.get(trial['outcome'], trial['outcome'])}"
    return f"**not survived**: {'; '.join(trial['harm'])}" + (f" ({attack.why})" if attack.why else "")


WORDS = {
    "crashed": "reported as a crash",
    "timeout": "ended in time",
    "no-step": "no training step",
    "raised": "its own exception is reported",
    "stepped": "judged by its gradients",
    "unavailable": "not verifiable",
}
