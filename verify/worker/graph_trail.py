"""The graphs of `compat.v1` as trails of operations, so that cuts are found in them as in what runs eagerly."""

from __future__ import annotations

from typing import Any

from .dataflow import Graph
from .locate import cut_for
from .recorder import Recorder, Track
from .trail import Operation, span_of


class GraphTrail:
    """A `tf.Graph` in the clothes of a trail: everything in it belongs to one tape that is always on."""

    def __init__(self, recorder: Recorder, graph: Any) -> None:
        self.operations = []
        for operation in graph.get_operations():
            frames = [
                (frame.filename, frame.lineno)
                for frame in operation.traceback or ()
                if recorder.program.owns(frame.filename)
            ]
            self.operations.append(
                Operation(operation.type, tuple(operation.inputs), tuple(operation.outputs), tuple(frames))
            )
        self.intervals: dict[int, Any] = {}
        self.watched: dict[int, Any] = {}
        self.exits: list[Any] = []
        self.other_ends: list[Any] = []


def locate_in_graph(recorder: Recorder, loss: Any, lost: list[tuple[Any, Track]]) -> list[dict[str, Any]]:
    trail: Any = GraphTrail(recorder, loss.graph)
    graph = Graph(trail)
    above = graph.ancestors([loss])
    cuts: dict[tuple[Any, str], tuple[str, list[Track]]] = {}
    for source, track in lost:
        found = cut_for(recorder, trail, graph, above, None, source, [loss])
        if found is not None and found[1]:
            kind, stack, operation = found
            cuts.setdefault((span_of(stack[-1]), kind), (operation, []))[1].append(track)
    return [
        {"kind": kind, "place": place, "operation": operation, "tracks": tracks}
        for (place, kind), (operation, tracks) in cuts.items()
    ]
