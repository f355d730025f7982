"""Weights that are switched on after their step was compiled: it is traced once, and they are no part of it."""

from __future__ import annotations

from typing import Any

from .recorder import Recorder


def note_latecomers(recorder: Recorder, model: Any) -> None:
    """Before a model is trained: what it has to train now and did not have when it was first trained as compiled."""
    if recorder.mode == "eager" or not getattr(model, "built", False):
        return
    now = {id(recorder.raw(variable)): recorder.raw(variable) for variable in model.trainable_variables}
    first = recorder.compiled_for.setdefault(id(model), set(now))
    recorder.latecomers = [(raw, recorder.value(raw)) for identity, raw in now.items() if identity not in first]


def judge_latecomers(recorder: Recorder) -> None:
    """After it: whether they stand where they stood."""
    import numpy

    if any(value is not None and numpy.array_equal(value, recorder.value(raw)) for raw, value in recorder.latecomers):
        recorder.symptoms.add("left-out")
        recorder.sites.too_late = (recorder.site(), [site for _, site in recorder.sites.switched_on.values()])
    recorder.latecomers = []
