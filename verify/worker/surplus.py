"""Outputs that the author left aside: a layer gives several, the next layers take one, the others train nothing.

The pooler of a language model is the usual one: TensorFlow warns that its weights get no gradient, and that is all.
Where the loss itself takes one of several outputs (two heads, one of them forgotten) it is another matter.
"""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

import functools
from typing import Any

from .dataflow import Graph, below, readers, users
from .recorder import Recorder

MOST_CALLS = 400


def watch_outputs(recorder: Recorder, families: list[Any]) -> None:
    """Keeps what layers return that return several tensors."""
    for family in families:
        layer_type: Any = getattr(getattr(family, "layers", None), "Layer", None)
        plain = vars(layer_type).get("__call__") if isinstance(layer_type, type) else None
        if plain is None or hasattr(plain, "regrad_outputs"):
            continue
        layer_type.__call__ = keeping(recorder, plain)


def keeping(recorder: Recorder, plain: Any) -> Any:
    @functools.wraps(plain)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        result = plain(self, *args, **options)
        if isinstance(result, (tuple, list, dict)) and not recorder.paused and len(recorder.several) < MOST_CALLS:
            parts = [leaf for leaf in recorder.tf.nest.flatten(result) if hasattr(leaf, "numpy")]
            if len(parts) > 1:
                recorder.several.append(parts)
        return result

    called.regrad_outputs = True  # type: ignore[attr-defined]
    called.autograph_info__ = {}  # type: ignore[attr-defined]
    return called


def note_surplus(recorder: Recorder, trail: Any, target: Any, sources: list[Any], gradients: list[Any]) -> None:
    """Of the variables that got nothing, those whose every use ends in an output that later layers leave aside."""
    if not recorder.several:
        return
    graph = Graph(trail)
    children = graph.children()
    above = graph.ancestors([leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")])
    trained = [source for source, gradient in zip(sources, gradients) if gradient is not None]
    aside: set[int] = set()
    for parts in recorder.several:
        makers = {graph.maker[id(part)] for part in parts if id(part) in graph.maker}
        used, unused = makers & above, makers - above
        if used and unused:
            later = below(children, used) & above - used
            if any(users(graph, readers(recorder, graph, source)) & later for source in trained):
                aside |= unused
    for source, gradient in zip(sources, gradients):
        if gradient is None and aside:
            reached = below(children, readers(recorder, graph, source))
            ends = {index for index in reached if not children[index]}
            if ends and ends <= aside:
                recorder.left_aside.add(id(recorder.raw(source)))
