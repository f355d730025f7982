"""What is wired wrongly between the variables and the loss although gradients flow: seen in the trail of operations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .dataflow import Graph, readers, sides
from .logits_as_labels import logits_as_labels
from .loss_oracles import built_in, loss_name
from .recorder import Recorder
from .stretched import stretched
from .trail import Operation, span_of

FROM_LOGITS = {"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"}
SAME_VALUES = {"Identity", "Reshape", "Cast", "Squeeze", "ExpandDims"}
ONE_WAY = ("crossentropy", "poisson", "hinge", "absolutepercentageerror")
"""Losses that mean something else with their arguments swapped. A Kullback-Leibler divergence is meant either way."""
DIFFERENT = 1e-4


def watch_loss_functions(recorder: Recorder, families: list[Any]) -> None:
    """Keras losses that are called as functions; `compile` keeps its own references and is not met here."""
    for family in families:
        for module in (getattr(family, name, None) for name in ("losses", "metrics", "backend")):
            for name, plain in list(vars(module).items()) if module is not None else ():
                word = name.lower().replace("_", "")
                if not any(part in word for part in ONE_WAY) or isinstance(plain, type) or not callable(plain):
                    continue
                if not hasattr(plain, "regrad_plain"):
                    setattr(module, name, noting(recorder, plain))


def noting(recorder: Recorder, plain: Any) -> Any:
    @functools.wraps(plain)
    def called(*args: Any, **options: Any) -> Any:
        note_call(recorder, plain, args)
        return plain(*args, **options)

    called.regrad_plain = plain  # type: ignore[attr-defined]
    called.autograph_info__ = {}  # type: ignore[attr-defined]
    return called


def note_call(recorder: Recorder, loss: Any, args: tuple[Any, ...]) -> None:
    if not recorder.paused and len(args) >= 2 and any(hasattr(part, "numpy") for part in args[:2]):
        site = recorder.site()
        if not recorder.inside or not recorder.visited("fit", site):
            recorder.sites.losses[id(loss)] = site
        recorder.loss_pairs.append((loss, args[0], args[1]))
        del recorder.loss_pairs[:-24]


def look_at_wiring(recorder: Recorder, trail: Any, target: Any, sources: list[Any]) -> None:
    """At a gradient: what the loss was given. Findings are added to the recorder's symptoms."""
    graph = Graph(trail)
    targets = [leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]
    above = graph.ancestors(targets)
    reading: set[int] = set()
    for source in sources:
        if recorder.is_variable(source):
            reading |= readers(recorder, graph, source)
    for name, index in (
        ("probabilities-as-logits", takes_probabilities_for_logits(recorder, graph, above)),
        ("loss-is-zero", chooses_among_one(graph, above)),
        ("target-broadcast", stretched(graph, above, reading)),
        ("loss-arguments-swapped", takes_logits_for_labels(graph, above, reading)),
    ):
        if index is not None:
            recorder.symptoms.add(name)
            first = squashed_before(graph, index) if name == "probabilities-as-logits" else index
            for each in (first, index):
                place = graph.operations[each].place if each is not None else None
                if place:
                    recorder.sites.wiring.setdefault(name, []).append(span_of(place[-1])[:2])
    if takes_prediction_for_target(recorder, graph, reading):
        recorder.symptoms.add("loss-arguments-swapped")
    site = logits_as_labels(recorder, graph, reading)
    if site is not None:
        recorder.symptoms.add("loss-arguments-swapped")
        recorder.sites.wiring.setdefault("loss-arguments-swapped", []).append(site[:2])
    recorder.sites.loss_made = where_made(graph, above)


def where_made(graph: Graph, above: set[int]) -> tuple[str, int] | None:
    """The last line that takes part in the loss, of those that lie deepest in the program's own calls."""
    placed = [(len(graph.operations[index].place), index) for index in above if graph.operations[index].place]
    if not placed:
        return None
    path, line, *_ = span_of(graph.operations[max(placed)[1]].place[-1])
    return path, line


def chooses_among_one(graph: Graph, above: set[int]) -> int | None:
    """A softmax over one number is 1, and the cross-entropy of it is 0 whatever the weights are."""
    for index in above:
        operation = graph.operations[index]
        if operation.kind in FROM_LOGITS and operation.inputs and last_side(graph, operation.inputs[0]) == 1:
            return index
    return None


def last_side(graph: Graph, tensor: Any) -> int | None:
    """In a graph a reshape may have lost it; then it is that of what was reshaped."""
    while True:
        known = sides(tensor)
        if known and known[-1] is not None:
            return known[-1]
        maker = graph.maker.get(id(tensor))
        if maker is None or graph.operations[maker].kind not in SAME_VALUES or not graph.operations[maker].inputs:
            return None
        tensor = graph.operations[maker].inputs[0]


def takes_logits_for_labels(graph: Graph, above: set[int], reading: set[int]) -> int | None:
    """A softmax cross-entropy whose logits depend on no variable and whose labels do; the probabilities of another
    network are labels.
    """
    for index in above:
        operation = graph.operations[index]
        if operation.kind == "SoftmaxCrossEntropyWithLogits" and len(operation.inputs) == 2 and reading:
            depends = [bool(reading & graph.ancestors([item], past_writes=False)) for item in operation.inputs]
            if depends == [False, True] and softmax_of(graph, operation.inputs[1]) is None:
                return index
    return None


def takes_probabilities_for_logits(recorder: Recorder, graph: Graph, above: set[int]) -> int | None:
    for index in above:
        squashed = squashed_before(graph, index)
        if squashed is not None and not undone(recorder, graph.operations[squashed]):
            return index
    return None


def squashed_before(graph: Graph, index: int) -> int | None:
    """The softmax (or sigmoid) that made the logits of this operation, if one did."""
    operation = graph.operations[index]
    if operation.kind in FROM_LOGITS and operation.inputs:
        return softmax_of(graph, operation.inputs[0])
    if operation.kind == "Log1p":
        # A cross-entropy of two classes is made of many operations; this one takes exp(-|logits|).
        for logits in folded(graph, operation.inputs[0]):
            found = made_by(graph, logits, is_sigmoid)
            if found is not None:
                return found
    return None


def folded(graph: Graph, tensor: Any) -> list[Any]:
    """`x` where the tensor is exp(where(..., -x, x)): both are chosen from, and one is the other one turned."""
    for kind in ("Exp", "Select"):
        maker = graph.maker.get(id(tensor))
        if maker is None or not graph.operations[maker].kind.startswith(kind):
            return []
        chosen = graph.operations[maker].inputs
        tensor = chosen[0]
    negated = [graph.maker.get(id(item)) for item in chosen[1:]]
    turned = [graph.operations[each].inputs[0] for each in negated if each is not None and is_turn(graph, each)]
    return [item for item in turned if any(item is other for other in chosen[1:])]


def is_turn(graph: Graph, index: int) -> bool:
    return graph.operations[index].kind == "Neg"


def is_sigmoid(graph: Graph, index: int) -> bool:
    """Also where it is written out: something over one more than exp(-x)."""
    operation = graph.operations[index]
    if operation.kind in ("RealDiv", "Reciprocal"):
        below = [graph.maker.get(id(item)) for item in operation.inputs[-1:]]
        parts = [
            item for each in below if each is not None and is_sum(graph, each) for item in graph.operations[each].inputs
        ]
        powers = [graph.maker.get(id(item)) for item in parts]
        return any(each is not None and is_falling_power(graph, each) for each in powers)
    return operation.kind == "Sigmoid"


def is_sum(graph: Graph, index: int) -> bool:
    return graph.operations[index].kind in ("Add", "AddV2")


def is_falling_power(graph: Graph, index: int) -> bool:
    operation = graph.operations[index]
    inner = graph.maker.get(id(operation.inputs[0])) if operation.kind == "Exp" else None
    return inner is not None and is_turn(graph, inner)


def undone(recorder: Recorder, squashing: Operation) -> bool:
    """Whether Keras takes the logits behind these probabilities when the step is compiled.

    Its losses do so where they are given the very output of a softmax or sigmoid, and in a graph they see what made it.
    """
    given = any(guess is squashing.outputs[0] and built_in(loss) for loss, _, guess in recorder.loss_pairs)
    return given and squashing.kind in ("Softmax", "Sigmoid") and recorder.would_be_compiled()


def softmax_of(graph: Graph, tensor: Any) -> int | None:
    return made_by(graph, tensor, lambda graph, index: graph.operations[index].kind == "Softmax")


def made_by(graph: Graph, tensor: Any, fits: Callable[[Graph, int], bool]) -> int | None:
    """The operation of such a kind that made the values of the tensor, whatever their shape is now."""
    while id(tensor) in graph.maker:
        found = graph.maker[id(tensor)]
        maker = graph.operations[found]
        if fits(graph, found):
            return found
        if maker.kind not in SAME_VALUES or not maker.inputs:
            break
        tensor = maker.inputs[0]
    return None


def takes_prediction_for_target(recorder: Recorder, graph: Graph, reading: set[int]) -> bool:
    """Whether a one-way loss got what depends on the variables first, and what does not depend on them second."""
    for loss, first, second in recorder.loss_pairs:
        if not built_in(loss) or not any(part in loss_name(loss) for part in ONE_WAY):
            continue
        depends = [bool(reading & graph.ancestors([part], past_writes=False)) for part in (first, second)]
        if depends == [True, False] and one_way(recorder, loss, first, second):
            return True
    return False


def one_way(recorder: Recorder, loss: Any, first: Any, second: Any) -> bool:
    here, there = (recorder.scalar(loss(*pair)) for pair in ((first, second), (second, first)))
    return here is not None and there is not None and not abs(here - there) <= DIFFERENT * max(abs(here), abs(there))
