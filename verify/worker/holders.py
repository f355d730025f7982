"""What holds variables in the program: Keras models, and modules of its own making."""

from __future__ import annotations

import gc
from typing import Any

LIBRARIES = {"tensorflow", "keras", "tf_keras", "tensorflow_probability", "tensorflow_hub", "transformers"}


def holders(families: tuple[type, ...], module_type: type) -> list[Any]:
    """Those that exist now."""
    verdicts: dict[type, bool] = {}
    found = []
    for thing in gc.get_objects():
        kind = type(thing)
        wanted = verdicts.get(kind)
        if wanted is None:
            try:
                wanted = issubclass(kind, families) or (
                    issubclass(kind, module_type) and kind.__module__.split(".")[0] not in LIBRARIES
                )
            except TypeError:
                wanted = False
            verdicts[kind] = wanted
        if wanted:
            found.append(thing)
    return without_shells(found)


def without_shells(models: list[Any]) -> list[Any]:
    """Leaves out the functional models that a Sequential makes for itself, a new one with each added layer."""
    held = [
        {id(layer) for layer in model.layers}
        for model in models
        if type(model).__name__ == "Sequential" and getattr(model, "layers", None)
    ]
    kept = []
    for model in models:
        layers = {id(layer) for layer in getattr(model, "layers", ()) if weights_of(layer)}
        shell = type(model).__name__ == "Functional" and layers and any(layers <= inside for inside in held)
        if not shell:
            kept.append(model)
    return kept


def weights_of(model: Any) -> list[Any]:
    for name in ("weights", "variables"):
        try:
            return list(getattr(model, name))
        except Exception:  # an unbuilt model may refuse
            continue
    return []
