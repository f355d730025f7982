"""Watches `compat.v1` graphs: optimizers build training operations, sessions carry them out."""

from __future__ import annotations

import functools
from typing import Any

from .recorder import PATIENCE, STEPS, Recorder


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

    @functools.wraps(plain_compute)
    def compute_gradients(self: Any, loss: Any, *args: Any, **options: Any) -> Any:
        recorder.lines.add(recorder.site())
        losses[id(self)] = loss
        pairs = plain_compute(self, loss, *args, **options)
        if not recorder.tf.executing_eagerly() and not recorder.functions and not recorder.inside:
            lost = []
            for gradient, variable in pairs:
                if recorder.is_variable(variable):
                    track = recorder.track(variable)
                    track.asked.append(("none", None) if gradient is None else ("connected", None))
                    if gradient is None:
                        lost.append((variable, track))
            if lost and not recorder.cuts:
                from .locate import locate_in_graph

                try:
                    recorder.cuts = locate_in_graph(recorder, loss, lost)
                except Exception as error:
                    recorder.warnings.append(f"no cause: {type(error).__name__}: {error}")
        return pairs

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

    @functools.wraps(plain_run)
    def run(self: Any, fetches: Any, feed_dict: Any = None, *args: Any, **options: Any) -> Any:
        if recorder.paused:
            return plain_run(self, fetches, feed_dict, *args, **options)
        wanted = {id(item) for item in recorder.tf.nest.flatten(fetches)}
        names = {getattr(item, "name", None) for item in recorder.tf.nest.flatten(fetches)}
        active = [step for step in steps if id(step.operation) in wanted or getattr(step.operation, "name", 0) in names]
        if not active:
            return plain_run(self, fetches, feed_dict, *args, **options)
        if all(step.runs >= STEPS for step in active) and (
            all(step.runs for step in steps) or any(step.runs >= PATIENCE for step in active)
        ):
            recorder.stop()
        recorder.lines.add(recorder.site())
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
        note(recorder, active, seen)
        recorder.paused += 1
        try:
            for variable in [*variables, *all_trainable]:
                track = recorder.track(variable)
                track.values = (track.first, plain_run(self, variable))
        finally:
            recorder.paused -= 1
        return result

    v1.train.Optimizer.compute_gradients = compute_gradients
    v1.train.Optimizer.apply_gradients = apply_gradients
    session_type.run = run


def note(recorder: Recorder, active: list[GraphStep], seen: list[Any]) -> None:
    import numpy

    position = 0
    for step in active:
        label = recorder.label(step.optimizer)
        for _, variable in step.pairs:
            array = numpy.asarray(seen[position], dtype="float64")
            position += 1
            norm = float(numpy.sqrt(numpy.sum(array * array)))
            if not numpy.isfinite(norm):
                measured: tuple[str, float | None] = ("non-finite", None)
            else:
                measured = ("flows" if norm > 0 else "zero", norm)
            track = recorder.track(variable)
            track.applied.append(measured)
            track.optimizer = label
        value = seen[position]
        position += 1
        if recorder.loss is None and numpy.size(value):
            recorder.loss = float(numpy.mean(value))
        step.runs += 1
        recorder.applied(step.optimizer)
