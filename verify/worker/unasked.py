"""The variables of a program that raised before it asked for a gradient: what it had computed with until then.

Without them nothing is known of such a program, and whatever trains after a rewrite would do for a mending.
"""

from __future__ import annotations

import gc

from .dataflow import Graph, readers
from .recorder import Recorder


def note_unasked(recorder: Recorder) -> None:
    trail = recorder.trail
    if recorder.gradient_calls or recorder.stepped or trail is None or trail.lost:
        return
    graph = Graph(trail)
    for thing in gc.get_objects():
        # An address may have been given anew: what lives there now has to be a variable, too.
        if id(thing) not in recorder.sites.births or not isinstance(thing, recorder.tf.Variable):
            continue
        if thing.trainable and thing.dtype.is_floating and readers(recorder, graph, thing):
            recorder.on_the_way.add(id(thing))
            recorder.track(thing)
