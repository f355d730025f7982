"""Watches `compat.v1` graphs: optimizers build training operations, sessions carry them out."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import contextlib
import functools
import importlib
from typing import Any

from .recorder import PATIENCE, STEPS, Recorder

NOT_RUN: tuple[str, float | None] = ("flows", None)
"""Until a session runs what needs it, a gradient of the graph counts as flowing: weights that stand still as their turn
has not come show nothing.
"""


class GraphStep:
    def __init__(self, operation: Any, pairs: list[tuple[Any, Any]], optimizer: Any) -> None:
        self.operation = operation
        self.pairs = pairs
        self.optimizer = optimizer
        self.loss: Any = None
        self.runs = 0


def watch_sessions(recorder: Recorder) -> None:
    v1 = recorder.tf.compat.v1
    steps: list[GraphStep] = []
    losses: dict[int, Any] = {}
    plain_compute = v1.train.Optimizer.compute_gradients
    plain_apply = v1.train.Optimizer.apply_gradients
    session_type = next(kind for kind in v1.Session.__mro__ if "run" in vars(kind))
    plain_run = vars(session_type)["run"]
    known: set[int] = set()
    wishes: list[GraphStep] = []
    computing: list[Any] = []

    def watched() -> bool:
        return not recorder.tf.executing_eagerly() and not recorder.functions and not recorder.inside

    def note_request(owner: Any, loss: Any, pairs: list[tuple[Any, Any]], listed: bool) -> None:
        lost = []
        seen = upstream([loss])
        for gradient, variable in pairs:
            if recorder.is_variable(variable):
                track = recorder.track(variable)
                recorder.on_the_way.add(id(recorder.raw(variable)))
                # Without a list every trainable variable comes along: of one that the loss does not use, nothing
                # was asked.
                if listed or gradient is not None or id(origin(variable)) in seen:
                    track.asked.append(("none", None) if gradient is None else NOT_RUN)
                if gradient is None:
                    lost.append((variable, track))
        wish = GraphStep(None, [pair for pair in pairs if pair[0] is not None], owner)
        wish.loss = loss
        wishes.append(wish)
        note_read(recorder, loss, pairs)
        look_at_graph(recorder, loss, pairs)
        if lost and not recorder.cuts:
            from .graph_trail import locate_in_graph

            try:
                recorder.cuts = locate_in_graph(recorder, loss, lost)
            except Exception as error:
                recorder.warnings.append(f"no cause: {type(error).__name__}: {error}")

    @functools.wraps(plain_compute)
    def compute_gradients(self: Any, loss: Any, *args: Any, **options: Any) -> Any:
        recorder.lines.add(recorder.site())
        losses[id(self)] = loss
        computing.append(self)
        try:
            pairs = plain_compute(self, loss, *args, **options)
        finally:
            computing.pop()
        if watched():
            note_request(self, loss, pairs, (args[0] if args else options.get("var_list")) is not None)
        return pairs

    def watch_gradients(module: Any) -> None:
        """`tf.gradients` in a graph, by which a program may write its own optimizer."""
        plain = module.gradients

        @functools.wraps(plain)
        def gradients(ys: Any, xs: Any, *args: Any, **options: Any) -> Any:
            found = plain(ys, xs, *args, **options)
            target = recorder.tf.nest.flatten(ys)
            sources = recorder.tf.nest.flatten(xs)
            if watched() and not computing and len(target) == 1 and all(map(recorder.is_variable, sources)):
                recorder.lines.add(recorder.site())
                note_request(None, target[0], list(zip(recorder.tf.nest.flatten(found), sources)), True)
            return found

        gradients.autograph_info__ = {}  # type: ignore[attr-defined]
        module.gradients = gradients

    @functools.wraps(plain_apply)
    def apply_gradients(self: Any, grads_and_vars: Any, *args: Any, **options: Any) -> Any:
        if not recorder.tf.executing_eagerly() and not recorder.functions and not recorder.inside:
            pairs = list(grads_and_vars)
            operation = plain_apply(self, pairs, *args, **options)
            step = GraphStep(operation, [pair for pair in pairs if pair[0] is not None], self)
            step.loss = losses.get(id(self))
            steps.append(step)
            known.add(id(operation))
            return operation
        return plain_apply(self, grads_and_vars, *args, **options)

    def observed(
        self: Any, active: list[GraphStep], fetches: Any, feed_dict: Any, args: Any, options: Any, applied: bool
    ) -> Any:
        """Runs what was asked for together with the gradients, and looks at the weights before and after."""
        variables = [variable for step in active for _, variable in step.pairs]
        all_trainable = [v for v in self.graph.get_collection("trainable_variables") if recorder.is_variable(v)]
        recorder.paused += 1
        try:
            for variable in [*variables, *all_trainable]:
                track = recorder.track(variable)
                if track.first is None:
                    track.first = plain_run(self, variable)
        finally:
            recorder.paused -= 1
        extra: list[Any] = []
        for step in active:
            extra += [getattr(gradient, "values", gradient) for gradient, _ in step.pairs]
            extra.append([] if step.loss is None or callable(step.loss) else step.loss)
        result, seen = plain_run(self, [fetches, extra], feed_dict, *args, **options)
        note(recorder, active, seen, applied)
        recorder.paused += 1
        try:
            for variable in [*variables, *all_trainable]:
                track = recorder.track(variable)
                track.values = (track.first, plain_run(self, variable))
        finally:
            recorder.paused -= 1
        return result

    @functools.wraps(plain_run)
    def run(self: Any, fetches: Any, feed_dict: Any = None, *args: Any, **options: Any) -> Any:
        if recorder.paused:
            return plain_run(self, fetches, feed_dict, *args, **options)
        wanted = {id(item) for item in recorder.tf.nest.flatten(fetches)}
        names = {getattr(item, "name", None) for item in recorder.tf.nest.flatten(fetches)}
        active = [step for step in steps if id(step.operation) in wanted or getattr(step.operation, "name", 0) in names]
        if not active:
            computed = [wish for wish in wishes if wish.pairs and needs(recorder, fetches, wish)]
            if computed:
                site = recorder.site()
                if recorder.visited("gradient", site) >= 2 * STEPS and not steps:
                    recorder.stop()
                recorder.lines.add(site)
                recorder.visit("gradient", site)
                recorder.gradient_calls += 1
                return observed(self, computed, fetches, feed_dict, args, options, False)
            return plain_run(self, fetches, feed_dict, *args, **options)
        if all(step.runs >= STEPS for step in active) and (
            all(step.runs for step in steps) or any(step.runs >= PATIENCE for step in active)
        ):
            recorder.stop()
        recorder.lines.add(recorder.site())
        return observed(self, active, fetches, feed_dict, args, options, True)

    v1.train.Optimizer.compute_gradients = compute_gradients
    v1.train.Optimizer.apply_gradients = apply_gradients
    session_type.run = run
    modules = [recorder.tf, v1]
    if any("tensorflow.compat" in text for text in [recorder.program.text, *recorder.program.overrides.values()]):
        # Imported by that name, it is another module object than the attribute of `tensorflow`.
        with contextlib.suppress(ImportError):
            modules.append(importlib.import_module("tensorflow.compat.v1"))
    for module in {id(each): each for each in modules}.values():
        watch_gradients(module)


def look_at_graph(recorder: Recorder, loss: Any, pairs: list[tuple[Any, Any]]) -> None:
    from .graph_trail import GraphTrail
    from .wiring import look_at_wiring

    with contextlib.suppress(Exception):
        look_at_wiring(recorder, GraphTrail(recorder, loss.graph), loss, [variable for _, variable in pairs])


def upstream(tensors: list[Any], *, past_stops: bool = True) -> dict[int, Any]:
    """Every operation that these are computed from, by its identity."""
    todo = [getattr(item, "op", item) for item in tensors]
    seen: dict[int, Any] = {}
    while todo:
        operation = todo.pop()
        if not past_stops and getattr(operation, "type", "") == "StopGradient":
            continue
        if id(operation) not in seen and hasattr(operation, "inputs"):
            seen[id(operation)] = operation
            todo += [tensor.op for tensor in operation.inputs]
            todo += list(operation.control_inputs)
    return seen


def origin(variable: Any) -> Any:
    """The operation that holds a variable in its graph."""
    return getattr(getattr(variable, "handle", variable), "op", None)


def note_read(recorder: Recorder, loss: Any, pairs: list[tuple[Any, Any]]) -> None:
    """Trainable variables that the loss is computed from, also where no gradient is asked for them."""
    if not hasattr(loss, "graph"):
        return
    from .dataflow import Graph
    from .graph_trail import GraphTrail
    from .left_out import forgotten

    seen = upstream([loss])
    felt = upstream([loss], past_stops=False)
    asked = [variable for _, variable in pairs]
    given = {id(recorder.raw(variable)) for variable in asked}
    trail: Any = GraphTrail(recorder, loss.graph)
    graph = Graph(trail)
    for variable in loss.graph.get_collection("trainable_variables"):
        if recorder.is_variable(variable) and id(origin(variable)) in seen:
            recorder.on_the_way.add(id(recorder.raw(variable)))
            recorder.track(variable)
            unasked = id(recorder.raw(variable)) not in given and not copied(variable)
            if id(origin(variable)) not in felt or not unasked:
                continue
            if not asked or forgotten(recorder, graph, variable, asked, [loss]):
                recorder.reached[id(recorder.raw(variable))] = recorder.site()


def copied(variable: Any) -> bool:
    """Whether the graph writes the variable beyond giving it its first value: a copy that follows another network."""
    holder = origin(variable)
    writers = [user for tensor in getattr(holder, "outputs", ()) for user in tensor.consumers()]
    return sum("Assign" in user.type for user in writers) > 1


def needs(recorder: Recorder, fetches: Any, wish: GraphStep) -> bool:
    """Whether what is fetched is computed from gradients that were asked for (and that nothing applies)."""
    wanted = {id(getattr(gradient, "values", gradient).op) for gradient, _ in wish.pairs}
    return bool(wanted & set(upstream(recorder.tf.nest.flatten(fetches))))


def note(recorder: Recorder, active: list[GraphStep], seen: list[Any], applied: bool) -> None:
    import numpy

    position = 0
    for step in active:
        label = recorder.label(step.optimizer) if applied else None
        for _, variable in step.pairs:
            array = numpy.asarray(seen[position], dtype="float64")
            position += 1
            norm = float(numpy.sqrt(numpy.sum(array * array)))
            if not numpy.isfinite(norm):
                measured: tuple[str, float | None] = ("non-finite", None)
            else:
                measured = ("flows" if norm > 0 else "zero", norm)
            track = recorder.track(variable)
            if applied:
                track.applied.append(measured)
                track.optimizer = label
            else:
                track.asked = [state for state in track.asked if state != NOT_RUN] + [measured]
        value = seen[position]
        position += 1
        if recorder.loss is None and numpy.size(value):
            recorder.loss = float(numpy.mean(value))
        if applied:
            step.runs += 1
            recorder.applied(step.optimizer)
