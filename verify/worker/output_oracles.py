"""What a model's output shows: whether it depends on the input, and on the weights that are trained."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import time
from typing import Any

from .holders import weights_of
from .recorder import Recorder
from .values import as_array, careful

FEW = 8
SLOW = 0.5
"""Seconds of one forward pass above which a model is too dear to be asked again."""
MOST_PARAMETERS = 5_000_000


def watch_calls(recorder: Recorder, families: list[Any]) -> None:
    """Keeps the latest eager call of each model that a hand-written loop makes."""
    for family in families:
        model_type = getattr(family, "Model", None)
        if not isinstance(model_type, type) or "regrad" in vars(model_type):
            continue
        plain = model_type.__call__

        def called(self: Any, *args: Any, _plain: Any = plain, **options: Any) -> Any:
            if not recorder.paused and not recorder.inside and len(args) == 1 and hasattr(args[0], "shape"):
                first = args[0]
                if hasattr(first, "numpy") or type(first).__module__ == "numpy":
                    recorder.model_calls[id(self)] = (self, first)
            return _plain(self, *args, **options)

        called.autograph_info__ = {}  # type: ignore[attr-defined]
        model_type.__call__ = called  # type: ignore[method-assign]
        model_type.regrad = True  # type: ignore[attr-defined]


def batches(recorder: Recorder) -> list[tuple[Any, Any]]:
    found: dict[int, tuple[Any, Any]] = dict(recorder.model_calls)
    for model, x, _, _ in recorder.batches:
        sample = first_inputs(recorder, x)
        if sample is not None:
            found[id(model)] = (model, sample)
    return list(found.values())


def first_inputs(recorder: Recorder, x: Any) -> Any:
    """The inputs of the first batch; only data in memory and datasets are asked a second time."""
    if isinstance(x, recorder.tf.data.Dataset):
        x = next(iter(x))
        if isinstance(x, (tuple, list)):
            x = x[0]
    if hasattr(x, "iloc"):
        x = x.to_numpy()
    if isinstance(x, (list, tuple)) and all(hasattr(part, "shape") for part in x):
        return [part[:FEW] for part in x]
    if isinstance(x, dict):
        return {key: value[:FEW] for key, value in x.items()}
    return x[:FEW] if hasattr(x, "shape") and len(x.shape) else None


def varies(recorder: Recorder, inputs: Any) -> bool:
    import numpy

    for leaf in recorder.tf.nest.flatten(inputs):
        array = as_array(leaf)
        if array is not None and len(array) > 1 and numpy.any(array != array[:1]):
            return True
    return False


def output_symptoms(recorder: Recorder) -> list[str]:
    found = []
    for model, inputs in batches(recorder):
        asked = any(
            recorder.tracks.get(id(recorder.raw(v))) is not None and recorder.tracks[id(recorder.raw(v))].asked
            for v in weights_of(model)
        )
        if inputs is None or not asked or not varies(recorder, inputs):
            continue
        symptom = careful(lambda model=model, inputs=inputs: output_symptom(recorder, model, inputs))
        if symptom is not None:
            found.append(symptom)
    return sorted(set(found))


def output_symptom(recorder: Recorder, model: Any, inputs: Any) -> str | None:
    """The weights are drawn anew a few times: an output that is the same for every sample each time depends on none."""
    import numpy

    if any(item.endswith("instead of pretrained ones") for item in recorder.supplied):
        return None
    inputs = as_inputs(recorder, inputs)
    trainable = list(model.trainable_variables)
    if not trainable or sum(int(numpy.prod(v.shape)) for v in trainable) > MOST_PARAMETERS:
        return None
    kept = [numpy.array(recorder.raw(v).numpy()) for v in trainable]
    source = numpy.random.RandomState(1)
    rows = []
    try:
        for scale in (0.0, 1.0, 0.1, 0.01):
            for variable, value in zip(trainable, kept):
                if value.dtype.kind == "f" and scale:
                    spread = scale / max(1.0, float(numpy.sqrt(value.shape[0] if value.ndim > 1 else 1)))
                    variable.assign(source.normal(0, spread, value.shape).astype(value.dtype))
            started = time.monotonic()
            with recorder.tf.GradientTape() as tape:
                floats = [leaf for leaf in recorder.tf.nest.flatten(inputs) if leaf.dtype.is_floating]
                tape.watch(floats)
                output = model(inputs, training=False)
                total = sum(recorder.tf.reduce_sum(leaf * leaf + leaf) for leaf in recorder.tf.nest.flatten(output))
            slopes = tape.gradient(total, floats) if floats else []
            # A deep random network can lose its input in rounding; only a slope of exactly zero means it is not used.
            if any(slope is not None and numpy.any(slope.numpy() != 0) for slope in slopes):
                return None
            if time.monotonic() - started > SLOW:
                return None
            arrays = [as_array(leaf) for leaf in recorder.tf.nest.flatten(output)]
            if any(array is None or array.dtype.kind != "f" or len(array) < 2 for array in arrays):
                return None
            if any(numpy.any(array != array[:1]) for array in arrays):
                return None
            rows.append(numpy.concatenate([array[0].ravel() for array in arrays]))
    finally:
        for variable, value in zip(trainable, kept):
            variable.assign(value)
    if all(numpy.array_equal(row, rows[0]) for row in rows):
        return "constant-output"
    return "output-ignores-input"


# -- the weights ------------------------------------------------------------------------------------------------------


FAR = (1e10, 1e20)
"""Weights that are multiplied with very small numbers (what an untrained base makes) show only here."""


def output_is_fixed(recorder: Recorder) -> bool:
    """Whether weights that moved in training have no part in the prediction that the loss is given.

    They are drawn anew: a network that rounds its output (and is trained past the rounding) answers differently then.
    """
    if any(item.endswith("instead of pretrained ones") for item in recorder.supplied):
        return False
    judged = {id(model) for model, _, y, _ in recorder.batches if y is not None}
    return any(
        inputs is not None
        and (id(model) in judged or (recorder.loss_calls and not recorder.batches))
        and careful(lambda model=model, inputs=inputs: same_whatever_moves(recorder, model, inputs))
        for model, inputs in batches(recorder)
    )


def same_whatever_moves(recorder: Recorder, model: Any, inputs: Any) -> bool:
    weights = [variable for variable in model.trainable_variables if trained(recorder, variable)]
    return has_no_part(recorder, model, weights, as_inputs(recorder, inputs), same_noise=True)


def has_no_part(recorder: Recorder, model: Any, weights: list[Any], inputs: Any, *, same_noise: bool) -> bool:
    """Whether the output stays the same whatever these weights are.

    `same_noise` sets the seed before each pass, so that a model that draws random numbers can be judged; without, such
    a model is not judged, and the program's own random numbers are left alone.
    """
    import numpy

    if not weights or sum(int(numpy.prod(v.shape)) for v in weights) > MOST_PARAMETERS:
        return False
    kept = [numpy.array(recorder.raw(variable).numpy()) for variable in weights]
    source = numpy.random.RandomState(2)
    rows: list[Any] = []
    try:
        for scale in (0.0, 0.0, 1.0, 0.3, 3.0, *FAR)[same_noise:]:
            for variable, value in zip(weights, kept):
                if scale:
                    variable.assign(value + source.normal(0, scale, value.shape).astype(value.dtype))
            started = time.monotonic()
            for training in (False, True):
                if same_noise:
                    recorder.tf.random.set_seed(1)
                output = recorder.tf.nest.flatten(model(inputs, training=training))
                rows.append([as_array(leaf) for leaf in output])
            if scale in FAR and not all(map(known, (*rows[-2], *rows[-1]))):
                break
            if time.monotonic() - started > 2 * SLOW or not all(map(known, rows[-1])):
                return False
            if not same(rows[0], rows[-2]) or not same(rows[1], rows[-1]):
                return False
    finally:
        for variable, value in zip(weights, kept):
            variable.assign(value)
    return True


def known(array: Any) -> bool:
    """Whether there is a number to compare: NaN stays NaN for reasons of its own."""
    import numpy

    return array is not None and bool(numpy.all(numpy.isfinite(array)))


def same(one: list[Any], other: list[Any]) -> bool:
    import numpy

    return len(one) == len(other) and all(numpy.array_equal(*pair) for pair in zip(one, other))


def trained(recorder: Recorder, variable: Any) -> bool:
    """Whether a gradient arrived and the weight moved."""
    import numpy

    track = recorder.tracks.get(id(recorder.raw(variable)))
    if track is None or track.values is None or not any(norm for _, norm in (*track.asked, *track.applied)):
        return False
    first, last = track.values
    return first is not None and last is not None and not numpy.array_equal(first, last)


def as_inputs(recorder: Recorder, inputs: Any) -> Any:
    """A few samples as a model gets them from `fit`."""
    inputs = recorder.tf.nest.map_structure(lambda leaf: recorder.tf.convert_to_tensor(leaf[:FEW]), inputs)
    return recorder.tf.nest.map_structure(
        lambda leaf: recorder.tf.cast(leaf, "float32") if leaf.dtype in ("float64", "uint8") else leaf, inputs
    )
