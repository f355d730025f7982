"""Numbers per sample that were stretched to a matrix, `(n,)` with `(n, 1)`, for a loss that wants no pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

from .dataflow import Graph, sides

DIFFERENCES = {"Sub", "SquaredDifference"}
SUMS = {"Add", "AddV2"}
PRODUCTS = {"Mul", "RealDiv", "DivNoNan"}
STRAIGHT = DIFFERENCES - {"SquaredDifference"} | SUMS | PRODUCTS | {"Neg", "Identity", "Cast", "StopGradient", "AddN"}
FULL_SUMS = {"Mean", "Sum"}
NUMBER_BY_NUMBER = STRAIGHT | {
    "SquaredDifference", "Abs", "Square", "Sqrt", "Rsqrt", "Exp", "Expm1", "Log", "Log1p", "Sigmoid", "Tanh",
    "Softplus", "Softsign", "Relu", "Relu6", "Elu", "Selu", "LeakyRelu", "Maximum", "Minimum", "Pow", "Select",
    "SelectV2", "Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual", "LogicalAnd", "LogicalOr",
    "LogicalNot", "Sign", "Erf", "Reciprocal", "Inv", "Sin", "Cos", "Xlogy", "Xdivy", "MulNoNan", "ClipByValue",
    "Lgamma", "Cosh", "Sinh", "ZerosLike", "OnesLike", "CheckNumerics", "PreventGradient", "IsNan", "IsFinite",
}  # fmt: skip
ALONG_AN_AXIS = {
    "Softmax", "LogSoftmax", "Max", "Min", "Prod", "ArgMax", "ArgMin", "Cumsum", "Cumprod", "MatMul", "BatchMatMul",
    "BatchMatMulV2", "BatchMatMulV3", "Einsum", "Transpose", "TopKV2", "StridedSlice", "Pack", "ConcatV2", "All", "Any",
    "SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits", "L2Loss", "ReverseV2", "Svd",
    "MatrixInverse",
}  # fmt: skip
TURNED = {"Transpose", "ExpandDims", "Reshape", "Squeeze"}
KEPT = {"Identity", "Cast", "StopGradient"}
DEEPEST = 24


class Fate(NamedTuple):
    """What a matrix becomes: `meant` says that rows or columns are looked at, `straight` that only sums are made, and
    `known` that it is clear what is; `partners` are the values per sample that it meets.
    """

    meant: bool
    straight: bool
    known: bool
    partners: list[Any]


class Region(NamedTuple):
    """What is computed from a matrix number by number, the sums along one axis that follow, and the rest in brief."""

    inside: set[int]
    ends: set[int]
    meant: bool
    straight: bool
    known: bool


def stretched(graph: Graph, above: set[int], reading: set[int]) -> int | None:
    """The operation that meets every sample's number with those of all others, where one of the two is a prediction."""
    children: list[list[int]] | None = None
    for index in sorted(above):
        operation = graph.operations[index]
        if operation.kind not in DIFFERENCES | SUMS | PRODUCTS or not flat_and_column(operation.inputs):
            continue
        children = children if children is not None else graph.children()
        if roots_of(graph, operation.inputs)[0] == roots_of(graph, operation.inputs)[1]:
            continue
        depends = [bool(reading & graph.ancestors([item], past_writes=False)) for item in operation.inputs]
        fate = fate_of(graph, above, children, index)
        if fate.meant or paired(graph, above, children, index):
            continue
        if is_slip(graph, reading, operation.kind, depends.count(True), fate):
            return index
    return None


def is_slip(graph: Graph, reading: set[int], kind: str, depending: int, fate: Fate) -> bool:
    if kind not in DIFFERENCES and not fate.known:
        return False
    if kind not in PRODUCTS and fate.straight and not fate.partners:
        # The mean of all differences is the difference of the means.
        return False
    if depending == 2:
        # The pairs of two predictions may be compared; the sum of all products is only the product of the sums.
        return kind in PRODUCTS and fate.straight
    if depending == 0:
        return any(reading & graph.ancestors([item], past_writes=False) for item in fate.partners)
    return True


def flat_and_column(inputs: Any) -> bool:
    """Whether the two are `(n,)` and `(n, 1)`."""
    if len(inputs) != 2:
        return False
    flat, column = sorted((sides(item) or [] for item in inputs), key=len)
    return len(flat) == 1 and len(column) == 2 and column[1] == 1 and flat[0] == column[0] and flat[0] != 1


def fate_of(graph: Graph, above: set[int], children: list[list[int]], start: int) -> Fate:
    region = region_of(graph, above, children, start)
    partners: list[Any] = []
    meant = region.meant or any(goes_on(graph, above, children, end) for end in region.ends)
    given = [item for index in region.inside - {start} for item in graph.operations[index].inputs]
    for leaf, inside in (leaf for item in given for leaf in leaves(graph, item, region.inside)):
        shape = sides(leaf) or []
        if len(shape) == 2 and shape[1] == 1 and shape[0] != 1:
            meant = meant or is_grid(graph, leaf) or (inside and is_turned(graph, leaf))
            partners.append(leaf)
        elif len(shape) > 1 and any(size != 1 for size in shape):
            meant = True
        elif shape and shape[0] != 1:
            partners.append(leaf)
    return Fate(meant, region.straight, region.known, partners)


def region_of(graph: Graph, above: set[int], children: list[list[int]], start: int) -> Region:
    inside, ends = {start}, set()
    meant, straight, known = False, True, True
    waiting = [start]
    while waiting:
        for user in children[waiting.pop()]:
            if user not in above or user in inside:
                continue
            kind = graph.operations[user].kind
            if kind in FULL_SUMS:
                if sides(graph.operations[user].outputs[0]) != []:
                    ends.add(user)
            elif kind in NUMBER_BY_NUMBER:
                inside.add(user)
                waiting.append(user)
                made = [graph.maker.get(id(item)) in inside for item in graph.operations[user].inputs]
                straight = straight and kind in STRAIGHT and not (kind in PRODUCTS and made.count(True) > 1)
            else:
                straight, known = False, False
                meant = meant or kind in ALONG_AN_AXIS
    return Region(inside, ends, meant, straight, known)


def goes_on(graph: Graph, above: set[int], children: list[list[int]], end: int) -> bool:
    """Whether anything but a further sum is made of sums along one axis: then that axis is meant."""
    seen = {end}
    waiting = [end]
    while waiting:
        for user in children[waiting.pop()]:
            if user not in above or user in seen:
                continue
            kind = graph.operations[user].kind
            if kind in FULL_SUMS:
                continue
            if kind in NUMBER_BY_NUMBER | ALONG_AN_AXIS and kind not in STRAIGHT:
                return True
            seen.add(user)
            if kind in STRAIGHT | TURNED:
                waiting.append(user)
    return False


def leaves(graph: Graph, item: Any, region: set[int], depth: int = 0) -> list[tuple[Any, bool]]:
    """The values per sample that a partner is made of, and whether they are parts of another matrix."""
    maker = graph.maker.get(id(item))
    if maker in region:
        return []
    shape = sides(item)
    whole = shape is not None and len(shape) == 2 and 1 not in shape
    if maker is None or not whole or depth > DEEPEST or graph.operations[maker].kind not in NUMBER_BY_NUMBER:
        return [(item, depth > 0)]
    return [leaf for part in graph.operations[maker].inputs for leaf in leaves(graph, part, region, depth + 1)]


def paired(graph: Graph, above: set[int], children: list[list[int]], index: int) -> bool:
    """Whether the same is computed of the pairs of one value: then those of two are compared on purpose."""
    own = {root for root, _ in turns_of(graph, graph.operations[index].inputs)}
    for other in above:
        operation = graph.operations[other]
        if other == index or operation.kind != graph.operations[index].kind or len(operation.inputs) != 2:
            continue
        (one, turned), (two, turned_too) = turns_of(graph, operation.inputs)
        if one != two or one not in own or turned == turned_too:
            continue
        if steps(graph, above, children, other) == steps(graph, above, children, index):
            return True
    return False


def steps(graph: Graph, above: set[int], children: list[list[int]], start: int) -> list[str]:
    return [graph.operations[each].kind for each in sorted(region_of(graph, above, children, start).inside)]


def roots_of(graph: Graph, inputs: Any) -> list[int]:
    return [root for root, _ in turns_of(graph, inputs)]


def turns_of(graph: Graph, inputs: Any) -> list[tuple[int, list[str]]]:
    """What each value was before its axes were turned or added, by identity, and how they were."""
    found = []
    for item in inputs:
        turns: list[str] = []
        while id(item) in graph.maker and len(turns) < DEEPEST:
            operation = graph.operations[graph.maker[id(item)]]
            if not operation.inputs:
                break
            first = operation.inputs[0]
            if operation.kind == "StridedSlice" and len(sides(first) or []) == len(sides(item) or []):
                break
            if operation.kind in TURNED or operation.kind == "StridedSlice":
                turns.append(f"{operation.kind}{sides(item)}")
            elif operation.kind not in KEPT:
                break
            item = first
        found.append((id(item), turns))
    return found


def is_turned(graph: Graph, item: Any) -> bool:
    ((_, turns),) = turns_of(graph, [item])
    return bool(turns)


def is_grid(graph: Graph, item: Any) -> bool:
    """Whether its numbers are equally far from each other, as steps that a program lays out are and samples are not."""
    import numpy

    read = getattr(item, "_numpy_internal", None)
    if read is None:
        made = graph.ancestors([item], past_writes=False)
        return any(graph.operations[each].kind in ("Range", "LinSpace") for each in made)
    try:
        gaps = numpy.diff(numpy.ravel(read()).astype("float64"))
    except (TypeError, ValueError):
        return False
    return gaps.size > 1 and bool(gaps[0] != 0) and bool(numpy.allclose(gaps, gaps[0], rtol=1e-3))
