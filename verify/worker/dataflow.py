"""The data flow of a trail: who made each tensor, which operations read a variable, and what stands behind them."""

from __future__ import annotations

from typing import Any

from .recorder import Recorder
from .trail import Trail

NOT_VALUES = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs", "VarIsInitializedOp",
              "VariableShape", "NoOp", "Assert"}  # fmt: skip
ASSIGNS = {
    "AssignVariableOp",
    "AssignAddVariableOp",
    "AssignSubVariableOp",
    "ResourceScatterUpdate",
    "ResourceScatterNdUpdate",
}
MOST_COMPARED = 100_000
READS = {"ReadVariableOp", "ResourceGather", "VariableV2", "VarHandleOp"}


class Graph:
    """The data flow of a trail: who made each tensor, and what each variable's tensors are."""

    def __init__(self, trail: Trail) -> None:
        self.operations = trail.operations
        self.maker: dict[int, int] = {}
        self.parents: list[list[int]] = []
        last_write: dict[int, int] = {}
        copies = Copies()
        for index, operation in enumerate(self.operations):
            handles = [id(item) for item in operation.inputs if is_resource(item)]
            parents = [self.maker[id(item)] for item in operation.inputs if id(item) in self.maker]
            if operation.kind in READS and handles and handles[0] in last_write:
                parents.append(last_write[handles[0]])
            parents += [made for item in operation.inputs if id(item) not in self.maker for made in copies.of(item)]
            if operation.kind in ASSIGNS and handles:
                last_write[handles[0]] = index
                copies.written(handles[0], operation, index)
            self.parents.append(parents if operation.kind not in NOT_VALUES else [])
            for output in operation.outputs:
                self.maker[id(output)] = index

    def children(self) -> list[list[int]]:
        """The operations that use what each one makes."""
        found: list[list[int]] = [[] for _ in self.operations]
        for index, parents in enumerate(self.parents):
            for parent in parents:
                found[parent].append(index)
        return found

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


class Copies:
    """TensorFlow's fast path reads a variable without telling: such a tensor is known by what was assigned last."""

    def __init__(self) -> None:
        self.values: dict[int, tuple[int, Any]] = {}
        self.known: dict[int, list[int]] = {}

    def written(self, handle: int, operation: Any, index: int) -> None:
        self.values.pop(handle, None)
        self.known.clear()
        if operation.kind == "AssignVariableOp" and operation.place and is_small(operation.inputs[-1]):
            self.values[handle] = (index, operation.inputs[-1])

    def of(self, item: Any) -> list[int]:
        if id(item) not in self.known:
            self.known[id(item)] = [
                index for index, value in self.values.values() if is_small(item) and same_number(item, value)
            ][-1:]
        return self.known[id(item)]


def is_small(tensor: Any) -> bool:
    """A single number is too common to be told by its value."""
    count = getattr(tensor, "_num_elements", None)
    return is_float(tensor) and count is not None and 1 < count() <= MOST_COMPARED


def same_number(one: Any, other: Any) -> bool:
    import numpy

    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    # `numpy()` is watched: what the program itself takes out of TensorFlow has to be told from this.
    return bool(numpy.array_equal(one._numpy_internal(), other._numpy_internal()))


def sides(tensor: Any) -> list[int | None] | None:
    try:
        return list(tensor.shape.as_list())
    except (TypeError, ValueError, AttributeError):
        return None


def is_resource(tensor: Any) -> bool:
    kind = getattr(tensor, "dtype", None)
    return kind is not None and getattr(kind, "name", "") == "resource"


def is_float(tensor: Any) -> bool:
    kind = getattr(tensor, "dtype", None)
    return bool(getattr(kind, "is_floating", False) or getattr(kind, "is_complex", False))


def held(raw: Any) -> Any:
    """What operations take to read a variable: its handle, or in TensorFlow 1 its tensor."""
    handle = getattr(raw, "handle", None)
    return handle if handle is not None else getattr(raw, "_variable", raw)


def readers(recorder: Recorder, graph: Graph, source: Any) -> set[int]:
    """Operations that read the source itself."""
    raw = recorder.raw(source)
    handle = getattr(raw, "handle", None)
    wanted = id(held(raw))
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


def users(graph: Graph, reading: set[int]) -> set[int]:
    """The operations that compute with what was read: a read itself stands behind nothing."""
    pure = {index for index in reading if graph.operations[index].kind in READS}
    return (reading - pure) | {
        index for index, parents in enumerate(graph.parents) if any(parent in pure for parent in parents)
    }


def below(children: list[list[int]], starts: set[int], among: set[int] | None = None) -> set[int]:
    """The operations that use what these make, and these themselves; only some of them where `among` is given."""
    found: set[int] = set()
    todo = list(starts)
    while todo:
        index = todo.pop()
        if index not in found and (among is None or index in among):
            found.add(index)
            todo += children[index]
    return found


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


def holds_data(recorder: Recorder, graph: Graph, tensor: Any) -> bool:
    """Whether it is computed from anything but variables and single numbers."""
    if id(tensor) not in graph.maker:
        return is_data(recorder, tensor)
    for index in graph.ancestors([tensor], past_writes=False):
        operation = graph.operations[index]
        if operation.kind in READS or operation.kind in ASSIGNS:
            continue
        if "Gather" in operation.kind or operation.kind in ("IteratorGetNext", "OptionalGetValue"):
            return True
        if not any(is_float(item) or is_resource(item) for item in operation.inputs):
            # Drawn, constant, fed, or made of whole numbers.
            if any(is_float(item) and sides(item) for item in operation.outputs):
                return True
        elif any(id(item) not in graph.maker and is_data(recorder, item) for item in operation.inputs):
            return True
    return False


def is_data(recorder: Recorder, tensor: Any) -> bool:
    if not is_float(tensor) or not sides(tensor):
        return False
    return not any(
        track.raw is not None
        and same_shape(tensor, track.raw)
        and same_value(recorder, tensor, recorder.value(track.raw))
        for track in recorder.tracks.values()
    )
