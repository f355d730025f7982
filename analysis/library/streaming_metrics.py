"""The metrics of graph programs, `tf.metrics.auc(labels, predictions)`: what is counted so far, and what counts on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis.operations import Transfer
from regrad.analysis.values import Collection, Metric, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

_ONLY_STREAMING = (
    "accuracy auc average_precision_at_k false_negatives false_negatives_at_thresholds false_positives"
    " false_positives_at_thresholds mean mean_cosine_distance mean_iou mean_per_class_accuracy mean_relative_error"
    " mean_tensor percentage_below precision precision_at_k precision_at_thresholds precision_at_top_k recall"
    " recall_at_k recall_at_thresholds recall_at_top_k root_mean_squared_error sensitivity_at_specificity"
    " specificity_at_sensitivity true_negatives true_negatives_at_thresholds true_positives"
    " true_positives_at_thresholds"
).split()
_ALSO_OF_KERAS = ("mean_absolute_error", "mean_squared_error")
"""Names that TensorFlow 2 gives to the functions of Keras, which have a slope."""


def _streaming(interpreter: Interpreter, name: str, call: Call) -> Value:
    """Both results come from variables that `assign_add` wrote, so that no gradient passes (measured on TF 2.21)."""
    last = name.rpartition(".")[2].removeprefix("streaming_")
    metric = Metric(last, call.node, interpreter.frame, interpreter.tick())
    results = tuple(
        interpreter.operation("metric", last, call.node, call.all(), Transfer.NONE, dtype="float32", callee=metric)
        for _ in range(2)
    )
    return Collection("tuple", results, node=call.node)


FUNCTIONS: dict[str, Handler] = {
    **{f"{space}.metrics.{name}": _streaming for space in ("tf", "tf1") for name in _ONLY_STREAMING},
    **{f"tf1.metrics.{name}": _streaming for name in _ALSO_OF_KERAS},
    **{f"tf.contrib.metrics.streaming_{name}": _streaming for name in (*_ONLY_STREAMING, *_ALSO_OF_KERAS)},
}
