"""Each request for gradients by itself: what another request of the same variable would hide."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import sys
from typing import Any

from .recorder import Recorder, Track

Call = tuple[Any, int]
"""A call in the program: the code object and the instruction, so that two calls on one line are told apart."""


def calling(recorder: Recorder) -> tuple[Call, int]:
    """The user's own call that is being carried out, and its line."""
    frame = sys._getframe(1)
    while frame is not None:
        if recorder.program.owns(frame.f_code.co_filename):
            return (frame.f_code, frame.f_lasti), frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return (None, 0), 0


def note_request(recorder: Recorder, answered: list[tuple[Track, str]]) -> None:
    """What one call of `gradient` gave each variable."""
    call, line = calling(recorder)
    recorder.request_lines[call] = line
    for track, state in answered:
        track.requests.setdefault(call, []).append(state)


def dead_requests(recorder: Recorder) -> list[tuple[int, Call]]:
    """Requests that gave none of their variables anything, of variables that receive something elsewhere.

    A request that gives some of them something is a part of a sum in many sound programs, and is not judged alone.
    """
    asked: dict[Call, list[int]] = {}
    for identity, track in recorder.tracks.items():
        for call in track.requests:
            asked.setdefault(call, []).append(identity)
    dead = []
    for call, identities in asked.items():
        tracks = [recorder.tracks[identity] for identity in identities]
        if all(state == "none" for track in tracks for state in track.requests[call]):
            dead += [(identity, call) for identity in identities if received(recorder.tracks[identity])]
    return dead


_LEFT_OVER = {"before-tape", "assigned", "variable-replaced", "not-watched"}
"""Ends of a path that a step before this one has left behind."""


def dried_up(recorder: Recorder) -> bool:
    """Whether one call gave a variable a gradient the first time and never again, as what is computed of the variable
    is left over from an earlier step.
    """
    return any(
        states[0] in ("flows", "connected") and len(states) > 1 and set(states[1:]) == {"none"}
        for cut in recorder.cuts
        for track in cut["tracks"]
        for call, states in track.requests.items()
        if cut["kind"] in _LEFT_OVER or (cut["kind"] == "never-used" and has_live_sibling(recorder, track, call))
    )


def has_live_sibling(recorder: Recorder, track: Track, call: Call) -> bool:
    """Whether another weight of the same layer still gets its gradient there: the layer is used, this weight is not
    read. Where the whole layer gets none, it may have its turn in other steps.
    """
    layer = layer_of(track)
    return layer is not None and any(
        layer_of(other) == layer and other.requests.get(call, ["none"])[-1] != "none"
        for other in recorder.tracks.values()
        if other is not track
    )


def layer_of(track: Track) -> str | None:
    """The path of the layer that owns a weight; Keras 3 alone tells it."""
    path = getattr(track.variable, "path", None)
    return path.rpartition("/")[0] if isinstance(path, str) and "/" in path else None


def received(track: Track) -> bool:
    return any(state != "none" for state, _ in (*track.asked, *track.applied))


def update_missing(recorder: Recorder, variables: list[dict[str, Any]]) -> list[str]:
    """Variables that receive gradients round after round while an optimizer waits that was never told to step."""
    if not recorder.stepped or not recorder.pending():
        return []
    return [
        item["name"]
        for identity, item in zip(recorder.reported, variables)
        if item["gradient"] == "flows"
        and item["optimizer"] is None
        and item["moved"]
        and not item["changed"]
        and identity in recorder.tracks
        and any(len(states) > 1 for states in recorder.tracks[identity].requests.values())
    ]
