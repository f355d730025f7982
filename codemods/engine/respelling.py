"""Other words for a loss, an activation or a number of units, put where the author wrote the old ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.callee import called
from regrad.analysis.library.keras_layers import LAYERS
from regrad.analysis.library.losses import standard_name
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile
from regrad.analysis.values import Constant, External, Layer, Loss
from regrad.codemods.engine import imports
from regrad.codemods.engine.arguments import Callee, CannotChange, Change, Remove, Set, change_call
from regrad.codemods.engine.judged import Judged, judged, units_of
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.unpacked_settings import unpacked_argument

CLASSES = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "mean_squared_error": "MeanSquaredError",
}
_COMMON = ("reduction", "name", "dtype")
_ACCEPTED = {
    "binary_crossentropy": ("from_logits", "label_smoothing", "axis", *_COMMON),
    "categorical_crossentropy": ("from_logits", "label_smoothing", "axis", *_COMMON),
    "sparse_categorical_crossentropy": ("from_logits", "ignore_class", "axis", *_COMMON),
    "binary_focal_crossentropy": (
        "apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis", *_COMMON,
    ),
    "categorical_focal_crossentropy": ("alpha", "gamma", "from_logits", "label_smoothing", "axis", *_COMMON),
    "mean_squared_error": _COMMON,
}  # fmt: skip
"""The arguments of each loss besides targets and prediction, in the order in which they may be given by position."""
_TARGETS = ("y_true", "y_pred", "target", "output", "sample_weight")


# -- losses ------------------------------------------------------------------------------------------------------------


def swapped_loss(program: Program, found: Judged, name: str, logits: bool | None = None) -> tuple[Edit, ...]:
    """The edits that make the loss `name`, keeping what both losses can be told; `logits` sets `from_logits`."""
    _refuse_shared(program, found)
    if found.called:
        call = found.node
        if not isinstance(call, ast.Call):
            raise CannotChange("the call of the loss is not written out")
        path = found.frame.path
        return (*_renamed(program, path, call.func, name, call, _argument_changes(call, found.name, name, logits, 2)),)
    if isinstance(found.loss, Loss):
        made = found.loss.node
        if not isinstance(made, ast.Call) or found.loss.frame is None:
            raise CannotChange("the loss is not made by a call of its own")
        path = found.loss.frame.path
        if isinstance(made.func, (ast.Attribute, ast.Name)) and _last(made.func) in ("get", "deserialize"):
            return (_literal_swapped(program, path, made.args[0], name),)
        return _renamed(program, path, made.func, name, made, _argument_changes(made, found.name, name, logits, 0))
    path = found.frame.path
    if isinstance(found.loss, Constant):
        if logits:
            return _object_in_place(program, path, found.node, name)
        literal = written_at(program, found.loss, found.node, path)
        return (_literal_swapped(program, literal[1], literal[0], name),)
    if logits:
        return _object_in_place(program, path, found.node, name)
    return _renamed(program, path, found.node, name, None, ())


def flagged(program: Program, found: Judged) -> tuple[Edit, ...]:
    """The edits that turn the `from_logits` of a loss round."""
    if found.called and isinstance(found.loss, External) and found.loss.name.startswith("keras.metrics."):
        raise CannotChange("the loss is called by the name of a metric")
    return swapped_loss(program, found, found.name, not found.logits)


def _refuse_shared(program: Program, found: Judged) -> None:
    """One spelling may serve several models; what would help one must not harm another."""
    for other in judged(program):
        same = _origin(other) is _origin(found)
        if same and (units_of(other.head), other.head.activation) != (units_of(found.head), found.head.activation):
            raise CannotChange("the same words choose the loss of another model, which it may fit")


def _origin(found: Judged) -> ast.AST | None:
    return found.loss.node if isinstance(found.loss, (Constant, Loss)) else found.node


def _literal_swapped(program: Program, path: str, node: ast.AST, name: str) -> Edit:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = _styled(node.value, name)
    return Edit(path, program.files[path].span(node), quoted(program, path, name, node))


def _object_in_place(program: Program, path: str, node: ast.AST, name: str) -> tuple[Edit, ...]:
    """A loss object with `from_logits=True` in the place of a name or text."""
    text, edits = library_name(program, path, f"keras.losses.{CLASSES[name]}", node)
    if isinstance(node, ast.Name):
        source, tree = program.files[path], program.trees[path]
        edits = imports.exchanged(source, tree, edits, imports.remove_import(source, tree, node.id, without=[node]))
    return (*edits, Edit(path, program.files[path].span(node), f"{text}(from_logits=True)"))


def accepted(name: str) -> tuple[str, ...]:
    """The arguments of a loss besides targets and prediction."""
    return _ACCEPTED.get(name, _COMMON)


def _argument_changes(call: ast.Call, old: str, name: str, logits: bool | None, skipped: int) -> tuple[Change, ...]:
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    if starred or any(word.arg is None for word in call.keywords):
        raise CannotChange("the arguments of the loss are unpacked from elsewhere")
    before, after = accepted(old), accepted(name)
    positional = len(call.args) - skipped
    if positional > 0 and before[:positional] != after[:positional]:
        raise CannotChange("arguments given by position mean something else to the other loss")
    changes: list[Change] = [
        Remove(word.arg)
        for word in call.keywords
        if word.arg is not None and word.arg not in after and word.arg not in _TARGETS
    ]
    if logits is True:
        changes.append(Set("from_logits" if positional < 1 or before[0] != "from_logits" else skipped, "True"))
    elif logits is False:
        if positional >= 1 and before[0] == "from_logits":
            changes.append(Set(skipped, "False"))
        elif any(word.arg == "from_logits" for word in call.keywords):
            changes.append(Remove("from_logits"))
    return tuple(changes)


def _last(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _styled(old: str, name: str) -> str:
    """The name as the old one is written: a class or a function."""
    return CLASSES.get(name, name) if old[:1].isupper() else name


def _renamed(
    program: Program, path: str, node: ast.AST, name: str, call: ast.Call | None, changes: tuple[Change, ...]
) -> tuple[Edit, ...]:
    """The edits that make the reference `node` (the function of `call`) mean another loss."""
    source, tree = program.files[path], program.trees[path]
    if call is not None and standard_name(program.source(node, path)) == name:
        return (change_call(source, call, *changes),)
    if isinstance(node, ast.Attribute):
        text = source.segment(source.span(node))
        new = text[: len(text) - len(node.attr)] + _styled(node.attr, name)
        others: tuple[Edit, ...] = ()
        if call is None:
            return (Edit(path, source.span(node), new),)
    elif isinstance(node, ast.Name):
        owner = _import_of(tree, node.id)
        if owner is None:
            value, where = _assigned(program, path, node)
            edits = _renamed(program, where, value, name, None, ())
            if call is not None and changes:
                edits = (*edits, change_call(source, call, *changes))
            return edits
        statement, alias = owner
        new = _styled(alias.name, name)
        others, new = _imported_instead(source, tree, statement, alias, new, node)
        if call is None:
            return (*others, Edit(path, source.span(node), new))
    else:
        raise CannotChange("the loss is chosen by an expression")
    if call is None:
        raise CannotChange("the loss is chosen by an expression")
    return (*others, change_call(source, call, Callee(new), *changes))


def _import_of(tree: ast.Module, name: str) -> tuple[ast.ImportFrom, ast.alias] | None:
    found = [
        (statement, alias)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if (alias.asname or alias.name) == name
    ]
    return found[0] if len(found) == 1 else None


def _imported_instead(
    source: SourceFile, tree: ast.Module, statement: ast.ImportFrom, alias: ast.alias, new: str, use: ast.Name
) -> tuple[tuple[Edit, ...], str]:
    """Imports `new` from where `alias` came from; the old name goes where nothing else uses it."""
    present = imports.spelled(tree, f"{statement.module}.{new}", use)
    if present is not None:
        return imports.remove_import(source, tree, use.id, without=[use]), present
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if new in bound:
        raise CannotChange(f"the name `{new}` means something else in this file")
    # An import of one's own name is changed where it stands; one that is used elsewhere gets a neighbour.
    span = source.span(alias)
    if _uses(tree, use.id) > 1:
        return (Edit(source.path, Span(span.end, span.end), f", {new}"),), new
    return (Edit(source.path, span, new),), new


def _uses(tree: ast.Module, name: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _assigned(program: Program, path: str, node: ast.Name) -> tuple[ast.expr, str]:
    """The one expression that is assigned to a name, where only this use would notice its change."""
    tree = program.trees[path]
    values = [value for name, value in _bindings(tree) if name == node.id]
    if len(values) != 1 or values[0] is None or _uses(tree, node.id) > 2:
        raise CannotChange(f"`{node.id}` has other uses; change the loss where it is chosen")
    return values[0], path


def _bindings(tree: ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
                else:
                    for part in ast.walk(target):
                        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                            yield part.id, None
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value
        elif isinstance(node, ast.arg):
            yield node.arg, None
        elif isinstance(node, (ast.For, ast.comprehension, ast.AugAssign)):
            for part in ast.walk(node.target):
                if isinstance(part, ast.Name):
                    yield part.id, None
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name, None


# -- literals ----------------------------------------------------------------------------------------------------------


def file_of(program: Program, node: ast.AST) -> str | None:
    """The file of the program that a node stands in."""
    return next((path for path in program.trees if node in program.parents(path)), None)


def written_at(program: Program, value: Constant, use: ast.AST, path: str) -> tuple[ast.AST, str]:
    """The node to change so that `use` becomes another constant: its own literal, or that which only it takes."""
    if isinstance(use, ast.Constant):
        return use, path
    origin = value.node
    where = file_of(program, origin) if origin is not None else None
    if origin is not None and where is not None and isinstance(use, ast.Name):
        names = [name for name, assigned in _bindings(program.trees[path]) if name == use.id]
        parameter = any(isinstance(node, ast.arg) and node.arg == use.id for node in ast.walk(program.trees[path]))
        if (parameter and len(names) == 1) or (len(names) == 1 and _uses(program.trees[path], use.id) == 2):
            return origin, where
    taken = isinstance(use, ast.Call) and called(use) in ("get", "pop", "setdefault")
    if origin is not None and where is not None and (taken or isinstance(use, (ast.Subscript, ast.Attribute))):
        return origin, where
    if isinstance(use, ast.Call):
        # What the call does besides, as `pop` does, would be lost with it.
        raise CannotChange("what is written there comes out of a call")
    return use, path


def quoted(program: Program, path: str, text: str, like: ast.AST | None = None) -> str:
    """The text as a literal, in the quotes of another literal or of most of the file."""
    source = program.files[path]
    mark = ""
    if isinstance(like, ast.Constant) and isinstance(like.value, str):
        mark = source.segment(source.span(like)).lstrip("rRbBuUfF")[:1]
    if mark not in ("'", '"') or not mark:
        mark = "'" if source.text.count("'") > source.text.count('"') else '"'
    return f"{mark}{text}{mark}"


def library_name(program: Program, path: str, name: str, at: ast.AST) -> tuple[str, tuple[Edit, ...]]:
    """How this file says a `keras.…` name, with the import that it needs."""
    source, tree = program.files[path], program.trees[path]
    alone = any(
        (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "keras")
        or (isinstance(node, ast.Import) and any(alias.name.partition(".")[0] == "keras" for alias in node.names))
        for node in ast.walk(tree)
    )
    names = (name, f"tensorflow.{name}") if alone else (f"tensorflow.{name}", name)
    known = imports.spelled(tree, names, at)
    if known is not None:
        return known, ()
    module, _, last = names[0].rpartition(".")
    if last in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
        spelling = imports.spelling(source, tree, names, at)
        return spelling.text, spelling.edits
    return last, imports.add_import(source, tree, f"from {module} import {last}")


# -- layers ------------------------------------------------------------------------------------------------------------


def argument_node(layer: Layer, name: str) -> tuple[ast.expr | None, str | int]:
    """The expression of a constructor argument and the key it is given under."""
    call = layer.node
    if not isinstance(call, ast.Call):
        raise CannotChange("the layer is not made by a call of its own")
    for word in call.keywords:
        if word.arg == name:
            return word.value, name
        if word.arg is None:
            raise CannotChange("the arguments of the layer are unpacked from elsewhere")
    names = LAYERS.get(layer.kind, "").split()
    if name in names and names.index(name) < len(call.args):
        node = call.args[names.index(name)]
        if isinstance(node, ast.Starred):
            raise CannotChange("the arguments of the layer are unpacked from elsewhere")
        return node, names.index(name)
    return None, name


def path_of(layer: Layer) -> str:
    if layer.frame is None:
        raise CannotChange("the place of the layer is not known")
    return layer.frame.path


def activation_edits(program: Program, layer: Layer, new: str) -> tuple[Edit, ...]:
    """The edits that give a layer another activation."""
    path = path_of(layer)
    source = program.files[path]
    call = layer.node
    if layer.kind == "Softmax" and isinstance(call, ast.Call):
        if isinstance(call.func, ast.Name):
            imported = _import_of(program.trees[path], call.func.id)
            if imported is None:
                raise CannotChange("the layer is chosen by an expression")
            edits, text = _imported_instead(source, program.trees[path], *imported, "Activation", call.func)
        elif isinstance(call.func, ast.Attribute):
            text = source.segment(source.span(call.func))[: -len(call.func.attr)] + "Activation"
            edits = ()
        else:
            raise CannotChange("the layer is chosen by an expression")
        return (*edits, Edit(path, source.span(call), f"{text}({quoted(program, path, new)})"))
    given = unpacked_argument(program, path, call, "activation") if isinstance(call, ast.Call) else None
    node, key = argument_node(layer, "activation") if given is None else (given.node, "activation")
    if given is not None:
        path, source = given.path, program.files[given.path]
    value = layer.arguments.get("activation")
    if node is None:
        if not isinstance(call, ast.Call):
            raise CannotChange("the layer is not made by a call of its own")
        return (change_call(source, call, Set("activation", quoted(program, path, new))),)
    if isinstance(value, Constant):
        target, where = written_at(program, value, node, path)
        return (Edit(where, program.files[where].span(target), quoted(program, where, new, target)),)
    if isinstance(node, ast.Attribute):
        text = source.segment(source.span(node))
        return (Edit(path, source.span(node), text[: len(text) - len(node.attr)] + new),)
    owner = _import_of(program.trees[path], node.id) if isinstance(node, ast.Name) else None
    if owner is not None and isinstance(node, ast.Name):
        edits, text = _imported_instead(source, program.trees[path], *owner, new, node)
        return (*edits, Edit(path, source.span(node), text))
    if not isinstance(call, ast.Call):
        raise CannotChange("the layer is not made by a call of its own")
    if given is not None or (isinstance(node, ast.Call) and called(node) == "Softmax"):
        return (Edit(path, source.span(node), quoted(program, path, new)),)
    return (change_call(source, call, Set(key, quoted(program, path, new))),)


def layer_edits(
    program: Program, layer: Layer, activation: str | None = None, units: int | None = None
) -> tuple[Edit, ...]:
    """The edits that give a layer another activation, another number of units (filters, for a convolution), or both."""
    path = path_of(layer)
    changed: list[Edit] = []
    if units is not None:
        name = "units" if "units" in LAYERS.get(layer.kind, "").split() else "filters"
        node, key = argument_node(layer, name)
        value = layer.arguments.get(name)
        if node is None or not isinstance(value, Constant) or not isinstance(layer.node, ast.Call):
            raise CannotChange("the number of units is computed elsewhere")
        if activation is not None and argument_node(layer, "activation")[0] is None:
            sets = (Set(key, str(units)), Set("activation", quoted(program, path, activation)))
            return (change_call(program.files[path], layer.node, *sets),)
        target, where = written_at(program, value, node, path)
        changed.append(Edit(where, program.files[where].span(target), str(units)))
    if activation is not None:
        changed.extend(activation_edits(program, layer, activation))
    return tuple(changed)


def beside(program: Program, path: str, known: ast.Name, name: str) -> tuple[str, tuple[Edit, ...]]:
    """How to say `name`, which comes from where the imported `known` comes from, with the import that it needs."""
    source, tree = program.files[path], program.trees[path]
    owner = _import_of(tree, known.id)
    if owner is None:
        raise CannotChange(f"where `{known.id}` comes from is not certain")
    statement, alias = owner
    present = imports.spelled(tree, f"{statement.module}.{name}", known)
    if present is not None:
        return present, ()
    if name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
        raise CannotChange(f"the name `{name}` means something else in this file")
    end = source.span(alias).end
    return name, (Edit(path, Span(end, end), f", {name}"),)
