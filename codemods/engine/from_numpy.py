"""Code that left TensorFlow, written in TensorFlow: NumPy calls, `.numpy()`, `float()`, array methods, lists."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from regrad.analysis.endings import Ending
from regrad.analysis.flow import Flow
from regrad.analysis.operations import Transfer, is_integer
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, Operation, Tensor, Value, Variable
from regrad.analysis.walking import each_once
from regrad.codemods.engine import detached_targets, numpy_function, picked_elements
from regrad.codemods.engine.broken_paths import argument, operand, outermost, text_of
from regrad.codemods.engine.converted_file import ConvertedFile
from regrad.codemods.engine.filled_arrays import leaving_before, written_into
from regrad.codemods.engine.numpy_table import ALIKE, ARRAY_METHODS, FLOATS, TABLE, WITHOUT, Counterpart, NotConverted
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around

_BACK = frozenset({"numpy", "item", "tolist", "eval", "__array__", "__float__", "get_value"})
_INTO = frozenset({"constant", "convert_to_tensor"})


class Conversion:
    """Converts what the way from the lost sources to the loss has in NumPy, in a Keras loss the labels' share too."""

    def __init__(self, program: Program, ending: Ending) -> None:
        self.program = program
        self.ending = ending
        kept = detached_targets.roles(program, ending.sink)
        chain = [value for value in ending.chain if not kept.keeps(value)]
        self.chain = {id(value) for value in chain}
        self.values: dict[ast.AST, Tensor] = {}
        self.paths: dict[ast.AST, str] = {}
        self.wrapped = False
        self.ranked = False
        """Whether ranks gave way to soft ones."""
        self.files: dict[str, ConvertedFile] = {}
        self._rewritten: set[tuple[str, ast.AST | None]] = set()
        """The arrays into which something is written, with their functions, once that is done in TensorFlow."""
        self.functions: dict[ast.FunctionDef, str] = {}
        """The functions handed to NumPy that are converted, with the names of their twins, or their own."""
        reached = _reached(ending)
        consumers = [value for value in reached if any(id(part) in self.chain for part in value.operation.inputs)]
        beside = (value for value in leaving_before(ending) if not kept.keeps(value))
        for value in (*chain, *consumers, *beside):
            self._take(value)
        if ending.sink.kind == "keras":
            # The step is traced there, so what the labels go through cannot stay NumPy either.
            functions = {
                id(value.operation.frame.function)
                for value in chain
                if value.operation.frame is not None and value.operation.frame.function is not None
            }
            for value in reached:
                frame = value.operation.frame
                if (
                    frame is not None
                    and id(frame.function) in functions
                    and value.operation.transfer is Transfer.LEAVES
                ):
                    self._take(value)
        handed = {
            id(function.node) for value in (*chain, *consumers) if (function := numpy_function.own_function(value))
        }
        for value in reached:
            # The function becomes another one for all who hand it over.
            if (function := numpy_function.own_function(value)) is not None and id(function.node) in handed:
                self._take(value)
        nodes = set(self.values)
        changed = {id(value) for value in reached if value.operation.node in nodes}
        for value in reached:
            # The same lines, reached with plain numbers, give tensors now as well.
            if any(id(part) in changed for part in value.operation.inputs):
                changed.add(id(value))
                operation = value.operation
                if operation.kind in ("method", "numpy", "conversion", "operator") or operation.name in _INTO:
                    self._take(value)

    def _take(self, value: Tensor) -> None:
        operation = value.operation
        if (
            operation.kind not in ("numpy", "method", "conversion", "constant", "op", "operator", "index")
            or operation.frame is None
        ):
            return
        if isinstance(operation.node, ast.expr) and operation.node not in self.values:
            self.values[operation.node] = value
            self.paths[operation.node] = operation.frame.path

    # -- edits --

    def edits(self) -> tuple[Edit, ...]:
        """The edits of all files; raises `NotConverted` and `CannotMove`."""
        for path in sorted(set(self.paths.values())):
            own = {node for node in self.values if self.paths[node] == path}
            for node in outermost(self.program.trees[path], own):
                assert isinstance(node, ast.expr)
                if isinstance(node, ast.Subscript) and self.values[node].operation.name == "setitem":
                    if (
                        array := (ast.dump(node.value), function_around(self.program, node, path))
                    ) not in self._rewritten:
                        self._rewritten.add(array)
                        written_into(self, node, path)
                    continue
                self.file(path).replace(node, self.text(node, path), self.program.statement(node, path))
        return tuple(edit for path in sorted(self.files) for edit in self.files[path].edits())

    def file(self, path: str) -> ConvertedFile:
        """What becomes of one file."""
        if path not in self.files:
            self.files[path] = ConvertedFile(self.program.files[path], self.program.trees[path])
        return self.files[path]

    # -- texts --

    def text(self, node: ast.expr, path: str) -> str:
        """The text of an expression in TensorFlow."""
        value = self.values.get(node)
        if value is None:
            inner = [each for each in outermost(node, self.values) if isinstance(each, ast.expr)]
            return text_of(self.program.files[path], node, {each: self._part(each, path) for each in inner})
        operation = value.operation
        if operation.kind == "conversion":
            if operation.name != "float":
                raise NotConverted(f"`{operation.name}()` of a tensor makes a Python number without a slope")
            return self.text(self._argument(node, 0), path)
        if operation.name in _BACK:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
                return self.text(node.func.value, path)
            return self.text(self._argument(node, 0), path)
        if operation.kind == "numpy":
            return self._numpy(node, operation, path)
        if (
            operation.kind == "method"
            and isinstance(node, (ast.Call, ast.Attribute))
            and (value.numpy or not self._carried(value))
        ):
            return self._method(node, operation, path)
        made_of = self._tensor_by_now(node, path) if operation.name in _INTO else None
        if made_of is not None:
            return self.text(made_of, path)
        if operation.name == "constant" and operation.transfer is Transfer.LEAVES:
            return self._stacked(node, path)
        if operation.name in numpy_function.NAMES:
            return numpy_function.called(self, node, value, path)
        if operation.name == "to_categorical":
            raise NotConverted(*WITHOUT["to_categorical"])
        if isinstance(node, ast.BinOp):
            return self._operator(node, value, path)
        picked = picked_elements.columns(self.program, node, path) if operation.kind == "index" else None
        if picked is not None and isinstance(node, ast.Subscript):
            owner = self.text(node.value, path)
            return f"{self.say('gather', path, node)}({owner}, {self.text(picked, path)}, batch_dims=1)"
        children = [each for child in ast.iter_child_nodes(node) for each in outermost(child, self.values)]
        texts = {each: self._part(each, path) for each in children if isinstance(each, ast.expr)}
        return text_of(self.program.files[path], node, texts)

    def _part(self, node: ast.expr, path: str) -> str:
        text = self.text(node, path)
        parent = self.program.parents(path).get(node)
        if isinstance(parent, (ast.keyword, ast.Tuple, ast.List, ast.Assign, ast.Return)) or (
            isinstance(parent, ast.Call) and parent.func is not node
        ):
            return text
        # What was in one piece must stay so; an operator keeps the parentheses that it has.
        return operand(text) if isinstance(node, (ast.Call, ast.Attribute)) else text

    def _carried(self, value: Tensor) -> bool:
        return not any(isinstance(part, Tensor) and part.numpy for part in value.operation.inputs)

    def _numpy(self, node: ast.expr, operation: Operation, path: str) -> str:
        if not isinstance(node, ast.Call):
            raise NotConverted("the call is not written out")
        name = self._full_name(node, operation)
        if name in ("array", "asarray", "asanyarray", "float32", "ascontiguousarray"):
            return self._array(node, operation, path)
        if name in ("dot", "inner"):
            one, other = self._argument(node, 0), self._argument(node, 1)
            return f"{self.say('tensordot', path, node)}({self.text(one, path)}, {self.text(other, path)}, 1)"
        if name in ("ravel",):
            return f"{self.say('reshape', path, node)}({self.text(self._argument(node, 0), path)}, [-1])"
        if name == "delete":
            return self._without(node, path)
        known = TABLE.get(name)
        if known is None and name in ALIKE:
            return self._alike(node, name, path)
        if known is None:
            if (
                not any(id(value) in self.chain for value in operation_values(self.values, node))
                and len(node.args) == 1
                and not node.keywords
            ):
                # Of labels alone, it may stay NumPy inside a traced function.
                self.wrapped = True
                inner = self.text(node.args[0], path)
                callee = self.program.source(node.func, path)
                dtype = self.say("float32", path, node)
                return f"{self.say('numpy_function', path, node)}({callee}, [{inner}], {dtype})"
            last = name.rpartition(".")[2]
            raise NotConverted(
                *WITHOUT.get(
                    last,
                    (
                        f"`{self.program.source(node.func, path)}` has no counterpart in TensorFlow",
                        "",
                    ),
                )
            )
        return self._table(node, known, path)

    def _alike(self, node: ast.Call, name: str, path: str) -> str:
        callee = self.program.source(node.func, path)
        if any(isinstance(each, ast.Starred) for each in node.args):
            raise NotConverted(f"the arguments of `{callee}` are not written out")
        for word in node.keywords:
            if word.arg not in ALIKE[name]:
                raise NotConverted(f"`{callee}` has no counterpart for its argument `{word.arg}`")
        parts = [self.text(each, path) for each in node.args]
        parts += [f"{word.arg}={self.text(word.value, path)}" for word in node.keywords]
        return f"{self.say(f'experimental.numpy.{name}', path, node)}({', '.join(parts)})"

    def _without(self, node: ast.Call, path: str) -> str:
        """`np.delete(x, places, axis=1)`: which places stay is no question of slopes, and is left to NumPy."""
        array, places, axis = (argument(node, at, name) for at, name in enumerate(("arr", "obj", "axis")))
        if array is None or places is None or axis is None or not isinstance(array, (ast.Name, ast.Attribute)):
            raise NotConverted("what is deleted is not written out, along which axis", "tf.gather(x, kept, axis=axis)")
        if any(each in self.values for each in ast.walk(places)):
            raise NotConverted("a position has no slope", "tf.gather(x, kept, axis=axis)")
        numpy = self.program.source(node.func, path).rpartition(".")[0]
        along = self.program.source(axis, path)
        kept = f"{numpy}.delete({numpy}.arange({self.text(array, path)}.shape[{along}]), {self.text(places, path)})"
        return f"{self.say('gather', path, node)}({self.text(array, path)}, {kept}, axis={along})"

    def _table(self, node: ast.Call, known: Counterpart, path: str) -> str:
        callee = self.program.source(node.func, path)
        if any(isinstance(each, ast.Starred) for each in node.args) or len(node.args) > known.positional:
            raise NotConverted(f"the arguments of `{callee}` have another order in TensorFlow")
        if known.name == "where" and len(node.args) != 3:
            raise NotConverted(
                "`where` with one argument finds positions, which have no slope", "tf.where(condition, x, y)"
            )
        parts = [self.text(each, path) for each in node.args]
        stated: set[str] = set()
        for each in node.keywords:
            if each.arg == "dtype" and self.program.source(each.value, path).strip("'\"") in FLOATS:
                continue
            if each.arg == "ddof" and isinstance(each.value, ast.Constant) and each.value.value == 0:
                continue
            if known.implied.get(each.arg or "") == ast.unparse(each.value):
                continue
            if each.arg is None or each.arg not in known.renamed:
                raise NotConverted(f"`{callee}` has no counterpart for its argument `{each.arg}`")
            stated.add(known.renamed[each.arg])
            parts.append(f"{known.renamed[each.arg]}={self.text(each.value, path)}")
        for name, default in known.defaults.items():
            if name not in stated and len(node.args) < 2 + (name == "axes"):
                parts.append(f"{name}={default}")
        return f"{self.say(known.name, path, node)}({', '.join(parts)})"

    def _array(self, node: ast.Call, operation: Operation, path: str) -> str:
        first = self._argument(node, 0)
        dtype = argument(node, 1, "dtype")
        plain = dtype is None or self.program.source(dtype, path).strip("'\"") in FLOATS
        if not plain:
            raise NotConverted(f"`{self.program.source(node, path)}` asks for another dtype")
        held = operation.arguments.get("0") if operation.arguments else None
        if isinstance(first, (ast.List, ast.Tuple, ast.ListComp)) or isinstance(held, Collection):
            return f"{self.say('stack', path, node)}({self.text(first, path)})"
        return self.text(first, path)

    def _tensor_by_now(self, node: ast.expr, path: str) -> ast.expr | None:
        """The array that a tensor was made of, where it becomes a tensor itself."""
        if not isinstance(node, ast.Call) or not node.args or isinstance(node.args[0], (ast.List, ast.Tuple)):
            return None
        dtype = argument(node, 1, "dtype")
        others = len(node.args) + len(node.keywords) - 1 - (dtype is not None)
        if others or (dtype is not None and self.program.source(dtype, path).strip("'\"") not in FLOATS):
            return None
        return node.args[0] if any(each in self.values for each in ast.walk(node.args[0])) else None

    def _stacked(self, node: ast.expr, path: str) -> str:
        first = self._argument(node, 0, "value")
        dtype = argument(node, 1, "dtype") if isinstance(node, ast.Call) else None
        text = f"{self.say('stack', path, node)}({self.text(first, path)})"
        if dtype is not None and self.program.source(dtype, path).strip("'\"") not in FLOATS:
            raise NotConverted("the list is given another dtype", text)
        return text

    def _method(self, node: ast.Call | ast.Attribute, operation: Operation, path: str) -> str:
        function = node.func if isinstance(node, ast.Call) else node
        if not isinstance(function, ast.Attribute):
            raise NotConverted("the method is not written out")
        owner = self.text(function.value, path)
        if isinstance(node, ast.Attribute):
            if node.attr == "T":
                return f"{self.say('transpose', path, node)}({owner})"
            raise NotConverted(f"`.{node.attr}` is an attribute of arrays only")
        name = function.attr
        rest = ", ".join(
            [self.text(each, path) for each in node.args]
            + [f"{each.arg}={self.text(each.value, path)}" for each in node.keywords if each.arg]
        )
        if (
            name in ARRAY_METHODS
            and len(node.args) <= 1
            and all(each.arg in ("axis", "keepdims") for each in node.keywords)
        ):
            return f"{self.say(ARRAY_METHODS[name], path, node)}({owner}{', ' + rest if rest else ''})"
        if name in ("copy", "squeeze") and not node.args and not node.keywords:
            return owner if name == "copy" else f"{self.say('squeeze', path, node)}({owner})"
        if name in ("flatten", "ravel") and not node.args and not node.keywords:
            return f"{self.say('reshape', path, node)}({owner}, [-1])"
        if name == "reshape" and node.args and not node.keywords:
            shape = (
                rest
                if len(node.args) == 1 and not isinstance(node.args[0], (ast.Constant, ast.UnaryOp))
                else f"[{rest}]"
            )
            return f"{self.say('reshape', path, node)}({owner}, {shape})"
        if name == "astype" and len(node.args) == 1:
            wanted = self.program.source(node.args[0], path)
            if wanted.strip("'\"") in FLOATS:
                return f"{self.say('cast', path, node)}({owner}, {self.say('float32', path, node)})"
        if name == "clip" and len(node.args) == 2:
            return f"{self.say('clip_by_value', path, node)}({owner}, {rest})"
        raise NotConverted(*WITHOUT.get(name, (f"`.{name}` is a method of arrays only", "")))

    def _operator(self, node: ast.BinOp, value: Tensor, path: str) -> str:
        left, right = value.operation.inputs[:2] if len(value.operation.inputs) > 1 else (None, None)
        texts: dict[ast.AST, str] = {}
        for side, part in ((node.left, left), (node.right, right)):
            texts[side] = self._part(side, path)
            if (
                isinstance(part, Tensor)
                and part.numpy
                and part.operation.node not in self.values
                and part.dtype is not None
                and is_integer(part.dtype)
                and id(part) not in self.chain
                and part.shape != ()
            ):
                texts[side] = (
                    f"{self.say('cast', path, node)}({self.text(side, path)}, {self.say('float32', path, node)})"
                )
        if (
            isinstance(node.op, ast.MatMult)
            and isinstance(right, Tensor)
            and right.shape is not None
            and len(right.shape) == 1
        ):
            return (
                f"{self.say('linalg.matvec', path, node)}({self.text(node.left, path)}, {self.text(node.right, path)})"
            )
        return text_of(self.program.files[path], node, texts)

    # -- names --

    def _full_name(self, node: ast.Call, operation: Operation) -> str:
        """The function's name after `np.` (`linalg.norm`) or `scipy.` (`special.expit`)."""
        parts: list[str] = []
        current: ast.expr = node.func
        while isinstance(current, ast.Attribute):
            parts.append(current.attr)
            current = current.value
        written = ".".join(reversed(parts)) or operation.name
        for name in (written, f"linalg.{operation.name}", f"special.{operation.name}"):
            if name in TABLE and name.rpartition(".")[2] == operation.name:
                return name
        return written

    def _argument(self, node: ast.expr, position: int, *keywords: str) -> ast.expr:
        found = argument(node, position, *keywords) if isinstance(node, ast.Call) else None
        if found is None:
            raise NotConverted("the call does not spell its arguments out")
        return found

    def say(self, name: str, path: str, node: ast.AST) -> str:
        """A TensorFlow name as the file can write it where the node stands."""
        return self.file(path).say(name, node)


def operation_values(values: dict[ast.AST, Tensor], node: ast.AST) -> Iterable[Tensor]:
    """The values that a node, or a part of it, makes."""
    return [values[each] for each in ast.walk(node) if each in values]


def _reached(ending: Ending) -> list[Tensor]:
    """Every tensor that the loss is computed from, gradients or not, in order."""
    full = Flow(ending.sink.tape, full=True)

    def parts(value: Value) -> Iterable[Value]:
        if isinstance(value, Tensor):
            return value.operation.inputs
        return () if isinstance(value, (Variable, Constant)) else full._parts(value)

    found = (value for value in each_once((ending.sink.target,), parts) if isinstance(value, Tensor))
    return sorted(found, key=lambda each: each.operation.serial)
