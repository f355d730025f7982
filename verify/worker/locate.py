"""Finds where the path from the loss back to a variable ends, from the trail of operations."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

from typing import Any

from .recorder import Recorder, Track
from .trail import Operation, Trail, span_of

NOT_VALUES = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs", "VarIsInitializedOp",
              "VariableShape", "NoOp", "Assert"}  # fmt: skip
ASSIGNS = {
    "AssignVariableOp",
    "AssignAddVariableOp",
    "AssignSubVariableOp",
    "ResourceScatterUpdate",
    "ResourceScatterNdUpdate",
}
READS = {"ReadVariableOp", "ResourceGather", "VariableV2", "VarHandleOp"}
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
MOST_TENSORS = 3000
CONSTANTS = {"OneHot", "Const", "Fill"}


class Graph:
    """The data flow of a trail: who made each tensor, and what each variable's tensors are."""

    def __init__(self, trail: Trail) -> None:
        self.operations = trail.operations
        self.maker: dict[int, int] = {}
        self.parents: list[list[int]] = []
        last_write: dict[int, int] = {}
        for index, operation in enumerate(self.operations):
            handles = [id(item) for item in operation.inputs if is_resource(item)]
            parents = [self.maker[id(item)] for item in operation.inputs if id(item) in self.maker]
            if operation.kind in READS and handles and handles[0] in last_write:
                parents.append(last_write[handles[0]])
            if operation.kind in ASSIGNS and handles:
                last_write[handles[0]] = index
            self.parents.append(parents if operation.kind not in NOT_VALUES else [])
            for output in operation.outputs:
                self.maker[id(output)] = index

    def ancestors(self, tensors: list[Any], past_writes: bool = True) -> set[int]:
        found: set[int] = set()
        todo = [self.maker[id(tensor)] for tensor in tensors if id(tensor) in self.maker]
        while todo:
            index = todo.pop()
            if index not in found:
                found.add(index)
                if past_writes or self.operations[index].kind not in ASSIGNS:
                    todo += self.parents[index]
        return found


def is_resource(tensor: Any) -> bool:
    kind = getattr(tensor, "dtype", None)
    return kind is not None and getattr(kind, "name", "") == "resource"


def is_float(tensor: Any) -> bool:
    kind = getattr(tensor, "dtype", None)
    return bool(getattr(kind, "is_floating", False) or getattr(kind, "is_complex", False))


def locate(
    recorder: Recorder, trail: Trail, tape: Any, target: Any, lost: list[tuple[Any, Track]], site_span: Any
) -> list[dict[str, Any]]:
    """The cuts behind the sources that got None, nearest to the source first; variables with the same cut share one."""
    graph = Graph(trail)
    targets = [leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]
    above = graph.ancestors(targets)
    cuts: dict[tuple[Any, str], tuple[str, list[Track]]] = {}
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
        cuts.setdefault((span_of(frame), kind), (operation, []))[1].append(track)
    return [
        {"kind": kind, "place": place, "operation": operation, "tracks": tracks}
        for (place, kind), (operation, tracks) in cuts.items()
    ]


def draws_random_numbers(recorder: Recorder, trail: Trail, target: Any) -> bool:
    """Whether the forward pass itself draws (dropout, a sampled latent): then one draw more or less is another loss.

    Data that was drawn before any variable was read, and initial values of variables, do not count.
    """
    first_read = next(
        (index for index, operation in enumerate(trail.operations) if operation.kind == "ReadVariableOp"), None
    )
    if first_read is None:
        return False
    graph = Graph(trail)
    targets = [leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]
    return any(
        index > first_read
        and ("Random" in graph.operations[index].kind or graph.operations[index].kind == "Multinomial")
        for index in graph.ancestors(targets, past_writes=False)
    )


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


def readers(recorder: Recorder, graph: Graph, source: Any) -> set[int]:
    """Operations that read the source itself."""
    raw = recorder.raw(source)
    handle = getattr(raw, "handle", None)
    wanted = id(handle) if handle is not None else id(raw)
    found = set()
    loose: list[tuple[int, Any]] = []
    for index, operation in enumerate(graph.operations):
        for item in operation.inputs:
            if id(item) == wanted:
                if (
                    operation.kind not in ASSIGNS
                    and operation.kind not in NOT_VALUES
                    and operation.kind != "DestroyResourceOp"
                ):
                    found.add(index)
            elif (
                handle is not None
                and operation.kind not in ASSIGNS
                and id(item) not in graph.maker
                and same_shape(item, raw)
            ):
                # TensorFlow's fast path reads a variable without telling: such a tensor has no maker, only the value.
                loose.append((index, item))
    # A single number is too common to be told by its value, unless nothing else was seen to read the variable.
    if loose and (not found or int(getattr(raw.shape, "num_elements", lambda: 2)() or 2) > 1):
        value = recorder.value(raw)
        found |= {index for index, item in loose if same_value(recorder, item, value)}
    return found


def same_shape(item: Any, raw: Any) -> bool:
    try:
        return bool(item.dtype == raw.dtype and item.shape == raw.shape and hasattr(item, "_numpy_internal"))
    except (AttributeError, TypeError, ValueError):
        return False


def same_value(recorder: Recorder, item: Any, value: Any) -> bool:
    import numpy

    recorder.paused += 1
    try:
        return value is not None and bool(numpy.array_equal(item.numpy(), value))
    except Exception:
        return False
    finally:
        recorder.paused -= 1


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
                if operation.kind in ("Sub", "AddV2", "Add", "AssignSubVariableOp")
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
            ends.append((1 if operation.kind in SIDE or operation.kind in CONSTANTS else 0, index, end))
    if ends:
        _, index, kind = min(ends)
        if graph.operations[index].kind in READS:
            index = next(
                (later for later in sorted(reached) if later in above and index in graph.parents[later]), index
            )
        return kind, graph.operations[index].place, graph.operations[index].kind
    return exit_from(trail, graph, reached, targets) or discarded(graph, alive, above)


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
        if operation.kind == "Cast" or operation.kind not in SIDE:
            return "non-differentiable"
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


# -- values -----------------------------------------------------------------------------------------------------------


def locate_values(
    recorder: Recorder, trail: Trail, c_tape: Any, target: Any, spoiled: list[Track], wanted: str
) -> list[dict[str, Any]]:
    """Where a finite gradient becomes NaN or infinite (`non-finite`), or a flowing one exactly zero (`zero-slope`)."""
    import numpy
    from tensorflow.python.eager import imperative_grad

    graph = Graph(trail)
    targets = [leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]
    above = sorted(graph.ancestors(targets))
    if wanted == "non-finite":
        for index in above:
            operation = graph.operations[index]
            if spoils(operation.outputs) and not spoils(operation.inputs) and operation.place:
                return [
                    {
                        "kind": wanted,
                        "place": span_of(operation.place[-1]),
                        "operation": operation.kind,
                        "tracks": spoiled,
                    }
                ]
    tensors: dict[int, Any] = {}
    for index in above:
        operation = graph.operations[index]
        for item in (*operation.inputs, *operation.outputs):
            if is_float(item) and len(tensors) < MOST_TENSORS:
                tensors[id(item)] = item
    order = list(tensors)
    gradients = imperative_grad.imperative_grad(c_tape, targets, [tensors[key] for key in order])
    seen: dict[int, str] = {}
    for key, gradient in zip(order, gradients):
        array = None if gradient is None else numpy.asarray(getattr(gradient, "values", gradient).numpy())
        if array is not None:
            seen[key] = (
                "non-finite" if not numpy.all(numpy.isfinite(array)) else "zero" if not numpy.any(array) else "flows"
            )
    bad = "non-finite" if wanted == "non-finite" else "zero"
    for index in reversed(above):
        operation = graph.operations[index]
        outputs = {seen[id(item)] for item in operation.outputs if id(item) in seen}
        inputs = {seen[id(item)] for item in operation.inputs if id(item) in seen}
        if operation.place and outputs == {"flows"} and bad in inputs and (bad == "non-finite" or inputs == {"zero"}):
            return [
                {"kind": wanted, "place": span_of(operation.place[-1]), "operation": operation.kind, "tracks": spoiled}
            ]
    return []


def spoils(tensors: Any) -> bool:
    import numpy

    for tensor in tensors:
        if (
            is_float(tensor)
            and hasattr(tensor, "numpy")
            and not numpy.all(numpy.isfinite(numpy.asarray(tensor.numpy())))
        ):
            return True
    return False


# -- compat.v1 graphs -------------------------------------------------------------------------------------------------


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
