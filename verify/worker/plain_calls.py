"""Lets Keras 2 call the program's own functions while they run eagerly: AutoGraph's copies of them have other lines."""

from __future__ import annotations

import functools
from typing import Any

from .recorder import Recorder


def call_plainly(recorder: Recorder) -> None:
    """Keras 2 takes the conversion from here; `tf.data` and `tf.function` have their own way to it and need it."""
    for root in (recorder.tf, recorder.tf.compat.v2):
        home = getattr(getattr(root, "__internal__", None), "autograph", None)
        plain = getattr(home, "tf_convert", None)
        if plain is not None and not hasattr(plain, "regrad_plain"):
            replace(recorder, home, plain)


def replace(recorder: Recorder, home: Any, plain: Any) -> None:

    @functools.wraps(plain)
    def tf_convert(function: Any, *args: Any, **options: Any) -> Any:
        converted = plain(function, *args, **options)

        @functools.wraps(function)
        def called(*given: Any, **named: Any) -> Any:
            chosen = function if recorder.tf.executing_eagerly() else converted
            return chosen(*given, **named)

        called.autograph_info__ = {}  # type: ignore[attr-defined]
        return called

    tf_convert.regrad_plain = plain  # type: ignore[attr-defined]
    home.tf_convert = tf_convert
