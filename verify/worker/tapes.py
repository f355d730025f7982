"""Watches `GradientTape.gradient`: what was asked for, and what came back."""

from __future__ import annotations

import functools
from typing import Any

from .recorder import ACCUMULATION, STEPS, Recorder


def before_gradient(recorder: Recorder, site: tuple[str, int]) -> None:
    """Stops where another round would show nothing new."""
    recorder.lines.add(site)
    count = recorder.visited("gradient", site)
    if recorder.inside or count < STEPS or recorder.functions:
        return
    if recorder.optimizers:
        if count >= ACCUMULATION or (recorder.complete() and not recorder.pending() and count > 2 * STEPS):
            recorder.stop()
        return
    if count >= 2 * STEPS or moved(recorder) or not recorder.tracks:
        recorder.stop()


def moved(recorder: Recorder) -> bool:
    import numpy

    for track in recorder.tracks.values():
        now = recorder.value(track.raw)
        if now is not None and track.first is not None and not numpy.array_equal(now, track.first):
            return True
    return False


def after_gradient(
    recorder: Recorder, target: Any, sources: Any, gradients: Any, site: tuple[str, int], asked_as_zero: bool
) -> None:
    nest = recorder.tf.nest
    flat_sources = nest.flatten(sources)
    try:
        flat_gradients = nest.flatten(gradients)
    except (TypeError, ValueError):
        return
    if len(flat_sources) != len(flat_gradients):
        return
    recorder.gradient_calls += 1
    if recorder.loss is None:
        recorder.loss = recorder.scalar(target)
    for position, (source, gradient) in enumerate(zip(flat_sources, flat_gradients)):
        measured = recorder.measure(gradient)
        if recorder.is_variable(source):
            recorder.track(source).asked.append(measured)
        else:
            pseudo_variable(recorder, source, f"source {position} (line {site[1]})", measured)


def pseudo_variable(recorder: Recorder, source: Any, label: str, measured: tuple[str, float | None]) -> None:
    from .recorder import Track

    found = recorder.tracks.get(hash(label))
    if found is None:
        found = recorder.tracks[hash(label)] = Track(source, None)
        found.label = label
    found.asked.append(measured)


def watch_tapes(recorder: Recorder) -> None:
    tape_type = recorder.tf.GradientTape
    plain = tape_type.gradient

    @functools.wraps(plain)
    def gradient(self: Any, target: Any, sources: Any, *args: Any, **options: Any) -> Any:
        if recorder.paused:
            return plain(self, target, sources, *args, **options)
        site = recorder.site()
        before_gradient(recorder, site)
        if not recorder.gradient_calls:
            recorder.look_around()
        for source in recorder.tf.nest.flatten(sources):
            if recorder.is_variable(source):
                recorder.track(source)
        recorder.visit("gradient", site)
        recorder.mark_training_function()
        gradients = plain(self, target, sources, *args, **options)
        after_gradient(recorder, target, sources, gradients, site, False)
        return gradients

    gradient.autograph_info__ = {}  # type: ignore[attr-defined]
    tape_type.gradient = gradient
