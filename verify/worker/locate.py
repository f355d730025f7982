"""Finds where the path from the loss back to a variable ends, from the trail of operations."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

from typing import Any

from .dataflow import ASSIGNS, READS, Graph, below, is_float, is_resource, readers
from .recorder import Recorder, Track
from .trail import Operation, Trail, span_of

NO_GRADIENT = {
    "Floor",
    "Ceil",
    "Round",
    "Rint",
    "FloorDiv",
    "TruncateDiv",
    "HistogramFixedWidth",
    "Bucketize",
    "ArgMax",
    "ArgMin",
}
LEAVES = {"EagerPyFunc", "PyFunc", "PyFuncStateless"}
SIDE = {"Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "IsNan", "IsFinite", "IsInf"}
CONSTANTS = {"OneHot", "Const", "Fill"}


def locate(
    recorder: Recorder, trail: Trail, tape: Any, target: Any, lost: list[tuple[Any, Track]], site_span: Any
) -> list[dict[str, Any]]:
    """The cuts behind the sources that got None, nearest to the source first; variables with the same cut share one."""
    graph = Graph(trail)
    targets = [leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]
    above = graph.ancestors(targets)
    cuts: dict[tuple[Any, str], tuple[str, list[Track]]] = {}
    asides: dict[Any, Any] = {}
    entered = trail.entered_at.get(id(tape)) or ()
    for source, track in lost:
        cut = cut_for(recorder, trail, graph, above, tape, source, targets) or (
            "never-used",
            site_span,
            "GradientTape.gradient",
        )
        kind, stack, operation = cut
        if not stack:
            continue
        outside = kind in ("before-tape", "after-tape", "tape-paused", "never-made")
        frame = where_they_part(stack, entered) if outside else stack[-1]
        kind = "never-used" if kind == "never-made" else kind
        if kind == "gradient-stopped" and (span_of(frame), kind) not in cuts:
            asides[span_of(frame)] = used_nowhere(recorder, graph, source, above)
        cuts.setdefault((span_of(frame), kind), (operation, []))[1].append(track)
    return [
        {"kind": kind, "place": place, "operation": operation, "tracks": tracks, "aside": asides.get(place)}
        for (place, kind), (operation, tracks) in cuts.items()
    ]


def used_nowhere(recorder: Recorder, graph: Graph, source: Any, above: set[int]) -> Any:
    """Where something else is computed from the source, to its end, and left aside: a term that the loss lacks."""
    children = graph.children()
    ends = [
        index
        for index in below(children, readers(recorder, graph, source)) - above
        if index < max(above, default=0)
        and not children[index]
        and graph.operations[index].place
        and any(map(is_float, graph.operations[index].outputs))
    ]
    return span_of(graph.operations[max(ends)].place[-1]) if ends else None


def where_they_part(stack: Any, entered: Any) -> Any:
    """The line in the function that leads to the operation and to the tape: there the one can move into the other."""
    common = stack[0]
    depth = 0
    for own, tape in zip(stack, entered):
        if own[0] is not tape[0]:
            break
        common = own
        depth += 1
    # What `__init__` or `build` computed once cannot move as a call; the computation itself has to.
    return stack[-1] if any(frame[0].co_name in ("__init__", "build") for frame in stack[depth:]) else common


def cut_for(
    recorder: Recorder, trail: Trail, graph: Graph, above: set[int], tape: Any, source: Any, targets: list[Any]
) -> tuple[str, Any, str] | None:
    raw = recorder.raw(source)
    if recorder.is_variable(source):
        if hasattr(raw, "dtype") and not is_float(raw):
            return at_reader(recorder, graph, source, above, "integer")
        watches = getattr(tape, "_watch_accessed_variables", True)
        if id(source) not in trail.watched.get(id(tape), ()) and (not getattr(raw, "trainable", True) or not watches):
            kind = "not-watched" if getattr(raw, "trainable", True) else "not-trainable"
            found = at_reader(recorder, graph, source, above, kind)
            if found is not None and found[1] is not None:
                return found
    else:
        if hasattr(source, "dtype") and not is_float(source):
            made = graph.maker.get(id(source))
            return ("integer", graph.operations[made].place, graph.operations[made].kind) if made is not None else None
        made = graph.maker.get(id(source))
        if made is not None and id(source) not in trail.watched.get(id(tape), ()) and not recorded(trail, tape, made):
            operation = graph.operations[made]
            kind = (
                "variable-replaced"
                if operation.kind in ("Sub", "AddV2", "Add", "AssignSubVariableOp") and of_variables(graph, source)
                else "not-watched"
            )
            return kind, operation.place, operation.kind
    start = readers(recorder, graph, source)
    if not start:
        made = graph.maker.get(id(source))
        return None if made is None else ("never-made", graph.operations[made].place, graph.operations[made].kind)
    alive: set[int] = set()
    reached: set[int] = set()
    ends: list[tuple[int, int, str]] = []
    for index, operation in enumerate(graph.operations):
        from_alive = index in start or any(parent in alive for parent in graph.parents[index])
        if not from_alive and not any(parent in reached for parent in graph.parents[index]):
            continue
        reached.add(index)
        if not from_alive:
            continue
        end = end_of_path(trail, tape, index, operation)
        if end is None:
            alive.add(index)
        elif index in above:
            # Functions of the library stop gradients as well (`tf.nn.moments`), and what stops them means to.
            aside = operation.kind in SIDE or operation.kind in CONSTANTS or end == "gradient-stopped"
            ends.append((int(aside), index, end))
    if ends:
        _, index, kind = min(ends)
        trail.other_ends += [graph.operations[other].place for _, other, _ in sorted(ends)[1:4]]
        if graph.operations[index].kind in READS:
            index = next(
                (later for later in sorted(reached) if later in above and index in graph.parents[later]), index
            )
        return kind, graph.operations[index].place, graph.operations[index].kind
    return exit_from(trail, graph, reached, targets) or discarded(graph, alive, above)


def of_variables(graph: Graph, source: Any) -> bool:
    return any(graph.operations[index].kind in READS for index in graph.ancestors([source]))


def at_reader(recorder: Recorder, graph: Graph, source: Any, above: set[int], kind: str) -> tuple[str, Any, str] | None:
    found = sorted(index for index in readers(recorder, graph, source) if index in above)
    if not found:
        return None
    operation = graph.operations[found[0]]
    return kind, operation.place, operation.kind


def recorded(trail: Trail, tape: Any, index: int) -> bool:
    return any(start <= index and (end < 0 or index < end) for start, end in trail.intervals.get(id(tape), ()))


def end_of_path(trail: Trail, tape: Any, index: int, operation: Operation) -> str | None:
    """Why no gradient passes this operation, or None if one does."""
    if operation.kind in ASSIGNS:
        return "assigned"
    intervals = trail.intervals.get(id(tape), [])
    if intervals and not recorded(trail, tape, index):
        if index < intervals[0][0]:
            return "before-tape"
        return "after-tape" if 0 <= intervals[-1][1] <= index else "tape-paused"
    if operation.kind in ("StopGradient", "PreventGradient"):
        return "gradient-stopped"
    if operation.kind in LEAVES:
        return "left-tensorflow" if operation.kind != "EagerPyFunc" else None
    if operation.kind in NO_GRADIENT:
        return "non-differentiable"
    if operation.outputs and not any(is_float(output) or is_resource(output) for output in operation.outputs):
        return "non-differentiable"
    if operation.kind not in READS and not has_gradient(operation.kind):
        return "no-registered-gradient"
    return None


def has_gradient(kind: str) -> bool:
    from tensorflow.python.framework import ops

    registry = getattr(ops, "gradient_registry", None) or getattr(ops, "_gradient_registry", None)
    if registry is None:
        return True
    try:
        return registry.lookup(kind) is not None
    except LookupError:
        return False


def exit_from(trail: Trail, graph: Graph, reached: set[int], targets: list[Any]) -> tuple[str, Any, str] | None:
    """The last place before the loss at which a tensor that depends on the source became a NumPy or Python value."""
    made = [graph.maker[id(target)] for target in targets if id(target) in graph.maker]
    limit = max(made) if made else len(graph.operations)
    names = {"__array__": "numpy", "__float__": "float", "__int__": "int", "__index__": "int", "__bool__": "bool"}
    for index, tensor, place, how in reversed(trail.exits):
        if index <= limit and graph.maker.get(id(tensor)) in reached and how != "__bool__":
            return "left-tensorflow", place, names.get(how, how)
    return None


def discarded(graph: Graph, alive: set[int], above: set[int]) -> tuple[str, Any, str] | None:
    """The last thing that was computed from the source and that nothing uses."""
    loose = [index for index in alive if index not in above and graph.operations[index].place]
    if not loose:
        return None
    operation = graph.operations[max(loose)]
    return "never-used", operation.place, operation.kind
