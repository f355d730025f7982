"""Watches `GradientTape.gradient`: what was asked for, and what came back."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import contextlib
import functools
import re
from typing import Any

from .left_out import probe_unasked
from .progress import note_slope, note_step
from .recorder import ACCUMULATION, APPLYING_CALLS, EPISODES, STEPS, Recorder
from .requests import calling, note_request
from .spoiled import locate_values, spoils
from .surplus import note_surplus

FLAT_MATRICES = 2


def before_gradient(recorder: Recorder, site: tuple[str, int]) -> None:
    """Stops where another round would show nothing new."""
    recorder.lines.add(site)
    count = recorder.visited("gradient", site)
    if recorder.inside or count < STEPS or recorder.functions:
        return
    if recorder.optimizers:
        if kept_in_vain(recorder, count) or (recorder.complete() and count > 2 * STEPS and recorder.seen_enough(count)):
            recorder.stop()
        return
    if count >= 2 * STEPS or moved(recorder) or not recorder.tracks:
        recorder.stop()


def kept_in_vain(recorder: Recorder, count: int) -> bool:
    """Whether so many gradients were taken that the optimizer will hardly be told of them any more."""
    if count < ACCUMULATION or (count < EPISODES and count % ACCUMULATION):
        return False
    return count >= EPISODES or not recorder.more_training_ahead(APPLYING_CALLS)


def moved(recorder: Recorder) -> bool:
    import numpy

    for track in recorder.tracks.values():
        now = recorder.value(track.raw)
        if now is not None and track.first is not None and not numpy.array_equal(now, track.first):
            return True
    return False


def after_gradient(recorder: Recorder, target: Any, sources: Any, gradients: Any, site: tuple[str, int]) -> None:
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
    answered = []
    for position, (source, gradient) in enumerate(zip(flat_sources, flat_gradients)):
        measured = recorder.measure(gradient)
        if recorder.is_variable(source):
            track = recorder.track(source)
            track.asked.append(measured)
            answered.append((track, measured[0]))
        else:
            pseudo_variable(recorder, source, f"source {position} (line {site[1]})", measured)
    note_request(recorder, answered)


def pseudo_variable(recorder: Recorder, source: Any, label: str, measured: tuple[str, float | None]) -> None:
    from .recorder import Track

    found = recorder.tracks.get(hash(label))
    if found is None:
        found = recorder.tracks[hash(label)] = Track(source, None)
        found.label = label
    found.asked.append(measured)


def bad_values(recorder: Recorder, target: Any, sources: list[Any]) -> tuple[list[Any], str]:
    """The sources whose gradient is NaN, or all of them if the loss is, or if every gradient is exactly zero."""
    tracks = [
        recorder.tracks[id(recorder.raw(source))] for source in sources if id(recorder.raw(source)) in recorder.tracks
    ]
    wrong = [track for track in tracks if track.asked and track.asked[-1][0] == "non-finite"]
    if wrong:
        return wrong, "non-finite"
    if tracks and spoils([leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]):
        # The slope of a logarithm, say, is a number where its value is none.
        return tracks, "non-finite"
    dead = all(track.asked and track.asked[-1][0] == "zero" for track in tracks)
    return (tracks if dead else []), "zero-slope"


def find_cuts(recorder: Recorder, tape: Any, c_tape: Any, target: Any, sources: Any, gradients: Any) -> None:
    """Names the ends of the paths of the sources that got None; the first gradient that lacks some decides."""
    trail = recorder.trail
    if trail is None or trail.lost or recorder.cuts:
        return
    nest = recorder.tf.nest
    flat_sources, flat_gradients = nest.flatten(sources), nest.flatten(gradients)
    if len(flat_sources) != len(flat_gradients):
        return
    if recorder.gradient_calls <= 2 * STEPS:
        look_at_the_path(recorder, trail, target, flat_sources)
    lost = []
    for position, (source, gradient) in enumerate(zip(flat_sources, flat_gradients)):
        if gradient is None:
            label = f"source {position} (line {recorder.site()[1]})"
            track = recorder.tracks.get(id(recorder.raw(source))) or recorder.tracks.get(hash(label))
            if track is not None:
                lost.append((source, track))
    if lost:
        with contextlib.suppress(Exception):
            note_surplus(recorder, trail, target, flat_sources, flat_gradients)
    recorder.paused += 1
    try:
        spoiled, kind = ([], "") if lost else bad_values(recorder, target, flat_sources)
    finally:
        recorder.paused -= 1
    if not lost and not spoiled:
        note_flat_slope(recorder, trail, c_tape, target, flat_sources)
        if recorder.gradient_calls > 4 * STEPS:
            trail.forget()
        return
    from .locate import locate

    recorder.paused += 1
    try:
        if lost:
            recorder.cuts = locate(recorder, trail, tape, target, lost, trail.place())
        else:
            recorder.cuts = locate_values(recorder, trail, c_tape, target, spoiled, kind)
    except Exception as error:
        recorder.warnings.append(f"no cause: {type(error).__name__}: {error}")
    finally:
        recorder.paused -= 1


def note_flat_slope(recorder: Recorder, trail: Any, c_tape: Any, target: Any, sources: list[Any]) -> None:
    """Where several matrices receive exactly zero beside others that do not: the line that nothing passes back of.

    It is no fault by itself (units that are dead at first), so it is a place and no cut.
    """
    tracks = [recorder.tracks.get(id(recorder.raw(source))) for source in sources]
    flat = [track for track in tracks if track is not None and track.asked and track.asked[-1][0] == "zero"]
    if recorder.flat_known or sum(len(getattr(track.raw, "shape", ())) >= 2 for track in flat) < FLAT_MATRICES:
        return
    recorder.flat_known = True
    recorder.paused += 1
    try:
        for cut in locate_values(recorder, trail, c_tape, target, flat, "zero-slope"):
            recorder.sites.flat = cut["place"][:2]
    except Exception as error:
        recorder.warnings.append(f"no flat slope: {type(error).__name__}: {error}")
    finally:
        recorder.paused -= 1


def find_unregistered(recorder: Recorder, target: Any, sources: Any, error: LookupError) -> None:
    """An operation that TensorFlow has no gradient for ends the backward pass with an exception, which names it."""
    trail = recorder.trail
    if trail is None or trail.lost or recorder.cuts:
        return
    from .dataflow import Graph
    from .trail import span_of

    note_terms(recorder, trail, target, recorder.tf.nest.flatten(sources))
    graph = Graph(trail)
    above = graph.ancestors([leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")])
    tracks = [recorder.track(source) for source in recorder.tf.nest.flatten(sources) if recorder.is_variable(source)]
    for index in sorted(above, reverse=True):
        operation = graph.operations[index]
        if operation.place and re.search(rf"\b{re.escape(operation.kind)}\b", str(error)):
            place = span_of(operation.place[-1])
            kind = "no-registered-gradient"
            recorder.cuts = [{"kind": kind, "place": place, "operation": operation.kind, "tracks": tracks}]
            return


def note_terms(recorder: Recorder, trail: Any, target: Any, sources: list[Any]) -> None:
    """Of the first request, which is the same before and after a rewrite."""
    from .terms import count_terms

    recorder.paused += 1
    try:
        with contextlib.suppress(Exception):
            if recorder.terms is None:
                recorder.terms = count_terms(recorder, trail, target, sources)
    finally:
        recorder.paused -= 1


def look_at_the_path(recorder: Recorder, trail: Any, target: Any, sources: list[Any]) -> None:
    from .dataflow import draws_random_numbers
    from .wiring import look_at_wiring

    recorder.paused += 1
    try:
        with contextlib.suppress(Exception):
            if recorder.gradient_calls == 1:
                recorder.random = draws_random_numbers(recorder, trail, target)
                note_terms(recorder, trail, target, sources)
            look_at_wiring(recorder, trail, target, sources)
    finally:
        recorder.paused -= 1


def note_watched(recorder: Recorder, tape: Any) -> None:
    """Variables that the forward pass reads belong to the report, also where no gradient is asked for them."""
    with contextlib.suppress(Exception):
        for variable in tape.watched_variables():
            recorder.on_the_way.add(id(recorder.raw(variable)))
            recorder.track(variable)


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
        note_watched(recorder, self)
        recorder.visit("gradient", site)
        call, _ = calling(recorder)
        note_step(recorder, call)
        recorder.mark_training_function()
        c_tape = getattr(self, "_tape", None)
        try:
            gradients = plain(self, target, sources, *args, **options)
        except Exception as error:
            recorder.escaped = error
            if isinstance(error, LookupError):
                find_unregistered(recorder, target, sources, error)
            raise
        after_gradient(recorder, target, sources, gradients, site)
        if recorder.gradient_calls <= 4 * STEPS:
            probe_unasked(recorder, self, c_tape, target, sources)
        note_slope(recorder, call, self, target, sources, gradients)
        find_cuts(recorder, self, c_tape, target, sources, gradients)
        return gradients

    gradient.autograph_info__ = {}  # type: ignore[attr-defined]
    tape_type.gradient = gradient
