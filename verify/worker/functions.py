"""Watches calls of `tf.function`s in the program's own mode: a step inside one is invisible to Python after tracing."""

from __future__ import annotations

import functools
from typing import Any

from .recorder import Recorder


def watch_functions(recorder: Recorder) -> None:
    kind = type(recorder.tf.function(lambda: None))
    plain = vars(kind).get("__call__")
    if plain is None:
        return

    @functools.wraps(plain)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        if recorder.inside or recorder.paused or recorder.functions or not recorder.program_called():
            return plain(self, *args, **options)
        steps = recorder.training_functions.get(id(self), 0)
        if recorder.seen_enough(steps):
            recorder.stop()
        recorder.lines.add(recorder.site())
        recorder.functions.append(self)
        try:
            result = plain(self, *args, **options)
        finally:
            recorder.functions.pop()
        if id(self) in recorder.training_functions:
            recorder.training_functions[id(self)] += 1
            recorder.kept.append(self)
            if recorder.loss is None:
                recorder.loss = recorder.first_scalar(result)
        return result

    called.autograph_info__ = {}  # type: ignore[attr-defined]
    kind.__call__ = called
