"""The Kerases that a program may use, and what to say where it asks for `tf_keras` and that is not installed."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import sys
from typing import Any

MISSING = (
    "The program asks for Keras 2 (TF_USE_LEGACY_KERAS), and tf_keras is not installed in the interpreter that runs it;"
    " install it there: pip install tf_keras"
)


def legacy_is_missing() -> bool:
    """Whether `tf.keras` is to be `tf_keras`, which is not there.

    TensorFlow's lazy loader must not be asked: after its first failure it recurses on every access.
    """
    if os.environ.get("TF_USE_LEGACY_KERAS") not in ("true", "True", "1"):
        return False
    try:
        if importlib.util.find_spec("tf_keras") is not None:
            return False
    except (ImportError, ValueError):
        pass
    from tensorflow.python.util import lazy_loader

    # Older TensorFlows do not read the flag and have one Keras only.
    return hasattr(lazy_loader, "KerasLazyLoader")


def version_of(tensorflow: Any) -> str | None:
    if legacy_is_missing():
        return None
    try:
        keras = sys.modules.get("keras")
        version = getattr(tensorflow.keras, "__version__", None) or getattr(keras, "__version__", None)
        version = version() if callable(version) else version
        return None if version is None else str(version)
    except Exception:  # a TensorFlow without Keras can still run tapes
        return None


def families(tensorflow: Any, texts: str) -> list[Any]:
    """Every Keras that the program may use, `tf.keras` first; one that it does not mention would cost a second."""
    found = [] if legacy_is_missing() else [tensorflow.keras]
    for name in ("tf_keras", "keras"):
        if re.search(rf"^\s*(import|from)\s+{name}\b", texts, re.MULTILINE):
            with contextlib.suppress(ImportError):
                found.append(importlib.import_module(name))
    keras = sys.modules.get("keras")
    if keras is not None and hasattr(keras, "Model") and keras not in found:
        found.append(keras)
    return found
