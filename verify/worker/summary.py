"""Turns what was recorded into the report of one run."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import os
from typing import Any

from .holders import weights_of
from .recorder import Recorder, Track, plain_name
from .requests import dead_requests
from .unasked import note_unasked
from .values import careful

LONGEST = 2000
"""Characters of an exception's text."""
TINY = 1e-12
"""Relative to the largest gradient of the run: below this a gradient is a rounding residue of zero."""


def summarise(recorder: Recorder, outcome: str) -> dict[str, Any]:
    recorder.paused += 1
    if outcome == "raised":
        careful(lambda: note_unasked(recorder))
    owners, trainable = ownership(recorder)
    for track in list(recorder.tracks.values()):
        if track.raw is not None and track.values is None:
            track.values = (track.first, recorder.value(track.raw))
    names = name_variables(recorder)
    largest = max((norm or 0.0 for t in recorder.tracks.values() for _, norm in [*t.asked, *t.applied]), default=0.0)
    variables = []
    for identity, track in recorder.tracks.items():
        if track.raw is None and track.label is None:
            continue
        if not wanted(recorder, track, identity, owners):
            continue
        status, norm = judged(track, largest, outcome, recorder.interrupted)
        recorder.reported.append(identity)
        is_trainable = trainable.get(identity, bool(getattr(track.variable, "trainable", True)))
        variables.append(
            {
                "name": names[identity],
                "shape": shape_of(track),
                "gradient": status,
                "norm": norm,
                "changed": changed(track),
                "moved": track.values is not None and track.values[0] is not None,
                "trainable": is_trainable,
                "model": owners.get(identity),
                "optimizer": track.optimizer,
                "surplus": status == "none" and identity in recorder.left_aside,
            }
        )
    rows = dict(zip(recorder.reported, variables))
    for identity, call in dead_requests(recorder):
        if identity in rows and rows[identity]["gradient"] != "none":
            name = f"{names[identity]} (line {recorder.request_lines[call]})"
            variables.append({**rows[identity], "name": name, "gradient": "none", "norm": None})
    symptoms: list[str] = []
    message: dict[str, Any] = {
        "outcome": outcome,
        "loss": recorder.loss,
        "variables": variables,
        "cuts": [cut_record(recorder, cut, names) for cut in recorder.cuts],
        "supplied": recorder.supplied,
        "own_data": recorder.own_data,
        "random": recorder.random,
        "terms": recorder.terms,
        "sensitive": sorted(recorder.notes),
    }
    if outcome == "stepped":
        from .oracles import symptoms_of

        symptoms = symptoms_of(recorder, variables)
    message["symptoms"] = symptoms
    if recorder.escaped is not None and outcome != "raised":
        message["swallowed"] = f"{type(recorder.escaped).__name__}: {recorder.escaped}"[:LONGEST]
    from .places import places_of

    try:
        message["places"] = places_of(recorder, variables, symptoms, recorder.raised)
    except Exception as error:
        recorder.warnings.append(f"no places: {type(error).__name__}: {error}")
    return message


def wanted(recorder: Recorder, track: Track, identity: int, owners: dict[int, str]) -> bool:
    if track.asked or track.applied:
        return True
    return (identity in owners or identity in recorder.on_the_way) and is_float(track)


def is_float(track: Track) -> bool:
    try:
        return bool(track.raw.dtype.is_floating or track.raw.dtype.is_complex)
    except AttributeError:
        return True


def ownership(recorder: Recorder) -> tuple[dict[int, str], dict[int, bool]]:
    """Which model each variable belongs to (the innermost), and whether any model counts it as trainable."""
    owners: dict[int, tuple[int, str]] = {}
    trainable: dict[int, bool] = {}
    for model in recorder.models():
        weights = weights_of(model)
        name = str(getattr(model, "name", type(model).__name__))
        for variable in weights:
            identity = id(recorder.raw(variable))
            recorder.track(variable)
            if identity not in owners or len(weights) < owners[identity][0]:
                owners[identity] = (len(weights), name)
            trainable.setdefault(identity, False)
        for attribute in ("trainable_weights", "trainable_variables"):
            try:
                for variable in getattr(model, attribute):
                    trainable[id(recorder.raw(variable))] = True
                break
            except Exception:
                continue
    return {identity: name for identity, (_, name) in owners.items()}, trainable


def name_variables(recorder: Recorder) -> dict[int, str]:
    """Keras paths; else the variable's own name; else the name under which the program holds it."""
    import sys

    held: dict[int, str] = {}
    for name, value in list(vars(sys.modules["__main__"]).items()):
        if recorder.is_variable(value):
            held.setdefault(id(recorder.raw(value)), name)
    names: dict[int, str] = {}
    taken: set[str] = set()
    for identity, track in recorder.tracks.items():
        if track.label is not None:
            name = track.label
        else:
            path = getattr(track.variable, "path", None)
            name = path if isinstance(path, str) else plain_name(str(getattr(track.raw, "name", "variable")))
            if name.split("_")[0] == "Variable" and identity in held:
                name = held[identity]
        unique = name
        count = 1
        while unique in taken:
            unique = f"{name}_{count}"
            count += 1
        taken.add(unique)
        names[identity] = unique
    return names


def judged(track: Track, largest: float, outcome: str, interrupted: bool) -> tuple[str, float | None]:
    """One status for all that was seen: what was applied counts, else what the tape gave."""
    seen = track.applied or track.asked
    if not seen:
        return "not-asked", None
    states = [state for state, _ in seen]
    norms = [norm for _, norm in seen if norm is not None]
    if "non-finite" in states or any(state == "non-finite" for state, _ in track.asked):
        return "non-finite", None
    norm = max(norms) if norms else None
    if track.applied and track.asked and all(state == "none" for state, _ in track.asked):
        # Whatever the program put in the place of a missing gradient (zeros, ones) does not come from the loss.
        return "none", None
    if "connected" in states and norm is None:
        # Traced, not computed here: whether the weights moved tells flowing from zero.
        first, last = track.values if track.values is not None else (None, None)
        if first is None or last is None or outcome == "raised" or interrupted:
            return "flows", None
        import numpy

        if not numpy.all(numpy.isfinite(last)) and numpy.all(numpy.isfinite(first)):
            return "non-finite", None
        return ("flows" if not numpy.array_equal(first, last) else "zero"), None
    if norm is not None:
        return ("zero", 0.0) if norm <= TINY * largest or norm == 0.0 else ("flows", norm)
    return ("flows", None) if "flows" in states else ("none", None)


def changed(track: Track) -> bool:
    """Whether the weights moved by more than a rounding residue that Adam has blown up."""
    import numpy

    if track.values is None or track.values[0] is None or track.values[1] is None:
        return False
    first, last = track.values
    if first.shape != last.shape:
        return True
    if first.dtype.kind not in "fc":
        return not bool(numpy.array_equal(first, last))
    if not numpy.all(numpy.isfinite(last)):
        return True
    return bool(numpy.any(first != last))


def shape_of(track: Track) -> list[int]:
    shape = getattr(track.raw if track.raw is not None else track.variable, "shape", ())
    try:
        return [int(side) if side is not None else -1 for side in shape]
    except (TypeError, ValueError):
        return []


def cut_record(recorder: Recorder, cut: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    """Columns count characters and start at 1, as everywhere in regrad; Python counts bytes from 0."""
    path, line, column, end_line, end_column = cut["place"]
    path = os.path.abspath(path)
    lines = recorder.program.lines(path)
    of_track = {id(track): names[identity] for identity, track in recorder.tracks.items() if identity in names}
    return {
        "kind": cut["kind"],
        "path": path,
        "line": line,
        "column": character(lines, line, column, 0),
        "end_line": end_line,
        "end_column": character(lines, end_line, end_column, -1),
        "operation": cut["operation"],
        "variables": [of_track[id(track)] for track in cut["tracks"] if id(track) in of_track],
    }


def character(lines: list[str], line: int, column: int, unknown: int) -> int:
    text = lines[line - 1].rstrip("\r\n") if 0 < line <= len(lines) else ""
    if column < 0:
        return 1 + len(text) - len(text.lstrip()) if unknown == 0 else 1 + len(text)
    return 1 + len(text.encode("utf-8")[:column].decode("utf-8", "ignore"))
