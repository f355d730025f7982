"""Each request for gradients by itself: what another request of the same variable would hide, and who was left out."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import sys
from typing import Any

from .locate import READS, Graph, readers
from .recorder import Recorder, Track

Call = tuple[Any, int]
"""A call in the program: the code object and the instruction, so that two calls on one line are told apart."""
MOST_PROBED = 200
"""Variables beyond the sources whose path to the loss is looked for with a backward pass of our own."""


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


def received(track: Track) -> bool:
    return any(state != "none" for state, _ in (*track.asked, *track.applied))


def probe_unasked(recorder: Recorder, tape: Any, c_tape: Any, target: Any, sources: Any) -> None:
    """Finds out which variables the loss depends on although no gradient is asked for them."""
    if c_tape is None or recorder.mode != "eager":
        return
    from tensorflow.python.eager import imperative_grad

    nest = recorder.tf.nest
    given = {id(recorder.raw(source)) for source in nest.flatten(sources)}
    unasked = [
        variable
        for variable in tape.watched_variables()
        if id(recorder.raw(variable)) not in given and id(recorder.raw(variable)) not in recorder.reached
    ][:MOST_PROBED]
    targets = [leaf for leaf in nest.flatten(target) if hasattr(leaf, "dtype")]
    asked = [source for source in nest.flatten(sources) if recorder.is_variable(source)]
    if not unasked or not targets or not asked:
        return
    recorder.paused += 1
    try:
        handles = [recorder.raw(variable).handle for variable in unasked]
        for variable, gradient in zip(unasked, imperative_grad.imperative_grad(c_tape, targets, handles)):
            if gradient is None or recorder.measure(gradient)[0] != "flows":
                continue
            if recorder.trail is None or recorder.trail.lost or judges(recorder, recorder.trail, variable, asked):
                continue
            recorder.reached[id(recorder.raw(variable))] = recorder.site()
    except Exception:  # a private interface: without it nothing is said of variables left out
        return
    finally:
        recorder.paused -= 1


def judges(recorder: Recorder, trail: Any, variable: Any, asked: list[Any]) -> bool:
    """Whether the variable works on what every trained one has made: a critic, a network that the loss is made of.

    Such a one is trained elsewhere, or never; what is left out by mistake stands before, beside or between the others.
    """
    graph = Graph(trail)
    reading = readers(recorder, graph, variable)
    above = set().union(*(graph.ancestors(list(graph.operations[index].inputs)) for index in users(graph, reading)))
    return all(readers(recorder, graph, source) & above for source in asked)


def users(graph: Graph, reading: set[int]) -> set[int]:
    """The operations that compute with what was read: a read itself stands behind nothing."""
    pure = {index for index in reading if graph.operations[index].kind in READS}
    return (reading - pure) | {
        index for index, parents in enumerate(graph.parents) if any(parent in pure for parent in parents)
    }


def left_out(recorder: Recorder, variables: list[dict[str, Any]]) -> list[str]:
    """Matrices that the loss depends on and that nothing trains: never asked for, never written, freshly made.

    Vectors and numbers are left aside (a weight of a loss that is raised by hand is one), and so is what was loaded,
    trained or copied before.
    """
    if not recorder.stepped or recorder.pending() or "restored" in recorder.notes:
        return []
    if any(item.endswith("instead of pretrained ones") for item in recorder.supplied):
        return []
    return [
        item["name"]
        for identity, item in zip(recorder.reported, variables)
        if identity in recorder.reached
        and item["gradient"] == "not-asked"
        and item["trainable"]
        and not item["changed"]
        and len(item["shape"]) >= 2
        and identity not in recorder.touched
    ]


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
