"""Whether a program reads what its model answers as probabilities: it compares with one half, rounds, or takes logs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.surroundings import function_around

_ANSWERING = frozenset({"predict", "predict_on_batch", "predict_generator"})
_SHAPING = frozenset(
    "numpy flatten ravel squeeze reshape tolist astype float array asarray cast convert_to_tensor item".split()
)
_ROUNDING = frozenset({"round", "rint", "around", "log", "log2", "log10"})
_METRICS = frozenset({"Precision", "Recall", "BinaryAccuracy", "F1Score", "TruePositives", "FalsePositives",
                      "TrueNegatives", "FalseNegatives", "PrecisionAtRecall", "RecallAtPrecision", "AUC",
                      "BinaryIoU"})  # fmt: skip
"""Metrics that compare with thresholds between 0 and 1 unless they are told of logits."""
_TOLD = frozenset({"from_logits", "threshold", "thresholds"})
_DEEPEST = 4


def read_as_probabilities(program: Program) -> bool:
    """Whether some use of a prediction makes sense for probabilities alone."""
    for path in program.trees:
        for call in program.nodes_of(path, ast.Call):
            name = called(call)
            if name in _ANSWERING and isinstance(call.func, ast.Attribute) and _so_read(program, path, call, 0):
                return True
            if name in _METRICS and not any(word.arg in _TOLD for word in call.keywords):
                return True
    return False


def _so_read(program: Program, path: str, node: ast.AST, depth: int) -> bool:
    """Whether this value is compared, rounded or given a name that is; shapes and types do not matter."""
    parents = program.parents(path)
    current: ast.AST = node
    while True:
        parent = parents.get(current)
        if isinstance(parent, ast.Attribute) and isinstance(parents.get(parent), ast.Call):
            call, name = parents[parent], parent.attr
        elif isinstance(parent, ast.Call):
            call, name = parent, called(parent)
        else:
            taken = isinstance(parent, ast.Subscript) and parent.value is current
            if parent is None or not (taken or _is_kept_finite(parent)):
                break
            current = parent
            continue
        if name in _ROUNDING:
            return True
        if name not in _SHAPING:
            return False
        current = call
    if isinstance(parent, ast.Compare):
        return any(_between(each) for each in (parent.left, *parent.comparators))
    bound = binding(parent)
    if bound is None or bound.value is not current:
        return False
    name = bound.target.id
    if "prob" in name.lower():
        return True
    reads = _reads(program, path, bound.statement, name) if depth < _DEEPEST else ()
    return any(_so_read(program, path, read, depth + 1) for read in reads)


def _reads(program: Program, path: str, statement: ast.Assign, name: str) -> Iterator[ast.Name]:
    scope = function_around(program, statement, path) or program.trees[path]
    for node in ast.walk(scope):
        later = isinstance(node, ast.Name) and node.id == name and node.lineno > statement.lineno
        if later and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node


def _between(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0.0 < node.value < 1.0


def _is_kept_finite(node: ast.AST) -> bool:
    """Whether a number is added that keeps a logarithm finite."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Add, ast.Sub)):
        return False
    numbers = [side.value for side in (node.left, node.right) if isinstance(side, ast.Constant)]
    return any(isinstance(number, float) and abs(number) < 1e-3 for number in numbers)
