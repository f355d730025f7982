"""Watches optimizers of every family: what they are given, and how often they step."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import functools
import inspect
from typing import Any

from .recorder import Recorder


def optimizer_types(tensorflow: Any, families: list[Any]) -> list[type]:
    """Every class that defines `apply` or `apply_gradients`, found from the public names, whatever the version."""
    found: list[type] = []
    for family in families:
        for module in (
            getattr(family, "optimizers", None),
            getattr(getattr(family, "optimizers", None), "legacy", None),
            getattr(getattr(family, "optimizers", None), "experimental", None),
            getattr(family, "mixed_precision", None),
        ):
            for name in dir(module) if module is not None else ():
                try:
                    thing = getattr(module, name)
                except (AttributeError, ImportError):
                    continue
                if isinstance(thing, type) and hasattr(thing, "apply_gradients"):
                    found += [kind for kind in thing.__mro__ if kind not in found]
    for kind in tensorflow.compat.v1.train.Optimizer.__mro__:
        if kind not in found:
            found.append(kind)
    return [kind for kind in found if "apply_gradients" in vars(kind) or "apply" in vars(kind)]


def pairs_given(
    recorder: Recorder, optimizer: Any, name: str, bound: inspect.BoundArguments
) -> list[tuple[Any, Any]] | None:
    """The (gradient, variable) pairs of a call, made re-readable; None when the call is not of that form."""
    arguments = bound.arguments
    if name == "apply_gradients":
        given = arguments.get("grads_and_vars")
        if given is None or hasattr(given, "shape"):
            return None
        try:
            pairs = list(given)
        except Exception:
            return None
        arguments["grads_and_vars"] = pairs
    else:
        gradients = arguments.get("grads")
        variables = arguments.get("trainable_variables")
        if variables is None:
            variables = getattr(optimizer, "_trainable_variables", None)
        try:
            gradients = list(gradients)  # type: ignore[arg-type]
            variables = list(variables)  # type: ignore[arg-type]
        except Exception:
            return None
        arguments["grads"] = gradients
        if arguments.get("trainable_variables") is not None:
            arguments["trainable_variables"] = variables
        pairs = list(zip(gradients, variables))
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
        return None
    return [(gradient, variable) for gradient, variable in pairs if recorder.is_variable(variable)]


def record_application(recorder: Recorder, optimizer: Any, pairs: list[tuple[Any, Any]]) -> None:
    label = recorder.label(optimizer)
    # In a graph this only says what a session may carry out: what it does is recorded when it runs.
    planned = not recorder.tf.executing_eagerly() and not recorder.functions and not recorder.inside
    for gradient, variable in pairs:
        track = recorder.track(variable)
        if gradient is None or not planned:
            track.applied.append(recorder.measure(gradient))
        track.optimizer = label


def before_application(recorder: Recorder, optimizer: Any) -> None:
    site = recorder.site()
    recorder.lines.add(site)
    if not recorder.inside and not recorder.functions:
        count = recorder.visited("apply", site, id(optimizer))
        if recorder.seen_enough(count):
            recorder.stop()
    recorder.visit("apply", site, id(optimizer))


def watch_optimizers(recorder: Recorder, families: list[Any]) -> None:
    depth = [0]

    def wrap(kind: type, name: str) -> None:
        plain = vars(kind)[name]
        if not inspect.isfunction(plain) or hasattr(plain, "regrad_plain"):
            return
        signature = inspect.signature(plain)

        @functools.wraps(plain)
        def applied(self: Any, *args: Any, **options: Any) -> Any:
            if depth[0] or recorder.paused:
                return plain(self, *args, **options)
            try:
                bound = signature.bind(self, *args, **options)
            except TypeError:
                return plain(self, *args, **options)
            before_application(recorder, self)
            recorder.created(self)
            if not recorder.gradient_calls and not recorder.stepped:
                recorder.look_around()
            pairs = pairs_given(recorder, self, name, bound)
            recorder.mark_training_function()
            depth[0] += 1
            try:
                if pairs is not None:
                    record_application(recorder, self, pairs)
                result = plain(*bound.args, **bound.kwargs)
            except Exception as error:
                recorder.escaped = error
                raise
            finally:
                depth[0] -= 1
            recorder.applied(self)
            return result

        applied.autograph_info__ = {}  # type: ignore[attr-defined]
        applied.regrad_plain = plain  # type: ignore[attr-defined]
        setattr(kind, name, applied)

    def wrap_init(kind: type) -> None:
        plain = vars(kind)["__init__"]
        if not inspect.isfunction(plain) or hasattr(plain, "regrad_plain"):
            return

        @functools.wraps(plain)
        def made(self: Any, *args: Any, **options: Any) -> None:
            plain(self, *args, **options)
            recorder.created(self)

        made.regrad_plain = plain  # type: ignore[attr-defined]
        kind.__init__ = made  # type: ignore[misc]

    for kind in optimizer_types(recorder.tf, families):
        for name in ("apply", "apply_gradients"):
            if name in vars(kind):
                wrap(kind, name)
        if "__init__" in vars(kind) and kind is not object:
            wrap_init(kind)
