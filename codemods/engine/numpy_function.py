"""A NumPy function of the program, handed to `tf.numpy_function`, converted to TensorFlow as a whole."""

from __future__ import annotations

import ast
from collections.abc import Callable

from regrad.analysis.program import Program
from regrad.codemods.engine.broken_paths import outermost, text_of
from regrad.codemods.engine.numpy_table import FLOATS, TABLE, WITHOUT, NotConverted

_AS_THEY_ARE = frozenset({"float32", "array", "asarray"})
"""What makes an array of what, in TensorFlow, is a tensor already."""


def converted(
    program: Program, function: ast.FunctionDef, path: str, say: Callable[[str, ast.AST], str]
) -> dict[ast.expr, str]:
    """The calls of the function with their new texts; raises `NotConverted` where one has no counterpart.

    `say` spells a TensorFlow name at a place of the file.
    """
    wanted: list[ast.Call] = []
    for each in ast.walk(function):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            dotted = _dotted(each.func)
            if dotted is None:
                if each.func.attr != "astype":
                    raise NotConverted(f"`{function.name}` uses the array method `{each.func.attr}`")
            elif dotted not in TABLE and dotted not in _AS_THEY_ARE:
                last = dotted.rpartition(".")[2]
                reason, instead = WITHOUT.get(last, ("it has no counterpart of the same meaning", ""))
                raise NotConverted(f"`{function.name}` uses `{last}`: {reason}", instead)
            wanted.append(each)
    if any(isinstance(each, (ast.For, ast.While)) for each in ast.walk(function)):
        raise NotConverted(f"`{function.name}` has a loop")
    if any(isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store) for each in ast.walk(function)):
        raise NotConverted(f"`{function.name}` fills an array element by element", "tf.stack(values)")
    uses = sum(isinstance(each, ast.Name) and each.id == function.name for each in ast.walk(program.trees[path]))
    if uses != 1:
        raise NotConverted(f"`{function.name}` is also used elsewhere")
    source = program.files[path]

    def text(node: ast.AST) -> str:
        if isinstance(node, ast.Call) and node in wanted and isinstance(node.func, ast.Attribute):
            dotted = _dotted(node.func)
            if dotted is None:
                dtype = source.segment(source.span(node.args[0])).strip("'\"") if node.args else ""
                if dtype not in FLOATS:
                    raise NotConverted(f"the array is given the dtype `{dtype}`")
                return text(node.func.value)
            if dotted in _AS_THEY_ARE:
                if len(node.args) != 1 or node.keywords:
                    raise NotConverted(f"`{dotted}` is given another dtype")
                return text(node.args[0])
            known = TABLE[dotted]
            if len(node.args) > known.positional or any(isinstance(each, ast.Starred) for each in node.args):
                raise NotConverted(f"the arguments of `{dotted}` have another order in TensorFlow")
            parts = [text(each) for each in node.args]
            for keyword in node.keywords:
                if known.implied.get(keyword.arg or "") == ast.unparse(keyword.value):
                    continue
                if keyword.arg is None or keyword.arg not in known.renamed:
                    raise NotConverted(f"`{dotted}` has no counterpart for its argument `{keyword.arg}`")
                parts.append(f"{known.renamed[keyword.arg]}={text(keyword.value)}")
            if len(parts) < 2:
                parts.extend(f"{name}={value}" for name, value in known.defaults.items())
            return f"{say(known.name, node)}({', '.join(parts)})"
        inner = [each for child in ast.iter_child_nodes(node) for each in outermost(child, wanted)]
        return text_of(source, node, {each: text(each) for each in inner})

    return {each: text(each) for each in outermost(function, wanted) if isinstance(each, ast.expr)}


def _dotted(function: ast.Attribute) -> str | None:
    """The name after `np.`; None for a method."""
    parts: list[str] = []
    current: ast.expr = function
    while isinstance(current, ast.Attribute):
        parts.append(current.attr)
        current = current.value
    if isinstance(current, ast.Name) and current.id in ("np", "numpy"):
        return ".".join(reversed(parts))
    return None
