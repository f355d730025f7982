"""What a program does that matters for gradients, in the order in which it does it: the record that rules read."""

from __future__ import annotations

import ast

from regrad.analysis.frames import Frame
from regrad.analysis.iterators import Walk
from regrad.analysis.record import Record
from regrad.analysis.values import Instance, Layer, Network, Tape, Tensor, Value, Variable


class Event(Record):
    """Something that happened at `node`, in the call `frame`; `serial` orders events and operations alike."""

    node: ast.AST
    frame: Frame
    serial: int


class TapeOpened(Event):
    """`with tape:`, or the start of a Keras training step (`tape.implicit`). `node` is the `with` item's expression."""

    tape: Tape
    statement: ast.With | ast.AsyncWith | None


class TapeClosed(Event):
    tape: Tape


class Watched(Event):
    """`tape.watch(value)`."""

    tape: Tape
    value: Value
    recording: bool


class GradientTaken(Event):
    """`tape.gradient(target, sources)` and its relatives.

    `uses` counts the earlier ones on this tape since it last started to record.
    """

    tape: Tape
    target: Value
    sources: Value
    method: str
    recording: bool
    uses: int
    conditional: bool
    target_node: ast.AST | None
    sources_node: ast.AST | None


class Applied(Event):
    """`optimizer.apply_gradients(...)` or `.apply(...)`. `spent` is the walk that had left nothing of the pairs,
    `step` what the call gives: in a graph, the step that a session is to run.
    """

    optimizer: Value
    pairs: Value
    method: str
    spent: Walk | None = None
    step: Value | None = None


class Minimized(Event):
    """`optimizer.minimize(...)`. `result` is what the loss callable returned, where it could be called."""

    optimizer: Value
    loss: Value
    variables: Value
    tape: Value | None
    result: Value | None
    recorder: Tape | None
    step: Value | None = None
    """What the call gives: in a graph, the step that a session is to run."""


class Compilation(Record):
    """What `model.compile` was given. `loss` is None where the argument is absent."""

    node: ast.Call | None
    frame: Frame
    serial: int
    loss: Value | None
    loss_node: ast.AST | None
    optimizer: Value | None
    metrics: Value | None
    metrics_node: ast.AST | None
    complete: bool
    """False where `**options` or unknown positional arguments could carry a loss."""


class Compiled(Event):
    model: Value
    compilation: Compilation


class Head(Record):
    """What stands at the end of a model: its last activation and number of units as far as they are known.

    `layer` is where the activation is (a `Dense`, an `Activation`, a `Softmax`), `dense` the layer that gives the
    units.
    `activation`: a name, `linear`, or None (unknown).
    """

    activation: str | None
    units: int | None
    layer: Layer | None
    dense: Layer | None
    rank: int | None = None
    shape: tuple[int | None, ...] | None = None
    output: Value | None = None
    name: str | None = None


class Trained(Event):
    """`fit`, `train_on_batch` or the like of a Keras model, with everything as it stood at that moment.

    `target` is the loss of a training step as a value (None: not known, for instance a library model's own loss);
    `output` the prediction;
    `sources` the weights that Keras updates; `frozen` those it does not; `recorder` the implicit tape of that step.
    """

    model: Instance | Network
    method: str
    x: Value | None
    y: Value | None
    x_node: ast.AST | None
    y_node: ast.AST | None
    data: Value | None
    compilation: Compilation | None
    own_step: bool
    target: Value | None
    output: Value | None
    heads: tuple[Head, ...]
    sources: tuple[Value, ...]
    frozen: tuple[Value, ...]
    complete: bool
    trainable: Value
    recorder: Tape | None
    added_losses: bool
    first: bool
    source: Value | None = None
    """What was given as the data: the data set, generator or `Sequence` itself."""
    callbacks: Value | None = None


class TrainableSet(Event):
    """`thing.trainable = value`.

    `each` says that it was set on every layer of a model in a loop, `owner` being the layer or the model.
    """

    owner: Value
    value: Value
    before: Value | None
    target_node: ast.AST


class Assigned(Event):
    """`variable.assign…(value)`."""

    variable: Variable
    method: str
    value: Value
    tapes: tuple[Tape, ...]


class Filled(Event):
    """`model.set_weights(values)`, or `held.assign(value)` of a variable that could not be told from others."""

    method: str
    value: Value
    tapes: tuple[Tape, ...]


class Fetched(Event):
    """`session.run(fetches, feed)`: what a session is asked to compute, and what it is fed with."""

    fetches: Value
    feed: Value | None = None


class WeightsRead(Event):
    """`model.trainable_variables` and its like were read.

    `frozen` are the weights that were switched off at that moment, `unbuilt` the layers that had none yet.
    """

    owner: Value
    attribute: str
    sources: tuple[Value, ...]
    complete: bool
    built: bool
    frozen: tuple[Value, ...] = ()
    unbuilt: tuple[Value, ...] = ()


class LossCalled(Event):
    """A loss of the library was called with targets and prediction."""

    name: str
    loss: Value
    arguments: dict[str, Value]
    nodes: dict[str, ast.AST]
    result: Tensor
    tapes: tuple[Tape, ...]


class Predicted(Event):
    """`model.predict` and its like."""

    model: Value
    method: str
    tapes: tuple[Tape, ...]
    result: Tensor


class ModelCalled(Event):
    """A model (or something that may be one) was called."""

    model: Value
    tapes: tuple[Tape, ...]
    result: Value


class Moved(Event):
    """`w = w - rate * gradient` or `w -= rate * gradient`; `before` is what `w` was, `node` the statement."""

    before: Value
    value: Value
