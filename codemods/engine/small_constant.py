"""An expression whose slope is infinite at 0, written so that its argument never gets there: a small constant, or the
function that computes both in one.
"""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument, operand
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.spacing import plus

ROOTS = frozenset({"sqrt", "rsqrt"})
NORMS = frozenset({"norm", "reduce_euclidean_norm"})


def kept_away(program: Program, kind: str, node: ast.expr, path: str) -> tuple[ast.expr, str, str]:
    """What is replaced, by what, and how that is called. `kind`: root, power, log, norm, euclidean (a norm
    whose second argument is the axis) or spread (a standard deviation).

    Raises `CannotMove` with the reason.
    """
    sign = plus(program, node, path)
    if kind == "power" and isinstance(node, ast.BinOp):
        return (
            node.left,
            f"({program.source(node.left, path)}{sign}1e-12)",
            "add a small constant under the root",
        )
    inner = argument(node, 0, "x", "tensor", "input_tensor") if isinstance(node, ast.Call) else None
    if inner is None or not isinstance(node, ast.Call):
        raise CannotMove("the call does not spell its argument out")
    if kind == "log":
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Div):
            above, below = (f"({_summand(program, each, path)}{sign}1e-7)" for each in (inner.left, inner.right))
            return inner, f"{above} / {below}", "add a small constant above and below the line"
        stable = _stable(program, node, inner, path)
        if stable is not None:
            return node, stable, "use the function that computes both in one"
        return (
            inner,
            f"{_summand(program, inner, path)}{sign}1e-7",
            "add a small constant in the logarithm",
        )
    if kind in ("root", "power"):
        return (
            inner,
            f"{_summand(program, inner, path)}{sign}1e-12",
            "add a small constant under the root",
        )
    if kind == "spread":
        return node, _spread(program, node, inner, path), "write the deviation out with a small constant under the root"
    return node, _norm(program, kind, node, inner, path), "write the norm out with a small constant under the root"


def _norm(program: Program, kind: str, node: ast.Call, inner: ast.expr, path: str) -> str:
    root, total, square = _said(program, node, path, "sqrt", "reduce_sum", "square")
    orders = [each.value for each in node.keywords if each.arg == "ord"]
    orders += node.args[1:2] if kind == "norm" else []
    if any(not isinstance(each, ast.Constant) or each.value not in ("euclidean", 2, None) for each in orders):
        raise CannotMove("the norm is not known to be the Euclidean one")
    place = 2 if kind == "norm" else 1
    rest = [f"axis={program.source(node.args[place], path)}"] if len(node.args) > place else []
    rest += [
        f"{each.arg}={program.source(each.value, path)}" for each in node.keywords if each.arg in ("axis", "keepdims")
    ]
    return f"{root}({total}({', '.join([f'{square}({program.source(inner, path)})', *rest])}) + 1e-12)"


def _spread(program: Program, node: ast.Call, inner: ast.expr, path: str) -> str:
    root, variance = _said(program, node, path, "sqrt", "math.reduce_variance")
    given = ", ".join(program.source(each, path) for each in (*node.args, *node.keywords))
    return f"{root}({variance}({given}) + 1e-12)"


def _said(program: Program, node: ast.expr, path: str, *names: str) -> list[str]:
    found = []
    for each in names:
        text = imports.spelled(program.trees[path], [f"tensorflow.{each}", f"tensorflow.compat.v1.{each}"], node)
        if text is None:
            raise CannotMove(
                "TensorFlow is not imported here; write `tf.sqrt(tf.reduce_sum(tf.square(x), axis) + 1e-12)`"
            )
        found.append(text)
    return found


def _summand(program: Program, node: ast.expr, path: str) -> str:
    text = program.source(node, path)
    plain = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow))
    return text if plain else operand(text)


def _stable(program: Program, node: ast.Call, inner: ast.expr, path: str) -> str | None:
    """`log(softmax(z))`, `log(sigmoid(z))` and `log(1 - sigmoid(z))` where the inner call stands in place."""
    tree = program.trees[path]
    negative = isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub) and isinstance(inner.left, ast.Constant)
    call = inner.right if isinstance(inner, ast.BinOp) and negative else inner
    if not isinstance(call, ast.Call) or len(call.args) + len(call.keywords) != 1 or not call.args:
        return None
    name = called(call)
    wanted = {"softmax": "nn.log_softmax", "sigmoid": "math.log_sigmoid"}.get(name)
    if wanted is None or (negative and name == "softmax"):
        return None
    if isinstance(call.func, ast.Attribute) and not isinstance(call.func.value, (ast.Name, ast.Attribute)):
        return None
    spelled = imports.spelled(tree, [f"tensorflow.{wanted}", f"tensorflow.compat.v1.{wanted}"], node)
    text = program.source(call.args[0], path)
    return None if spelled is None else f"{spelled}({'-' + operand(text) if negative else text})"
