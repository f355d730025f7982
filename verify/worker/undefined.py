"""Names that a program uses and never defines, and what its own text says about them."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from typing import Any

TARGET_NAME = re.compile(
    r"^(y|Y|t|labels?|targets?|classes|outputs?)$|^y_?\d*$|(^|_)(y|labels?|targets?|truth)(_|\d|$)|^(train|test|val)_?[yY]$|^[yY]_?(train|test|val|true|batch|b|s|data)|[a-z]Y$|[lL]abels?$|[tT]argets?$"
)
NUMBERS: list[tuple[str, Any]] = [
    (r"epoch", 1),
    (r"batch", 8),
    (r"class|categor|n_?out|output_?(dim|size)|n_labels", 10),
    (r"^lr$|learning_?rate|^eta$|alpha|momentum|decay|dropout|rate", 0.01),
    (r"steps|iters|iterations", 2),
    (r"vocab|max_?features|num_?words|n_tokens", 1000),
    (r"max_?len|seq_?len|sequence|timesteps|n_steps|time_steps|window", 16),
    (r"img_?(size|height|width|rows|cols|dim)|image_?(size|height|width)|^(height|width|rows|cols)$", 32),
    (r"channels", 3),
    (r"n_?features|num_?features|input_?(dim|size)|n_?inputs?$|num_?inputs?$|dim$|n_cols", 10),
    (r"latent|hidden|units|embed|filters|neurons", 16),
]  # fmt: skip


SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def undefined_names(text: str) -> set[str]:
    """Global names that are read somewhere and bound nowhere."""
    read: set[str] = set()
    bound: set[str] = set(dir(builtins)) | {
        "__file__",
        "__name__",
        "__doc__",
        "__spec__",
        "__annotations__",
        "__builtins__",
    }

    def walk(table: symtable.SymbolTable, top: bool) -> None:
        for symbol in table.get_symbols():
            is_global = top or symbol.is_global()
            if not is_global:
                continue
            if symbol.is_assigned() or symbol.is_imported() or (top and symbol.is_namespace()):
                bound.add(symbol.get_name())
            if symbol.is_referenced():
                read.add(symbol.get_name())
        for child in table.get_children():
            walk(child, False)

    try:
        walk(symtable.symtable(text, "<program>", "exec"), True)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    return {name for name in (read - bound) | read_too_early(text) if not name.startswith("_")}


def read_too_early(text: str) -> set[str]:
    """Names that a plain statement of the module reads before anything has bound them: `X = X.reshape(...)`."""
    bound: set[str] = set(dir(builtins)) | {"__file__", "__name__", "__doc__"}
    early: set[str] = set()
    for statement in ast.parse(text).body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        if isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names):
            return set()
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)):
            inner = {id(node) for scope in ast.walk(statement) if isinstance(scope, SCOPES) for node in ast.walk(scope)}
            early |= {node.id for node in names if isinstance(node.ctx, ast.Load) and id(node) not in inner} - bound
            if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                early |= {statement.target.id} - bound
        bound |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        for node in ast.walk(statement):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                bound.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            elif isinstance(node, ast.Global):
                bound |= set(node.names)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                bound.add(node.name)
    return early


def called_names(tree: ast.AST) -> set[str]:
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def number_for(name: str) -> Any:
    for pattern, value in NUMBERS:
        if re.search(pattern, name, re.IGNORECASE):
            return value
    return None


def is_target(name: str) -> bool:
    return bool(TARGET_NAME.search(name))


class Hints:
    """What the text says about inputs and outputs: literal shapes, the last layer, the loss."""

    def __init__(self, tree: ast.AST) -> None:
        self.constants: dict[str, Any] = {}
        self.input_shape: tuple[int, ...] | None = None
        self.vocabulary: int | None = None
        self.units: int | None = None
        self.activation: str | None = None
        self.loss = ""
        self.categorical: set[str] = set()
        self.classes: int | None = None
        self.scaled = False
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                value = self.literal(node.value)
                if value is not None:
                    self.constants.setdefault(node.targets[0].id, value)
        self.calls = sorted(
            (node for node in ast.walk(tree) if isinstance(node, ast.Call)),
            key=lambda node: (node.lineno, node.col_offset),
        )
        for call in self.calls:
            self.read(call)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.BinOp)
                and isinstance(node.op, ast.Div)
                and self.literal(node.right) in (255, 255.0, 127.5)
            ):
                self.scaled = True

    def literal(self, node: ast.AST | None) -> Any:
        if isinstance(node, ast.Name):
            return self.constants.get(node.id)
        if isinstance(node, (ast.Tuple, ast.List)):
            return tuple(self.literal(part) for part in node.elts)
        try:
            return ast.literal_eval(node) if node is not None else None
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None

    def read(self, call: ast.Call) -> None:
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        shape = self.literal(keywords.get("input_shape"))
        if name in ("Input", "InputLayer"):
            shape = self.literal(keywords.get("shape") or (call.args[0] if call.args else None))
        if "input_dim" in keywords and name != "Embedding":
            dimension = self.literal(keywords["input_dim"])
            shape = (dimension,) if isinstance(dimension, int) else shape
        if isinstance(shape, int):
            shape = (shape,)
        if isinstance(shape, tuple) and self.input_shape is None:
            self.input_shape = tuple(side if isinstance(side, int) and side > 0 else 16 for side in shape)
        first = self.literal(call.args[0]) if call.args else None
        if name == "Embedding" and self.vocabulary is None:
            size = first if first is not None else self.literal(keywords.get("input_dim"))
            self.vocabulary = size if isinstance(size, int) else None
        if name == "Dense":
            units = first if first is not None else self.literal(keywords.get("units"))
            self.units = units if isinstance(units, int) else None
            self.activation = self.literal(keywords.get("activation") or (call.args[1] if len(call.args) > 1 else None))
        if name == "Activation" and isinstance(first, str):
            self.activation = first
        if name == "to_categorical" and call.args:
            self.categorical |= {node.id for node in ast.walk(call.args[0]) if isinstance(node, ast.Name)}
            classes = self.literal(keywords.get("num_classes") or (call.args[1] if len(call.args) > 1 else None))
            self.classes = classes if isinstance(classes, int) else self.classes
        if name == "one_hot" and len(call.args) > 1:
            self.categorical |= {node.id for node in ast.walk(call.args[0]) if isinstance(node, ast.Name)}
            classes = self.literal(call.args[1])
            self.classes = classes if isinstance(classes, int) else self.classes
        if name == "compile" and ("loss" in keywords or len(call.args) > 1):
            self.loss = loss_word(keywords["loss"] if "loss" in keywords else call.args[1]) or self.loss
        elif not self.loss and loss_word(call):
            self.loss = loss_word(call)


def loss_word(node: ast.AST) -> str:
    """The name of the loss in lower case without underscores, from a string, a class or a function."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        word = node.value
    elif isinstance(node, ast.Call):
        return loss_word(node.func)
    elif isinstance(node, ast.Attribute):
        word = node.attr
    elif isinstance(node, ast.Name):
        word = node.id
    else:
        return ""
    word = word.lower().replace("_", "")
    return (
        word
        if re.search(
            r"crossentropy|squarederror|absoluteerror|^ms[le]e?$|^ma[pe]e?$|hinge|huber|poisson|logcosh|kld", word
        )
        else ""
    )
