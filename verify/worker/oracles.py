"""What can be wrong although gradients flow."""

from __future__ import annotations

from typing import Any

from .recorder import Recorder


def symptoms_of(recorder: Recorder, variables: list[dict[str, Any]]) -> list[str]:
    found = []
    if nothing_changed(recorder, variables):
        found.append("nothing-changed")
    return found


def nothing_changed(recorder: Recorder, variables: list[dict[str, Any]]) -> bool:
    """An optimizer exists, a step was made or a gradient taken repeatedly, and no weight is different."""
    if not recorder.optimizers or not variables:
        return False
    if recorder.stepped == 0 and not recorder.repeated_gradient():
        return False
    owned = [variable for variable in variables if not variable["name"].startswith("source ")]
    return bool(owned) and not any(variable["changed"] for variable in owned)
