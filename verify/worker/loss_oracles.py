"""What the loss itself shows: it is zero, does not react to the targets, or was given what it is not made for."""

from __future__ import annotations

from typing import Any

from .recorder import Recorder
from .values import as_array

DRAWS = 4
MOST_ERRORS = 100
ZERO_LOSS = 3e-7
"""Keras clips probabilities at 1e-7, so that a loss that is zero comes out as a little more."""


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
                    note_error(recorder, self, args, value)
                    del recorder.loss_calls[:-12]
                return value

            return called

        replace_method(loss_type, "__call__", make)


def note_error(recorder: Recorder, loss: Any, args: Any, value: Any) -> None:
    """What a loss of the library gives is an error, whatever is done to it afterwards."""
    if built_in(loss) and len(recorder.errors) < MOST_ERRORS and hasattr(value, "numpy"):
        recorder.errors[id(value)] = (value, args[0], args[1])


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
            low, high = range_of_guesses(loss, true)
            among = [source.uniform(low, high, guess.shape).astype(guess.dtype) for _ in range(DRAWS)]
            if other is not None and all(
                abs(asked_again(recorder, loss, target, one) - asked_again(recorder, loss, other, one)) <= ZERO_LOSS
                for one in among
            ):
                found.append("loss-ignores-targets")
    return sorted(set(found))


def range_of_guesses(loss: Any, true: Any) -> tuple[float, float]:
    """Between which numbers guesses lie that a loss tells apart, whichever target each of them meets.

    Below all targets (or above them) an absolute error is the same in any order: the sum of the targets less the sum of
    the guesses. Cross-entropies ask for probabilities.
    """
    if "crossentropy" in loss_name(loss) or true.dtype.kind not in "fiu":
        return 0.05, 0.95
    low, high = float(true.min()), float(true.max())
    # Losses with a logarithm are for targets that are not negative, and take no zeros.
    return (max(low, min(0.05, high / 2)) if low >= 0 else low), high


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
