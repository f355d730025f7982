"""What can be wrong although gradients flow: each check errs on the side of silence."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

from typing import Any

from .frozen import frozen_and_fresh
from .holders import weights_of
from .left_out import left_out
from .loss_oracles import loss_symptoms
from .output_oracles import output_is_fixed, output_symptoms
from .progress import does_not_fall
from .recorder import STEPS, Recorder
from .requests import dried_up, update_missing
from .values import careful

NOTICEABLE = 1e-6
"""A step along a smaller gradient may be lost in rounding."""


def symptoms_of(recorder: Recorder, variables: list[dict[str, Any]]) -> list[str]:
    found = sorted(recorder.symptoms)
    for name, check in (
        ("nothing-changed", lambda: nothing_changed(recorder, variables)),
        ("untrained-layer-frozen", lambda: frozen_and_fresh(recorder)),
        ("stuck-at-zero", lambda: any(stuck_at_zero(recorder, *pair) for pair in zip(recorder.reported, variables))),
        ("dried-up", lambda: dried_up(recorder)),
        ("left-out", lambda: left_out(recorder, variables)),
        ("update-missing", lambda: update_missing(recorder, variables)),
    ):
        if careful(check):
            found.append(name)
    if recorder.mode == "eager":
        found += careful(lambda: loss_symptoms(recorder)) or []
        found += careful(lambda: output_symptoms(recorder)) or []
        if not set(found) & {"constant-output", "output-ignores-input"} and careful(lambda: output_is_fixed(recorder)):
            found.append("output-fixed")
        # Last of all, as it trains on.
        if careful(lambda: does_not_fall(recorder, variables)):
            found.append("loss-does-not-fall")
    return found


def nothing_changed(recorder: Recorder, variables: list[dict[str, Any]]) -> bool:
    """An optimizer exists, a step was made or a gradient taken repeatedly, and no weight is different.

    A model that was told to train counts by itself: beside it others may move.
    """
    others = any(variable["changed"] or may_have_moved(variable) for variable in variables)
    if any(stands_still(recorder, model) and not (others and steps_by_itself(model)) for model in recorder.trained):
        return True
    if not recorder.optimizers:
        return repeats_itself(recorder) or steps_by_nothing(recorder)
    if not variables:
        return False
    if recorder.stepped == 0 and not recorder.repeated_gradient():
        return False
    owned = [v for v in variables if not v["name"].startswith("source ")]
    meant = [v for v in owned if v["gradient"] != "not-asked"]
    if not meant and len(owned) < len(variables):
        # Gradients of inputs alone: no weight was to change.
        return False
    meant = meant or owned
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


def steps_by_nothing(recorder: Recorder) -> bool:
    """Steps made by hand, along gradients that are not zero, of a length that is exactly zero."""
    stepped = [
        track
        for identity, track in recorder.tracks.items()
        if identity in recorder.idle and any(norm and norm > NOTICEABLE for _, norm in track.asked)
    ]
    return bool(stepped) and not recorder.stirred


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
