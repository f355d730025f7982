"""The value of this batch in the place of what a metric of a graph has counted, `_, value = tf.metrics.mean(x)`."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.location import Span
from regrad.analysis.operations import FLOAT_DTYPES, is_integer
from regrad.analysis.program import Program
from regrad.analysis.values import Operation, Tensor
from regrad.codemods.engine.broken_paths import argument, operand
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around

_SAME_LOSS = {"mean_squared_error": "mean_squared_error", "mean_absolute_error": "absolute_difference"}


def of_this_batch(program: Program, counting: Operation, call: ast.Call, path: str) -> tuple[Edit, ...]:
    """The value of this batch alone, which has a slope.

    CannotMove where no expression measures the same, or both results are read.
    """
    source = program.files[path]
    place, target = _taken(program, call, path)
    text = _measured(program, counting, call, path)
    if target is None:
        return (Edit(path, place, text),)
    return (Edit(path, place, f"{source.segment(source.span(target))} = {text}"),)


def _taken(program: Program, call: ast.Call, path: str) -> tuple[Span, ast.Name | None]:
    """The place of the result that is used, and the name it gets there: `f(x)[1]`, or `_, value = f(x)`."""
    source = program.files[path]
    parent = program.parents(path).get(call)
    if isinstance(parent, ast.Subscript):
        return source.span(parent), None
    target = parent.targets[0] if isinstance(parent, ast.Assign) and len(parent.targets) == 1 else None
    if parent is None or not isinstance(target, ast.Tuple) or len(target.elts) != 2:
        raise CannotMove("which of the two results is used is not written here")
    scope = function_around(program, call, path) or program.trees[path]
    read = [
        each
        for each in target.elts
        if not isinstance(each, ast.Name)
        or any(
            isinstance(other, ast.Name) and other.id == each.id and isinstance(other.ctx, ast.Load)
            for other in ast.walk(scope)
        )
    ]
    if len(read) != 1 or not isinstance(read[0], ast.Name):
        raise CannotMove("both results of the metric are used")
    return source.span(parent), read[0]


def _measured(program: Program, counting: Operation, call: ast.Call, path: str) -> str:
    source, metric = program.files[path], counting.name
    callee = source.segment(source.span(call.func))
    space, dot, _ = callee.rpartition(".metrics.")
    if not dot or "." in space:
        raise CannotMove("TensorFlow is not called by its name here")
    if argument(call, 2, "weights") is not None and metric != "auc":
        raise CannotMove("the weights of the metric would be lost")
    if metric == "mean":
        values = argument(call, 0, "values")
        if values is None:
            raise CannotMove("what the metric is given is not written here")
        return f"{space}.reduce_mean({source.segment(source.span(values))})"
    labels, predictions = argument(call, 0, "labels"), argument(call, 1, "predictions")
    if labels is None or predictions is None:
        raise CannotMove("what the metric is given is not written here")
    truth, scores = (source.segment(source.span(each)) for each in (labels, predictions))
    if metric in _SAME_LOSS:
        return f"{space}.losses.{_SAME_LOSS[metric]}({truth}, {scores})"
    if metric == "auc" and _area_of_ranks(call):
        return _softened_area(space, truth, source.segment(source.span(_ranked(predictions))), counting)
    raise CannotMove("no differentiable function measures the same")


def _area_of_ranks(call: ast.Call) -> bool:
    """Whether it is the plain area under the curve of true and false positives."""
    return len(call.args) <= 2 and all(
        each.arg in ("labels", "predictions", "num_thresholds", "name") for each in call.keywords
    )


def _ranked(predictions: ast.expr) -> ast.expr:
    """What is in the same order as the predictions, and not squeezed between 0 and 1."""
    squeezed = isinstance(predictions, ast.Call) and called(predictions) == "sigmoid" and not predictions.keywords
    return predictions.args[0] if isinstance(predictions, ast.Call) and squeezed else predictions


def _softened_area(space: str, truth: str, scores: str, counting: Operation) -> str:
    """The share of pairs in which the right one is in front, each pair with a slope."""
    labels = counting.inputs[0] if counting.inputs else None
    dtype = labels.dtype if isinstance(labels, Tensor) else None
    if dtype not in FLOAT_DTYPES and not (is_integer(dtype) and dtype not in ("bool", "string")):
        raise CannotMove("the type of the labels is not certain")
    between = ("0.5", "0.5") if dtype in FLOAT_DTYPES else ("0", "1")
    above, below = (
        f"{space}.boolean_mask({scores}, {operand(truth)} {sign} {number})[{cut}]"
        for sign, number, cut in ((">", between[0], ":, None"), ("<", between[1], "None, :"))
    )
    return f"{space}.reduce_mean({space}.sigmoid({above} - {below}))"
