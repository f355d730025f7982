"""A NumPy function of the program, handed to `tf.numpy_function`, converted to TensorFlow as a whole.

Where others use it too, it stays, and a twin of it in TensorFlow stands below.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import BoundMethod, Function, Tensor
from regrad.codemods.engine.broken_paths import argument, operand, outermost, text_of
from regrad.codemods.engine.convolved import convolutions
from regrad.codemods.engine.convolved import written as convolution
from regrad.codemods.engine.independent import Independent, numpy_name
from regrad.codemods.engine.layout import layout_of
from regrad.codemods.engine.numpy_table import ARRAY_METHODS, FLOATS, TABLE, WITHOUT, Counterpart, NotConverted
from regrad.codemods.engine.ranking import RankFunction, rank_function, soft_rank
from regrad.codemods.engine.renamed_text import renamed_text
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import free_name

if TYPE_CHECKING:
    from regrad.codemods.engine.from_numpy import Conversion

NAMES = frozenset({"numpy_function", "py_func"})
_AS_THEY_ARE = frozenset({"float32", "array", "asarray"})
"""What makes an array of what, in TensorFlow, is a tensor already."""
_SIGN = Counterpart("sign")
"""For a factor alone: a sign has no slope of its own."""
_PLAIN = frozenset({"float", "int", "bool", "max", "min", "sum", "sorted", "round", "list"})
"""Functions of Python that make no tensor of a tensor."""


def own_function(value: Tensor) -> Function | None:
    """The function or method of the program that is handed over, where the value is its answer."""
    if value.operation.name not in NAMES:
        return None
    given = value.operation.arguments or {}
    function = given.get("0") or given.get("func")
    function = function.function if isinstance(function, BoundMethod) else function
    return function if isinstance(function, Function) else None


def called(conversion: Conversion, node: ast.expr, value: Tensor, path: str) -> str:
    """The text of `tf.numpy_function(f, [x], Tout)`: a call of the function itself, or of TensorFlow's counterpart."""
    handed = argument(node, 0, "func") if isinstance(node, ast.Call) else None
    inputs = argument(node, 1, "inp") if isinstance(node, ast.Call) else None
    if handed is None or inputs is None:
        raise NotConverted("the call does not spell its arguments out")
    given = inputs.elts if isinstance(inputs, (ast.List, ast.Tuple)) else None
    if given is not None and any(isinstance(each, ast.Starred) for each in given):
        given = None
    function = own_function(value)
    if function is None:
        name = conversion.program.source(handed, path).partition(".")[2]
        known = TABLE.get(name)
        if known is None or given is None or len(given) > known.positional:
            outside = ("the function runs outside of TensorFlow; write it with TensorFlow's operations", "")
            raise NotConverted(*WITHOUT.get(name, outside))
        parts = ", ".join(conversion.text(each, path) for each in given)
        return f"{conversion.say(known.name, path, node)}({parts})"
    body, module = function.node, function.module
    if module not in conversion.program.files or given is None or isinstance(body, ast.AsyncFunctionDef):
        raise NotConverted(
            f"`{function.name}` runs in NumPy; write it with TensorFlow's operations and call it directly"
        )
    texts = [conversion.text(each, path) for each in given]
    if isinstance(body, ast.Lambda):
        if handed is not body:
            raise NotConverted("the function is a `lambda` with a name; write it with TensorFlow's operations")
        return _put_in(conversion, body, texts, path)
    if body not in conversion.functions:
        if _is_overridden(conversion, function):
            raise NotConverted(f"`{function.name}` is another one in another class; write all of them in TensorFlow")
        conversion.functions[body] = _in_tensorflow(conversion, body, path, module)
    callee = conversion.program.source(handed, path)
    if conversion.functions[body] != body.name:
        callee = callee.removesuffix(body.name) + conversion.functions[body]
    return f"{callee}({', '.join(texts)})"


def _is_overridden(conversion: Conversion, function: Function) -> bool:
    """Whether a class has a method of that name in the place of another class's."""
    if function.owner is None:
        return False
    classes = [each for path in conversion.program.trees for each in conversion.program.nodes_of(path, ast.ClassDef)]
    own = function.owner.node
    others = [
        each
        for each in classes
        if each is not own and any(getattr(member, "name", None) == function.name for member in each.body)
    ]
    above = {ast.unparse(base).rpartition(".")[2] for base in own.bases}
    return any(
        each.name in above or own.name in (ast.unparse(base).rpartition(".")[2] for base in each.bases)
        for each in others
    )


def _in_tensorflow(conversion: Conversion, function: ast.FunctionDef, path: str, module: str) -> str:
    """Converts the function where it stands, or gives it a twin; the name of what is in TensorFlow then."""
    ranking = rank_function(function)
    if _used_elsewhere(conversion, function):
        if ranking is not None or module != path:
            raise NotConverted(f"`{function.name}` is also used elsewhere", WITHOUT["argsort"][1] if ranking else "")
        return _twin(conversion, function, path)
    if ranking is not None:
        _ranks(conversion, function, ranking, module)
        return function.name
    for node, text in _converted_definition(conversion, function, module).items():
        conversion.file(module).replace(node, text)
    return function.name


def _ranks(conversion: Conversion, function: ast.FunctionDef, ranking: RankFunction, path: str) -> None:
    """Gives the function the body of a soft rank."""
    conversion.ranked = True
    answers = [value for value in conversion.values.values() if _defines(value, function)]
    ranked = [value.operation.inputs[0] for value in answers if value.operation.inputs]
    vectors = all(isinstance(part, Tensor) and part.shape is not None and len(part.shape) == 1 for part in ranked)
    axis = -1 if ranking.of_rows and not vectors else None
    text = soft_rank(ranking.parameter, ranking.first, lambda name: conversion.say(name, path, function), axis)
    conversion.file(path).rank(ranking, text)


def _defines(value: Tensor, function: ast.FunctionDef) -> bool:
    made_by = own_function(value)
    return made_by is not None and made_by.node is function


def _used_elsewhere(conversion: Conversion, function: ast.FunctionDef) -> bool:
    """Whether anything but the calls that are converted says the function's name."""
    taken = {each for node, value in conversion.values.items() if _defines(value, function) for each in ast.walk(node)}
    for tree in conversion.program.trees.values():
        for each in ast.walk(tree):
            said = each.id if isinstance(each, ast.Name) else each.attr if isinstance(each, ast.Attribute) else ""
            if said == function.name and each not in taken:
                return True
            imported = each.names if isinstance(each, ast.ImportFrom) else ()
            if any(alias.name == function.name and alias.asname for alias in imported):
                return True
    return False


def _converted_definition(conversion: Conversion, function: ast.FunctionDef, path: str) -> dict[ast.expr, str]:
    plain = ("staticmethod", "classmethod")
    if any(not isinstance(each, ast.Name) or each.id not in plain for each in function.decorator_list):
        raise NotConverted(f"`{function.name}` has a decorator")
    return converted(conversion.program, function, path, lambda name, at: conversion.say(name, path, at))


def _twin(conversion: Conversion, function: ast.FunctionDef, path: str) -> str:
    """Puts the function once more below itself, in TensorFlow; gives the new one's name."""
    program, source = conversion.program, conversion.program.files[path]
    texts = _converted_definition(conversion, function, path)
    name = free_name(program, path, program.trees[path], (f"{function.name}_tf",))
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if not body:
        raise NotConverted(f"`{function.name}` is also used elsewhere")
    margin = " " * function.col_offset
    decorators = [f"@{program.source(each, path)}" for each in function.decorator_list]
    start, inner = source.span(function).start, source.span(function.body[0]).start
    header = source.segment(Span(start, inner)).replace(f"def {function.name}", f"def {name}", 1).rstrip()
    lines = [
        text_of(source, each, {node: text for node, text in texts.items() if _within(each, node)}) for each in body
    ]
    step = " " * (body[0].col_offset - function.col_offset) if body[0].lineno > function.lineno else "    "
    if any(mark in line for mark in ('"""', "'''", "#") for line in (header, *lines)) or "\t" in header:
        raise NotConverted(f"`{function.name}` is also used elsewhere")
    written = "\n".join([*(margin + each for each in (*decorators, header)), *(margin + step + each for each in lines)])
    end = layout_of(source, program.trees[path]).line_end(function.end_lineno or function.lineno)
    position = source.position(end)
    edit = Edit(path, Span(position, position), ("\n\n" if margin else "\n\n\n") + written)
    conversion.file(path).add(edit)
    return name


def _within(outer: ast.AST, inner: ast.AST) -> bool:
    return any(each is inner for each in ast.walk(outer))


def _put_in(conversion: Conversion, function: ast.Lambda, given: list[str], path: str) -> str:
    """The body of a `lambda` with what it is given in the place of its parameters."""
    arguments = function.args
    parameters = [each.arg for each in arguments.args]
    unusual = arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs or arguments.defaults
    nested = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr)
    if unusual or len(parameters) != len(given) or any(isinstance(each, nested) for each in ast.walk(function.body)):
        raise NotConverted("the function is a `lambda`; write it with TensorFlow's operations")
    named = [each.id for each in ast.walk(function.body) if isinstance(each, ast.Name)]
    if any(
        named.count(parameter) > 1 and not text.isidentifier()
        for parameter, text in zip(parameters, given, strict=True)
    ):
        raise NotConverted("give what is handed to the `lambda` a name first")
    texts = converted(conversion.program, function, path, lambda name, at: conversion.say(name, path, at))
    text = text_of(conversion.program.files[path], function.body, texts)
    return renamed_text(text, {each: operand(new) for each, new in zip(parameters, given, strict=True)})


def _is_factor(node: ast.Call, independent: Independent) -> bool:
    """Whether it is a sign that something with a slope is multiplied by: `np.sign(x) * np.log1p(np.abs(x))`."""
    if numpy_name(node) != "sign":
        return False
    current: ast.AST = node
    while isinstance(parent := independent.parents.get(current), ast.BinOp) and isinstance(
        parent.op, (ast.Mult, ast.Div)
    ):
        other = parent.right if parent.left is current else parent.left
        above = isinstance(parent.op, ast.Mult) or parent.left is current
        if above and independent.depends(other):
            return True
        current = parent
    return False


def converted(
    program: Program, function: ast.FunctionDef | ast.Lambda, path: str, say: Callable[[str, ast.AST], str]
) -> dict[ast.expr, str]:
    """The calls of the function with their new texts; raises `NotConverted` where one has no counterpart.

    `say` spells a TensorFlow name at a place of the file.
    """
    title = "`lambda`" if isinstance(function, ast.Lambda) else f"`{function.name}`"
    independent = Independent(function, program.trees[path])
    convolved = convolutions(function, independent)
    wanted: list[ast.Call] = list(convolved)
    written = {inner for each in convolved for inner in ast.walk(each)}
    for each in ast.walk(function):
        if each in independent.nodes or each in written:
            continue
        if isinstance(each, ast.Attribute) and each.attr in ("T", "real", "imag", "flat"):
            raise NotConverted(f"{title} uses `.{each.attr}`, which arrays alone have")
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in _PLAIN:
            raise NotConverted(f"{title} uses `{each.func.id}()`, which makes no tensor")
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            dotted = numpy_name(each)
            if dotted is None:
                if isinstance(each.func.value, ast.Name) and each.func.value.id == "math":
                    if independent.depends(each):
                        raise NotConverted(f"{title} uses `math.{each.func.attr}`, which takes one number")
                    continue
                if each.func.attr != "astype" and each.func.attr not in ARRAY_METHODS:
                    raise NotConverted(f"{title} uses the array method `{each.func.attr}`")
            elif dotted not in TABLE and dotted not in _AS_THEY_ARE and not _is_factor(each, independent):
                last = dotted.rpartition(".")[2]
                reason, instead = WITHOUT.get(last, ("it has no counterpart of the same meaning", ""))
                raise NotConverted(f"{title} uses `{last}`: {reason}", instead)
            wanted.append(each)
    if any(isinstance(each, (ast.For, ast.While)) for each in ast.walk(function)):
        raise NotConverted(f"{title} has a loop")
    comprehensions = (each for each in ast.walk(function) if isinstance(each, ast.comprehension))
    if any(independent.depends(each.iter) and each.iter not in written for each in comprehensions):
        raise NotConverted(f"{title} goes through a tensor row by row, which a graph cannot do")
    if any(isinstance(each, (ast.If, ast.IfExp, ast.Assert, ast.BoolOp)) for each in ast.walk(function)):
        raise NotConverted(f"{title} asks for what is true, which a tensor in a graph cannot say")
    if any(isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store) for each in ast.walk(function)):
        raise NotConverted(f"{title} fills an array element by element", "tf.stack(values)")
    source = program.files[path]

    def method(node: ast.Call, function: ast.Attribute) -> str:
        owner = text(function.value)
        if function.attr == "astype":
            dtype = source.segment(source.span(node.args[0])).strip("'\"") if node.args else ""
            # The dtype of an argument: TensorFlow never left it.
            if dtype not in FLOATS and not dtype.endswith(".dtype"):
                raise NotConverted(f"the array is given the dtype `{dtype}`")
            return owner
        if len(node.args) > 1 or any(each.arg not in ("axis", "keepdims") for each in node.keywords):
            raise NotConverted(f"`.{function.attr}()` has no counterpart for its arguments")
        rest = [text(each) for each in node.args] + [f"{each.arg}={text(each.value)}" for each in node.keywords]
        return f"{say(ARRAY_METHODS[function.attr], node)}({', '.join([owner, *rest])})"

    def text(node: ast.AST) -> str:
        if isinstance(node, ast.Call) and node in convolved:
            return convolution(convolved[node], text, lambda name: say(name, node))
        if isinstance(node, ast.Call) and node in wanted and isinstance(node.func, ast.Attribute):
            dotted = numpy_name(node)
            if dotted is None:
                return method(node, node.func)
            if dotted in _AS_THEY_ARE:
                if len(node.args) != 1 or node.keywords:
                    raise NotConverted(f"`{dotted}` is given another dtype")
                return text(node.args[0])
            known = TABLE.get(dotted, _SIGN)
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
