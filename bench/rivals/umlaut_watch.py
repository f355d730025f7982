"""Runs one program under the published checks of UMLAUT: `python umlaut_watch.py REPORT PROGRAM`.

Schoop, Huang, Hartmann: "UMLAUT: Debugging Deep Learning Programs using Program Structure and Model Behavior", CHI
2021, doi:10.1145/3411764.3445538. The tool is a callback of `fit`, made for Keras 2 (it reads `loss._fn_kwargs`), and
sends what it sees to a server of its own. Written anew from what the paper and its repository (BerkeleyHCI/umlaut) say
that it checks: before training, whether a softmax (or from_logits) stands before the loss; after every epoch, whether
inputs lie beyond -1 and 1 or are no floats, whether the loss is NaN, whether the validation loss rises while the
training loss falls, and whether the validation accuracy is above 95 % or above the accuracy in training. One leniency:
a softmax that is the activation of the last layer counts as one.
"""

from __future__ import annotations

import json
import runpy
import sys
from typing import Any


class Watch:
    """Gathers the names of the checks that speak up."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def before(self, model: Any, inputs: Any) -> None:
        loss = getattr(model, "loss", None)
        config: dict[str, Any] = loss.get_config() if loss is not None and hasattr(loss, "get_config") else {}
        from_logits = config.get("from_logits") or config.get("fn_kwargs", {}).get("from_logits")
        last = model.layers[-1] if getattr(model, "layers", None) else None
        activation = getattr(getattr(last, "activation", None), "__name__", None)
        if not from_logits and activation != "softmax" and type(last).__name__ != "Softmax":
            self.seen.add("no softmax before the loss")
        dtype, low, high = getattr(inputs, "dtype", None), None, None
        if dtype is not None and hasattr(inputs, "min") and hasattr(inputs, "max"):
            low, high = float(inputs.min()), float(inputs.max())
            if low < -1 or high > 1:
                self.seen.add("input not normalised")
            if "float" not in str(dtype):
                self.seen.add("input not floating")

    def after(self, epochs: dict[str, list[float]]) -> None:
        loss, validation = epochs.get("loss", []), epochs.get("val_loss", [])
        if any(value != value for value in loss):
            self.seen.add("NaN loss")
        for number in range(1, min(len(loss), len(validation))):
            if validation[number] > validation[number - 1] and loss[number] <= loss[number - 1]:
                self.seen.add("overfitting")
        for trained, valid in zip(
            epochs.get("accuracy", epochs.get("acc", [])),
            epochs.get("val_accuracy", epochs.get("val_acc", [])),
            strict=False,
        ):
            if valid > 0.95 or valid > trained:
                self.seen.add("validation accuracy too good")


def watch(program: str) -> list[str]:
    import keras  # type: ignore[import-not-found,unused-ignore]

    seen = Watch()
    usual = keras.Model.fit

    def fit(self: Any, x: Any = None, *arguments: Any, **more: Any) -> Any:
        seen.before(self, x)
        history = usual(self, x, *arguments, **more)
        seen.after(getattr(history, "history", {}))
        return history

    keras.Model.fit = fit
    try:
        sys.argv = [program]
        runpy.run_path(program, run_name="__main__")
    except BaseException as problem:
        # The checks hang on `fit`: what fails is what they never see.
        print(repr(problem), file=sys.stderr)
    return sorted(seen.seen)


if __name__ == "__main__":
    report, script = sys.argv[1:3]
    found = watch(script)
    with open(report, "w", encoding="utf-8") as file:
        json.dump(found, file)
