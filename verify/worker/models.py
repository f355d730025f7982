"""Watches Keras models: `compile`, `fit` and `train_on_batch`, cut down to a step or two."""

from __future__ import annotations

import functools
import inspect
import time
from typing import Any

from .latecomers import judge_latecomers, note_latecomers
from .recorder import GATHERING, PATIENCE, STEPS, Recorder

SLOW = 2.0
"""Seconds of the processor for the first steps of a `fit` above which they are not repeated."""
LARGE = 4_000_000
"""Values in one batch above which the batch is made smaller."""


def classes_defining(root: type, name: str) -> list[type]:
    return [kind for kind in root.__mro__ if name in vars(kind)]


def replace_method(root: type, name: str, make: Any) -> None:
    for kind in classes_defining(root, name):
        plain = vars(kind)[name]
        if inspect.isfunction(plain) and not hasattr(plain, "regrad_plain"):
            made: Any = functools.wraps(plain)(make(plain))
            made.regrad_plain = plain
            made.autograph_info__ = {}
            setattr(kind, name, made)


def batch_of(x: Any, wanted: int | None) -> int:
    """The author's batch, smaller only where one batch would be very large."""
    import numpy

    batch = int(wanted) if wanted else 32
    per_sample = 1
    for array in flat(x):
        shape = getattr(array, "shape", ())
        if len(shape) > 1:
            per_sample = max(per_sample, int(numpy.prod([int(side) for side in shape[1:]])))
    while batch > 8 and batch * per_sample > LARGE:
        batch //= 2
    return min(batch, 256)


def flat(thing: Any) -> list[Any]:
    if isinstance(thing, dict):
        return [leaf for value in thing.values() for leaf in flat(value)]
    if isinstance(thing, (list, tuple)) and any(
        hasattr(part, "shape") or isinstance(part, (list, tuple)) for part in thing
    ):
        return [leaf for part in thing for leaf in flat(part)]
    return [] if thing is None else [thing]


def cut(thing: Any, chosen: Any) -> Any:
    """The chosen samples of arrays, frames and nests of them; anything else as it is."""
    if isinstance(thing, dict):
        return {key: cut(value, chosen) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)) and any(hasattr(part, "shape") for part in thing):
        parts = [cut(part, chosen) for part in thing]
        return parts if isinstance(thing, list) else tuple(parts)
    if hasattr(thing, "iloc"):
        return thing.iloc[chosen]
    kind = type(thing).__module__.split(".")[0]
    if kind == "numpy" or (hasattr(thing, "dtype") and hasattr(thing, "__array_ufunc__")):
        return thing[chosen]
    return thing


def sliceable(*parts: Any) -> int | None:
    """The number of samples if every part is in memory and they agree on it."""
    counts = set()
    for part in parts:
        for leaf in flat(part):
            if not (
                hasattr(leaf, "iloc")
                or type(leaf).__module__.split(".")[0] == "numpy"
                or hasattr(leaf, "__array_ufunc__")
            ):
                return None
            if not getattr(leaf, "shape", ()):
                return None
            counts.add(int(leaf.shape[0]))
    return counts.pop() if len(counts) == 1 else None


def steps_of(model: Any) -> int:
    """How many steps of `fit` are enough. A `train_step` of its own may gather gradients over several."""
    for kind in type(model).__mro__:
        methods = [getattr(value, "python_function", value) for value in vars(kind).values()]
        if "train_step" in vars(kind) and not kind.__module__.startswith(("keras.", "tf_keras.", "tensorflow.")):
            codes = [method.__code__ for method in methods if hasattr(method, "__code__")]
            return GATHERING if any("assign_add" in code.co_names for code in codes) else STEPS
    return STEPS


def shorten(arguments: dict[str, Any], most: int) -> None:
    """So many steps of one epoch on a few samples, without validation, callbacks and printing."""
    import numpy

    x = arguments.get("x")
    first = int(arguments.get("initial_epoch") or 0)
    arguments["initial_epoch"] = first
    arguments["epochs"] = first + 1
    for name, value in (("verbose", 0), ("callbacks", None), ("validation_data", None), ("validation_split", 0.0)):
        if name in arguments:
            arguments[name] = value
    for name in ("validation_steps", "validation_freq", "workers", "use_multiprocessing", "max_queue_size"):
        arguments.pop(name, None)
    total = sliceable(x, arguments.get("y"), arguments.get("sample_weight"))
    steps = arguments.get("steps_per_epoch")
    if total is not None and total > 0:
        batch = min(batch_of(x, arguments.get("batch_size")), total)
        arguments["batch_size"] = batch
        wanted = min(total, most * batch)
        if wanted < total:
            ordered = arguments.get("shuffle", True) is False
            chosen = (
                numpy.arange(wanted) if ordered else numpy.sort(numpy.random.RandomState(0).permutation(total)[:wanted])
            )
            for name in ("x", "y", "sample_weight"):
                if arguments.get(name) is not None:
                    arguments[name] = cut(arguments[name], chosen)
        arguments["steps_per_epoch"] = None
    elif steps is None or steps > most:
        arguments["steps_per_epoch"] = most


def watch_models(recorder: Recorder, families: list[Any]) -> None:
    for family in families:
        model = getattr(family, "Model", None)
        if isinstance(model, type):
            recorder.model_types = (*recorder.model_types, model)
            watch_compile(recorder, model)
            watch_fit(recorder, family, "fit")
            watch_fit(recorder, family, "fit_generator")
            watch_train_on_batch(recorder, model)


def watch_compile(recorder: Recorder, model: type) -> None:
    def make(plain: Any) -> Any:
        signature = inspect.signature(plain)

        def compile(self: Any, *args: Any, **options: Any) -> Any:
            site = recorder.site()
            if site[1]:
                recorder.sites.compiled[id(self)] = site
            recorder.compiled_for.pop(id(self), None)
            if options.get("run_eagerly"):
                recorder.told_eager.add(id(self))
            if recorder.mode == "eager":
                parameters = signature.parameters
                open_ended = any(item.kind is item.VAR_KEYWORD for item in parameters.values())
                names = list(parameters)[1:]
                for name, value in (("run_eagerly", True), ("jit_compile", False), ("steps_per_execution", 1)):
                    positional = name in names and names.index(name) < len(args)
                    known = name in parameters or (open_ended and name == "run_eagerly")
                    if known and not positional and (name in options or name != "steps_per_execution"):
                        options[name] = value
            return plain(self, *args, **options)

        return compile

    replace_method(model, "compile", make)


def ends_when_slow(family: Any) -> Any:
    """A callback that lets a model whose steps are dear make no more of them than needed."""
    started = time.process_time()

    class EndsWhenSlow(family.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = time.process_time() - started > SLOW

    return EndsWhenSlow()


def watch_fit(recorder: Recorder, family: Any, name: str) -> None:
    depth = [0]

    def make(plain: Any) -> Any:
        signature = inspect.signature(plain)

        def fit(self: Any, *args: Any, **options: Any) -> Any:
            if depth[0]:
                return plain(self, *args, **options)
            try:
                bound = signature.bind(self, *args, **options)
            except TypeError:
                return plain(self, *args, **options)
            site = recorder.site()
            recorder.lines.add(site)
            passed = recorder.visited("fit", site)
            if passed and recorder.complete() and (not recorder.pending() or passed >= PATIENCE):
                recorder.stop()
            recorder.visit("fit", site)
            bound.apply_defaults()
            arguments = bound.arguments
            extra = {key: value for key, value in arguments.items() if key not in signature.parameters}
            recorder.prepare_fit(self, arguments)
            epochs = int(arguments.get("epochs") or 1) - int(arguments.get("initial_epoch") or 0)
            shorten(arguments, steps_of(self))
            if epochs > 1 and recorder.mode == "eager" and arguments["steps_per_epoch"] is None:
                # The same few samples once more: many a NaN needs weights that have moved.
                arguments["epochs"] += 1
                arguments["callbacks"] = [ends_when_slow(family)]
            arguments.update(extra)
            begin(recorder, self)
            depth[0] += 1
            recorder.inside += 1
            try:
                recorder.batches.append((self, arguments.get("x"), arguments.get("y"), arguments.get("batch_size")))
                named = {key: value for key, value in arguments.items() if key != "self"}
                result = plain(self, **named)
                if content(recorder, self, result):
                    shrink(recorder, self)
                    result = plain(self, **named)
            finally:
                depth[0] -= 1
                recorder.inside -= 1
            end(recorder, self)
            history = getattr(result, "history", None) or {}
            if recorder.loss is None and history.get("loss"):
                recorder.loss = float(history["loss"][0])
            if recorder.more_training_ahead():
                recorder.explore(10.0)
            else:
                recorder.stop()
            return result

        return fit

    replace_method(family.Model, name, make)


def begin(recorder: Recorder, model: Any) -> None:
    if not recorder.trained and not recorder.gradient_calls:
        recorder.look_around()
    for variable in list(getattr(model, "weights", [])) if getattr(model, "built", False) else []:
        recorder.track(variable)
    note_latecomers(recorder, model)


def end(recorder: Recorder, model: Any) -> None:
    judge_latecomers(recorder)
    recorder.trained.append(model)
    recorder.applied(getattr(model, "optimizer", None))


def content(recorder: Recorder, model: Any, result: Any) -> bool:
    """Whether the loss was exactly 0 and nothing moved: by chance the first samples may keep the margin of a hinge."""
    import numpy

    losses = (getattr(result, "history", None) or {}).get("loss") or [None]
    weights = list(getattr(model, "trainable_variables", None) or ())
    tracks = [recorder.tracks.get(id(recorder.raw(variable))) for variable in weights]
    if (
        any(loss != 0.0 for loss in losses)
        or not weights
        or any(track is None or track.raw is None for track in tracks)
    ):
        return False
    return all(numpy.array_equal(track.first, recorder.value(track.raw)) for track in tracks if track is not None)


def shrink(recorder: Recorder, model: Any) -> None:
    """Smaller weights answer alike to all samples: a loss that can be anything else than 0 is so now."""
    recorder.paused += 1
    try:
        for variable in model.trainable_variables:
            track = recorder.track(variable)
            variable.assign(0.1 * track.first)
            track.first = recorder.value(track.raw)
    finally:
        recorder.paused -= 1
    recorder.loss = None


def watch_train_on_batch(recorder: Recorder, model: type) -> None:
    def make(plain: Any) -> Any:
        def train_on_batch(self: Any, *args: Any, **options: Any) -> Any:
            site = recorder.site()
            recorder.lines.add(site)
            passed = recorder.visited("train_on_batch", site)
            if recorder.seen_enough(passed):
                recorder.stop()
            recorder.visit("train_on_batch", site)
            begin(recorder, self)
            recorder.inside += 1
            try:
                x = args[0] if args else options.get("x")
                y = args[1] if len(args) > 1 else options.get("y")
                recorder.batches.append((self, x, y, None))
                result = plain(self, *args, **options)
            finally:
                recorder.inside -= 1
            end(recorder, self)
            return result

        return train_on_batch

    replace_method(model, "train_on_batch", make)
