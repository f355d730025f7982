"""Whether training can lower the error: the direction of the step, the sign of the loss, and the same batch once more.

All three speak only where one network is trained, by one request for gradients and one optimizer: what is raised on
purpose (a critic's error, a reward, the loss of an attack) is told from what is raised by mistake in no other way.
"""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import contextlib
import time
from typing import Any

from .dataflow import Graph, below, holds_data, readers, sides
from .recorder import Recorder
from .trail import span_of
from .values import as_array, careful

MOST_PARAMETERS = 5_000_000
ALONG = 0.5
"""The cosine from which a step goes along the gradient for certain; the first one of Adam has 0.6 and more."""
ROUNDS = 30
"""Steps on one batch of which none may end lower than it began."""
FEWEST_ROUNDS = 12
SECONDS = 3.0
"""Of the processor, which other work on the machine does not spend."""
RISEN = 1e-3
"""By how much of its first value the loss has to lie above it all the time: less is rounding."""
CROSS_ENTROPIES = {"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"}
SAME_SIGN = {"Identity", "Reshape", "Cast", "Squeeze", "ExpandDims", "Mean", "Sum", "Sqrt"}
SAME_VALUE = {"Identity", "Reshape", "Cast", "Squeeze", "ExpandDims"}


class Slope:
    """The first request for gradients of one call: what was asked, what came, and where the weights stood."""

    def __init__(self, sign: int | None, pairs: list[tuple[Any, Any, Any]]) -> None:
        self.sign = sign
        self.pairs = pairs
        self.last_use: tuple[str, int] | None = None
        """The line that last computed something from these gradients."""
        self.cosine: float | None = None
        """Of the step that followed and the gradient; None before it is known."""


def note_step(recorder: Recorder, call: Any) -> None:
    """Before gradients are asked for again: which way the weights went since the first time."""
    slope = recorder.slopes.get(call)
    if slope is None:
        return
    if slope.cosine is None:
        slope.cosine = careful(lambda: direction(recorder, slope))
    if slope.last_use is None and not recorder.stepped:
        slope.last_use = careful(lambda: last_use(recorder, slope))


def note_slope(recorder: Recorder, call: Any, tape: Any, target: Any, sources: Any, gradients: Any) -> None:
    if call in recorder.slopes or recorder.mode != "eager" or recorder.trail is None or recorder.trail.lost:
        return
    nest = recorder.tf.nest
    flat, given = nest.flatten(sources), nest.flatten(gradients)
    if not flat or len(flat) != len(given) or not all(recorder.is_variable(source) for source in flat):
        return
    size = sum(int(getattr(source.shape, "num_elements", lambda: MOST_PARAMETERS)() or 0) for source in flat)
    if size > MOST_PARAMETERS:
        return
    recorder.paused += 1
    try:
        asked = {id(recorder.raw(source)) for source in flat}
        everything = all(id(recorder.raw(variable)) in asked for variable in tape.watched_variables())
        sign = sign_of_loss(recorder, target, flat, asked) if everything else None
        pairs = [
            (recorder.raw(source), recorder.value(recorder.raw(source)), gradient)
            for source, gradient in zip(flat, given)
            if gradient is not None
        ]
        recorder.slopes[call] = Slope(sign, pairs)
    except Exception:  # what cannot be read says nothing
        return
    finally:
        recorder.paused -= 1


def last_use(recorder: Recorder, slope: Slope) -> tuple[str, int] | None:
    graph = Graph(recorder.trail)
    given = {id(gradient) for _, _, gradient in slope.pairs}
    starts = {
        index for index, operation in enumerate(graph.operations) if any(id(item) in given for item in operation.inputs)
    }
    used = [index for index in below(graph.children(), starts) if graph.operations[index].place]
    if not used:
        return None
    path, line, *_ = span_of(graph.operations[max(used)].place[-1])
    return path, line


def direction(recorder: Recorder, slope: Slope) -> float | None:
    """The cosine of the way that the weights have gone and the gradient; None where they stand still."""
    import numpy

    product = moved = steep = 0.0
    for raw, first, gradient in slope.pairs:
        now = recorder.value(raw)
        if now is None or first is None:
            return None
        change = now.astype("float64") - first
        array = numpy.asarray(recorder.tf.convert_to_tensor(gradient).numpy(), dtype="float64")
        product += float((change * array).sum())
        moved += float((change * change).sum())
        steep += float((array * array).sum())
    if not moved or not steep or not numpy.isfinite(moved * steep):
        return None
    return float(product / (moved * steep) ** 0.5)


# -- the sign of the loss ---------------------------------------------------------------------------------------------


def sign_of_loss(recorder: Recorder, target: Any, sources: list[Any], asked: set[int]) -> int | None:
    """1 where the target is an error of predictions, -1 where it is one with its sign turned, None where unknown.

    Unknown, too, where matrices that are not among the sources take part: something else than a network may be trained
    then, as in an attack on one.
    """
    leaves = [leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]
    if len(leaves) != 1:
        return None
    graph = Graph(recorder.trail)
    reading = set().union(*(readers(recorder, graph, source) for source in sources))
    above = graph.ancestors(leaves, past_writes=False)
    for identity, track in list(recorder.tracks.items()):
        matrix = track.raw is not None and len(sides(track.raw) or ()) >= 2
        if matrix and identity not in asked and readers(recorder, graph, track.raw) & above:
            return None
    return Reading(recorder, graph, reading).sign(leaves[0], 0)


class Reading:
    """Reads the sign of an error off the operations that made it."""

    def __init__(self, recorder: Recorder, graph: Graph, reading: set[int]) -> None:
        self.recorder = recorder
        self.graph = graph
        self.reading = reading

    def predicted(self, tensor: Any) -> bool:
        return bool(self.reading & self.graph.ancestors([tensor], past_writes=False))

    def sign(self, tensor: Any, depth: int) -> int | None:
        if id(tensor) in self.recorder.errors:
            return 1 if self.compares(*self.recorder.errors[id(tensor)][1:]) else None
        index = self.graph.maker.get(id(tensor))
        if index is None or depth > 40:
            return None
        operation = self.graph.operations[index]
        kind, inputs = operation.kind, operation.inputs
        if kind in CROSS_ENTROPIES:
            return 1 if operation.outputs[0] is tensor and self.compares(*inputs[:2]) else None
        if kind == "SquaredDifference":
            return 1 if self.compares(*inputs) else None
        if kind in ("Square", "Abs") or (kind == "Pow" and self.recorder.scalar(inputs[1]) == 2.0):
            return 1 if self.difference(inputs[0]) else None
        if kind in SAME_SIGN:
            return self.sign(inputs[0], depth + 1)
        if kind == "Neg":
            return turned(self.sign(inputs[0], depth + 1))
        if kind in ("Mul", "RealDiv", "DivNoNan"):
            return self.scaled(kind, inputs, depth)
        if kind in ("Add", "AddV2", "AddN", "Sub"):
            return self.added(kind, inputs, depth)
        return None

    def scaled(self, kind: str, inputs: Any, depth: int) -> int | None:
        if kind == "Mul" and inputs[0] is inputs[1]:
            return 1 if self.difference(inputs[0]) else None
        for one, other in ((inputs[0], inputs[1]), (inputs[1], inputs[0])):
            if self.predicted(one) and not self.predicted(other) and (kind == "Mul" or one is inputs[0]):
                factor = as_array(other) if sides(other) else self.recorder.scalar(other)
                # A negative factor may be a reward, and turns nothing for certain.
                fits = factor is not None and (factor > 0 if isinstance(factor, float) else bool((factor >= 0).all()))
                return self.sign(one, depth + 1) if fits else None
        return None

    def added(self, kind: str, inputs: Any, depth: int) -> int | None:
        """Penalties of the weights alone are no part of the error, and neither is what no weight has made."""
        signs = []
        for position, part in enumerate(inputs):
            if self.predicted(part) and holds_data(self.recorder, self.graph, part):
                found = self.sign(part, depth + 1)
                signs.append(turned(found) if kind == "Sub" and position else found)
        return signs[0] if signs and all(found == signs[0] for found in signs) else None

    def difference(self, tensor: Any) -> bool:
        """Whether it is a prediction less its target."""
        while True:
            index = self.graph.maker.get(id(tensor))
            if index is None:
                return False
            operation = self.graph.operations[index]
            if operation.kind == "Sub":
                return self.compares(*operation.inputs)
            if operation.kind not in SAME_VALUE:
                return False
            tensor = operation.inputs[0]

    def compares(self, one: Any, other: Any) -> bool:
        """Whether just one of them is predicted, and the other one is data."""
        guess, known = (one, other) if self.predicted(one) else (other, one)
        if not self.predicted(guess) or self.predicted(known):
            return False
        if not hasattr(known, "numpy"):
            return as_array(known) is not None
        return holds_data(self.recorder, self.graph, known) or (bool(sides(known)) and known.dtype.is_integer)


def turned(sign: int | None) -> int | None:
    return None if sign is None else -sign


# -- judgement --------------------------------------------------------------------------------------------------------


def does_not_fall(recorder: Recorder, variables: list[dict[str, Any]]) -> bool:
    """Whether the steps of this program raise the error of its batch, or cannot lower it."""
    trained_alone = len(recorder.request_lines) == 1 and len({id(model) for model in recorder.trained}) <= 1
    if not trained_alone or recorder.pending() or "restored" in recorder.notes:
        return False
    if any(item.endswith("instead of pretrained ones") for item in recorder.supplied):
        return False
    if len({item["optimizer"] for item in variables if item["optimizer"] is not None}) > 1:
        return False
    for slope in recorder.slopes.values():
        if slope.cosine is None:
            slope.cosine = direction(recorder, slope)
        # Up the slope of an error, or down the slope of an error with its sign turned.
        if slope.sign is not None and slope.cosine is not None and slope.cosine * slope.sign > ALONG:
            return True
    return bool(careful(lambda: fitted_in_vain(recorder)))


def fitted_in_vain(recorder: Recorder) -> bool:
    """Whether the loss of one batch lies above its first value after each of many steps that fit this batch alone."""
    if recorder.supplied or len({id(model) for model, *_ in recorder.batches}) != 1:
        return False
    model, x, y, batch_size = recorder.batches[0]
    if own_step(model) or getattr(model, "optimizer", None) is None:
        return False
    batch = one_batch(recorder, x, y, batch_size)
    if batch is None:
        return False
    return never_falls(recorder, model, batch, same_noise=True)


def never_falls(recorder: Recorder, model: Any, batch: Any, *, same_noise: bool) -> bool:
    """The steps are the model's own. `same_noise`: what is left of the loss depends on the weights alone."""
    states = [variable for variable in model.variables if not recorder.raw(variable).dtype.is_floating]
    kept = [recorder.raw(variable).numpy() for variable in states]
    seen: list[float] = []
    started = time.process_time()
    for _ in range(ROUNDS + 1):
        if same_noise:
            recorder.tf.random.set_seed(1)
        for variable, value in zip(states, kept):
            variable.assign(value)
        model.reset_metrics()
        seen.append(float(model.train_step(batch)["loss"]))
        if len(seen) > 1 and not seen[-1] > seen[0] + RISEN * abs(seen[0]) and seen[-1] == seen[-1]:
            return False
        if time.process_time() - started > SECONDS:
            break
    return len(seen) > FEWEST_ROUNDS and seen[0] == seen[0]


def own_step(model: Any) -> bool:
    """Whether its class trains in a way of its own, by which a loss may rise on purpose."""
    for name in ("train_step", "compute_loss"):
        method = getattr(type(model), name, None)
        if not str(getattr(method, "__module__", "keras")).startswith(("keras", "tf_keras", "tensorflow")):
            return True
    return False


def one_batch(recorder: Recorder, x: Any, y: Any, batch_size: int | None) -> Any:
    """The first batch of data that is in memory, or of a dataset; a generator is not asked a second time."""
    if isinstance(x, recorder.tf.data.Dataset):
        batch = next(iter(x))
        return batch if isinstance(batch, tuple) and len(batch) == 2 else None
    if y is None or not all(type(part).__module__.split(".")[0] in ("numpy", "tensorflow") for part in (x, y)):
        return None
    size = int(batch_size or len(x))
    with contextlib.suppress(TypeError, ValueError):
        return tuple(as_fed(recorder, part[:size]) for part in (x, y))
    return None


def as_fed(recorder: Recorder, part: Any) -> Any:
    tensor = recorder.tf.convert_to_tensor(part)
    return recorder.tf.cast(tensor, "float32") if tensor.dtype == "float64" else tensor
