"""Weights that start at a constant, made to start at random: in the place that says how they start."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Layer, Unknown, Value, Variable
from regrad.codemods.engine.filled_start import drawn_instead
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.rule import Edit


def at_random(
    program: Program, holder: Layer | Variable, *, beside: Layer | Variable | None = None
) -> tuple[Edit, ...]:
    """Let the weights of a layer, or a variable, start as they would by default, or from a normal distribution; those
    of `beside` start as they did.

    CannotMove where the place that says how they start is not certain.
    """
    from regrad.codemods.engine import arguments

    node = holder.node
    if holder.frame is None or not isinstance(node, ast.Call):
        raise CannotMove("the weights are not made in a call of their own")
    path = holder.frame.path
    source = program.files[path]
    word = _named(holder)
    stated = _stated_elsewhere(program, holder.arguments.get(word), node, word)
    if stated is not None and (beside is None or stated != _stated_by(program, beside)):
        return stated
    if isinstance(holder, Layer):
        call = _naming(program, holder, node, path)
        return (arguments.remove_argument(source, call, word),)
    if holder.maker != "tf.Variable":
        if any(each.arg == "initializer" for each in node.keywords):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "get_variable":
                return (arguments.remove_argument(source, node, "initializer"),)
            return (arguments.set_keyword(source, node, "initializer", '"glorot_uniform"'),)
        raise CannotMove("the initialiser is not given by its name in the call that makes the weights")
    return drawn_instead(program, holder, node)


def _stated_by(program: Program, holder: Layer | Variable) -> tuple[Edit, ...] | None:
    word = _named(holder)
    node = holder.node
    return _stated_elsewhere(program, holder.arguments.get(word), node, word) if isinstance(node, ast.Call) else None


def _named(holder: Layer | Variable) -> str:
    """The argument that says how the weights start."""
    if not isinstance(holder, Layer):
        return "initializer"
    return "embeddings_initializer" if holder.kind == "Embedding" else "kernel_initializer"


def _naming(program: Program, layer: Layer, made: ast.Call, path: str) -> ast.Call:
    """The call that names the initialiser: that which makes the layer, or the `partial` that stands for it."""
    if any(each.arg == _named(layer) for each in made.keywords):
        return made
    given = layer.arguments.get(_named(layer))
    stated = given.node if isinstance(given, Constant) else None
    parents = program.parents(path)
    keyword = parents.get(stated) if stated is not None else None
    call = parents.get(keyword) if isinstance(keyword, ast.keyword) else None
    if not isinstance(call, ast.Call) or called(call) != "partial":
        raise CannotMove("the initialiser is not given by its name in the call that makes the layer")
    return call


def _stated_elsewhere(
    program: Program, initializer: Value | None, node: ast.Call, word: str
) -> tuple[Edit, ...] | None:
    """The initializer in the place that chooses it, where the call that makes the weights only hands it on."""
    given = next((each.value for each in node.keywords if each.arg == word), None)
    if isinstance(initializer, Constant):
        chosen = initializer.node
    elif isinstance(initializer, Unknown) and initializer.operation is not None:
        chosen = initializer.operation.node
    else:
        return None
    path = file_of(program, chosen) if chosen is not None else None
    if given is None or path is None or chosen is given or not isinstance(chosen, ast.expr):
        return None
    if isinstance(chosen, ast.Call):
        before, dot, _ = program.source(chosen.func, path).rpartition(".")
        if not dot:
            raise CannotMove("the initialiser is not given by its name in the call that makes the weights")
        text = f"{before}.GlorotUniform()"
    elif isinstance(chosen, ast.Constant):
        text = '"glorot_uniform"'
    else:
        return None
    return (Edit(path, program.files[path].span(chosen), text),)
