"""Cross-entropies of two classes that are given the logits as labels and the labels as logits.

TensorFlow makes them of many small operations, so that only the call tells which number was meant as what. The loss is
then a straight line of the logits and falls for ever.
"""

from __future__ import annotations

import functools
from typing import Any

from .dataflow import Graph
from .recorder import Recorder
from .values import as_array

NAMES = ("sigmoid_cross_entropy_with_logits", "weighted_cross_entropy_with_logits")
BEYOND = 1e-3
"""By how much a number lies outside of 0 to 1 that is no label, however labels were smoothed or rounded."""
MOST_CALLS = 24


def watch_cross_entropies(recorder: Recorder) -> None:
    """Keeps what `tf.nn` was given, with the line that gave it."""
    for module in (recorder.tf.nn, recorder.tf.compat.v1.nn):
        for name in NAMES:
            plain = getattr(module, name, None)
            if plain is not None and not hasattr(plain, "regrad_logits"):
                setattr(module, name, noting(recorder, plain))


def noting(recorder: Recorder, plain: Any) -> Any:
    @functools.wraps(plain)
    def called(*args: Any, **options: Any) -> Any:
        labels = args[0] if args else options.get("labels")
        logits = args[1] if len(args) > 1 else options.get("logits")
        if not recorder.paused and hasattr(labels, "numpy") and logits is not None:
            recorder.labels_and_logits.append((labels, logits, recorder.site()))
            del recorder.labels_and_logits[:-MOST_CALLS]
        return plain(*args, **options)

    called.regrad_logits = True  # type: ignore[attr-defined]
    called.autograph_info__ = {}  # type: ignore[attr-defined]
    return called


def logits_as_labels(recorder: Recorder, graph: Graph, reading: set[int]) -> Any:
    """The line of a call whose labels are made of the variables and are none, and whose logits are data and labels."""
    for labels, logits, site in recorder.labels_and_logits:
        depends = [bool(reading & graph.ancestors([part], past_writes=False)) for part in (labels, logits)]
        if depends != [True, False]:
            continue
        recorder.paused += 1
        try:
            guess, known = as_array(labels), as_array(logits)
        finally:
            recorder.paused -= 1
        if guess is None or known is None or not guess.size or guess.shape != known.shape:
            continue
        none = guess.min() < -BEYOND or guess.max() > 1 + BEYOND
        if none and known.min() >= 0 and known.max() <= 1:
            return site
    return None
