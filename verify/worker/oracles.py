"""What can be wrong although gradients flow: each check errs on the side of silence."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import time
from typing import Any

from .frozen import frozen_and_fresh
from .left_out import left_out
from .recorder import STEPS, Recorder, weights_of
from .requests import update_missing

FEW = 8
DRAWS = 4
SLOW = 0.5
"""Seconds of one forward pass above which a model is too dear to be asked again."""
MOST_PARAMETERS = 5_000_000
ZERO_LOSS = 3e-7
"""Keras clips probabilities at 1e-7, so that a loss that is zero comes out as a little more."""


def symptoms_of(recorder: Recorder, variables: list[dict[str, Any]]) -> list[str]:
    found = sorted(recorder.symptoms)
    for name, check in (
        ("nothing-changed", lambda: nothing_changed(recorder, variables)),
        ("untrained-layer-frozen", lambda: frozen_and_fresh(recorder)),
        ("stuck-at-zero", lambda: any(stuck_at_zero(recorder, *pair) for pair in zip(recorder.reported, variables))),
        ("left-out", lambda: left_out(recorder, variables)),
        ("update-missing", lambda: update_missing(recorder, variables)),
    ):
        if careful(check):
            found.append(name)
    if recorder.mode == "eager":
        found += careful(lambda: loss_symptoms(recorder)) or []
        found += careful(lambda: output_symptoms(recorder)) or []
    return found


def careful(check: Any) -> Any:
    """A check that fails says nothing: the program was not made for being asked."""
    try:
        return check()
    except Exception:
        return None


def nothing_changed(recorder: Recorder, variables: list[dict[str, Any]]) -> bool:
    """An optimizer exists, a step was made or a gradient taken repeatedly, and no weight is different.

    A model that was told to train counts by itself: beside it others may move.
    """
    others = any(variable["changed"] or may_have_moved(variable) for variable in variables)
    if any(stands_still(recorder, model) and not (others and steps_by_itself(model)) for model in recorder.trained):
        return True
    if not recorder.optimizers:
        return repeats_itself(recorder)
    if not variables:
        return False
    if recorder.stepped == 0 and not recorder.repeated_gradient():
        return False
    owned = [v for v in variables if not v["name"].startswith("source ")]
    meant = [v for v in owned if v["gradient"] != "not-asked"] or owned
    if others and all(v["gradient"] == "frozen" for v in meant):
        return False
    return bool(meant) and not any(v["changed"] or not v["moved"] for v in meant)


def may_have_moved(variable: dict[str, Any]) -> bool:
    """In a graph the value before the step is not always to be had: what was handed to an optimizer then counts."""
    return not variable["moved"] and variable["optimizer"] is not None


def steps_by_itself(model: Any) -> bool:
    """Whether its class decides in a `train_step` of its own what moves: that need not be among the model's weights."""
    step = getattr(type(model), "train_step", None)
    return not str(getattr(step, "__module__", "keras")).startswith(("keras", "tf_keras", "tensorflow"))


def repeats_itself(recorder: Recorder) -> bool:
    """Without an optimizer: the same gradients of the same variables again and again, to the last digit."""
    import numpy

    seen = [
        track for track in recorder.tracks.values() if any(len(states) > STEPS for states in track.requests.values())
    ]
    return any(norm for track in seen for _, norm in track.asked) and all(
        len(set(track.asked)) == 1
        and track.values is not None
        and track.values[0] is not None
        and numpy.array_equal(*track.values)
        for track in seen
    )


def stands_still(recorder: Recorder, model: Any) -> bool:
    import numpy

    tracks = [recorder.tracks.get(id(recorder.raw(variable))) for variable in weights_of(model)]
    pairs = [track.values for track in tracks if track is not None and track.values is not None]
    return (
        bool(pairs)
        and len(pairs) == len(tracks)
        and all(first is not None and last is not None and numpy.array_equal(first, last) for first, last in pairs)
    )


def stuck_at_zero(recorder: Recorder, identity: int, item: dict[str, Any]) -> bool:
    """A matrix of zeros whose gradient is exactly zero after every step: its neighbours keep it where it is."""
    import numpy

    track = recorder.tracks.get(identity)
    if track is None or item["gradient"] != "zero" or item["changed"] or len(item["shape"]) < 2 or track.values is None:
        return False
    return all(value is not None and not numpy.any(value) for value in track.values)


# -- the loss ---------------------------------------------------------------------------------------------------------


def watch_losses(recorder: Recorder, families: list[Any]) -> None:
    """Keeps the latest calls of every Keras loss, whoever makes them."""
    from .models import replace_method
    from .wiring import note_call

    for family in families:
        loss_type = getattr(getattr(family, "losses", None), "Loss", None)
        if not isinstance(loss_type, type):
            continue

        def make(plain: Any) -> Any:
            def called(self: Any, *args: Any, **options: Any) -> Any:
                value = plain(self, *args, **options)
                note_call(recorder, self, args)
                if not recorder.paused and len(args) >= 2 and hasattr(args[1], "numpy"):
                    recorder.loss_calls.append((self, args[0], args[1], value))
                    del recorder.loss_calls[:-12]
                return value

            return called

        replace_method(loss_type, "__call__", make)


def loss_name(loss: Any) -> str:
    function = getattr(loss, "fn", loss)
    return str(getattr(function, "__name__", type(loss).__name__)).lower().replace("_", "")


def built_in(loss: Any) -> bool:
    function = getattr(loss, "fn", loss)
    origin = getattr(function, "__module__", None) or type(loss).__module__
    return str(origin).split(".")[0] in ("keras", "tf_keras", "tensorflow")


def loss_symptoms(recorder: Recorder) -> list[str]:
    import numpy

    found: list[str] = []
    calls: dict[int, list[Any]] = {}
    for call in recorder.loss_calls:
        calls.setdefault(id(call[0]), []).append(call)
    for same in calls.values():
        loss, target, prediction, _ = same[-1]
        true, guess = as_array(target), as_array(prediction)
        if true is None or guess is None or guess.dtype.kind != "f":
            continue
        values = [recorder.scalar(call[3]) for call in same]
        if (
            built_in(loss)
            and "binarycrossentropy" in loss_name(loss)
            and true.size
            and (true.min() < -1e-6 or true.max() > 1 + 1e-6)
        ):
            found.append("targets-out-of-range")
        if takes_probabilities(loss) and guess.size and (guess.min() < -1e-6 or guess.max() > 1 + 1e-6):
            found.append("predictions-out-of-range")
        source = numpy.random.RandomState(0)
        guesses = [source.uniform(0.05, 0.95, guess.shape).astype(guess.dtype) for _ in range(DRAWS)]
        if all(value is not None and abs(value) <= ZERO_LOSS for value in values):
            if differs(true, guess) and all(
                abs(asked_again(recorder, loss, target, one)) <= ZERO_LOSS for one in guesses
            ):
                found.append("loss-is-zero")
        elif built_in(loss) and true.shape[:1] == guess.shape[:1] and len(true) > 1 and numpy.any(true != true[:1]):
            other = recorder.tf.constant(true[::-1].copy()) if numpy.any(true[::-1] != true) else None
            if other is not None and all(
                abs(asked_again(recorder, loss, target, one) - asked_again(recorder, loss, other, one)) <= ZERO_LOSS
                for one in guesses
            ):
                found.append("loss-ignores-targets")
    return sorted(set(found))


def takes_probabilities(loss: Any) -> bool:
    """Whether the loss is a cross-entropy of the library that was not told that it gets logits."""
    told = getattr(loss, "from_logits", None) or (getattr(loss, "_fn_kwargs", None) or {}).get("from_logits")
    return built_in(loss) and "crossentropy" in loss_name(loss) and not told


def asked_again(recorder: Recorder, loss: Any, target: Any, prediction: Any) -> float:
    value = recorder.scalar(loss(target, recorder.tf.constant(prediction)))
    if value is None:
        raise ValueError("the loss gives no number")
    return value


def differs(true: Any, guess: Any) -> bool:
    import numpy

    if true.size != guess.size:
        return True
    return bool(numpy.max(numpy.abs(true.reshape(guess.shape).astype("float64") - guess)) > 1e-3)


def as_array(tensor: Any) -> Any:
    import numpy

    try:
        array = numpy.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor)
    except Exception:
        return None
    return array if array.dtype.kind in "fiub" and array.ndim else None


# -- the output -------------------------------------------------------------------------------------------------------


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
    inputs = recorder.tf.nest.map_structure(lambda leaf: recorder.tf.convert_to_tensor(leaf[:FEW]), inputs)
    inputs = recorder.tf.nest.map_structure(
        lambda leaf: recorder.tf.cast(leaf, "float32") if leaf.dtype in ("float64", "uint8") else leaf, inputs
    )
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
