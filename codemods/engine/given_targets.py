"""Ways to give a training the targets that it lacks: the input itself, an array beside it, what a pipeline dropped."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial

from regrad.analysis.callee import called
from regrad.analysis.events import Trained
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Mapping, Network, Shape, Tensor, Value
from regrad.codemods.engine import deliveries
from regrad.codemods.engine.dropped_on_the_way import dropped_by, passed_on
from regrad.codemods.engine.flows_twice import flows_twice
from regrad.codemods.engine.handed_over import TARGET_WORDS, function_behind, handed_on, kept_back
from regrad.codemods.engine.handed_twice import handed_twice
from regrad.codemods.engine.idle_targets import reads_no_targets, zeros_given
from regrad.codemods.engine.idle_targets_handed import zeros_handed_over
from regrad.codemods.engine.judged import units_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import described
from regrad.codemods.engine.respelling import file_of, quoted
from regrad.codemods.engine.rule import Edit, Safety
from regrad.codemods.engine.switched_targets import another_mode, switched_off, switched_on
from regrad.codemods.engine.unread_targets import handed_with, unread_targets

_LABELS = ("labels", "label", "targets", "target", "y")
_INPUT_WORDS = frozenset(
    "x X xs Xs data features feature inputs input images image imgs img pictures texts text sentences sequences samples"
    " states state".split()
)
Way = tuple[str, Safety, Callable[[], "tuple[Edit, ...]"]]
"""A title, how safe it is, and what works the edits out; that raises `CannotMove` where it cannot be done."""


def ways(program: Program, event: Trained, kind: str) -> Iterator[Way]:
    """The ways that make sense for data of which the rule says `kind`: `array`, `dataset`, `dictionary` or `list`."""
    if kind == "list":
        yield "hand over a tuple", Safety.SAFE, lambda: _as_tuple(program, event)
        return
    same = _gives_back(event)
    maker = deliveries.assigned_call(program, event.frame.path, event.x_node)
    method = maker.func.attr if maker is not None and isinstance(maker.func, ast.Attribute) else ""
    if kind == "array" and reads_no_targets(event):
        yield "the loss reads no targets: give it zeros", Safety.UNSAFE, lambda: zeros_given(program, event)
    elif kind == "array":
        if isinstance(event.x_node, ast.List) and len(event.x_node.elts) == 2:
            first, second = event.x_node.elts
            named = isinstance(second, ast.Name) and second.id in _siblings(program, event, first)
            if named and deliveries.inputs_of(event) in (None, 1):
                yield "give inputs and targets as two arguments", Safety.UNSAFE, lambda: _side_by_side(program, event)
                return
        if same:
            yield "the input is the target", Safety.UNSAFE, lambda: _given(program, event, None)
        partner = _partner(program, event)
        for name in _siblings(program, event, event.x_node) or ([partner] if partner is not None else []):
            yield f"`{name}` is the target", Safety.UNSAFE, partial(_given, program, event, name)
    elif kind == "dictionary" and isinstance(event.data, Mapping):
        key = next((name for name in _LABELS if name in event.data.entries), None) or _not_an_input(event, event.data)
        if key is not None:
            yield f"`{key}` is the target", Safety.UNSAFE, lambda: _split(program, event, key)
        elif (beside := kept_back(program, event)) is not None:
            yield f"hand `{beside.name}` over as well", Safety.UNSAFE, partial(handed_on, program, beside)
        elif (unread := unread_targets(program)) is not None:
            yield f"hand `{unread.name}` over as well", Safety.UNSAFE, partial(handed_with, program, unread)
    elif kind == "dataset":
        if (switched := switched_off(program, event)) is not None:
            yield (
                f"hand targets over: `{switched.parameter}=True`",
                Safety.UNSAFE,
                partial(switched_on, program, switched),
            )
        elif (beside := kept_back(program, event)) is not None:
            yield f"hand `{beside.name}` over as well", Safety.UNSAFE, partial(handed_on, program, beside)
        elif (unread := unread_targets(program)) is not None:
            yield f"hand `{unread.name}` over as well", Safety.UNSAFE, partial(handed_with, program, unread)
        elif function_behind(event) is not None and reads_no_targets(event):
            yield "the loss reads no targets: give it zeros", Safety.UNSAFE, lambda: zeros_handed_over(program, event)
        elif same and (mode_of := another_mode(program, event)) is not None:
            yield (
                f"the input is the target: `{mode_of.parameter}={mode_of.value}`",
                Safety.UNSAFE,
                partial(switched_on, program, mode_of),
            )
        elif method == "flow" and same:
            yield "the images are the target", Safety.UNSAFE, lambda: flows_twice(program, event)
        elif maker is not None and called(maker) in _FOLDERS:
            mode = _mode(event, same, called(maker))
            if mode is not None:
                yield "the folders are the target", Safety.UNSAFE, lambda: _folders(program, event, mode)
        elif not same and (dropping := dropped_by(program, event)) is not None:
            yield f"hand `{dropping.name}` on", Safety.UNSAFE, partial(passed_on, program, dropping)
        elif same:
            yield "the input is the target", Safety.UNSAFE, lambda: handed_twice(program, event)


def _not_an_input(event: Trained, data: Mapping) -> str | None:
    """The one key of the data that is none of the model's inputs, each of which has a name."""
    stated = [
        (each.operation.arguments or {}).get("name")
        for each in (described(event.model, "inputs") if isinstance(event.model, Network) else ())
        if isinstance(each, Tensor)
    ]
    names = [each.value for each in stated if isinstance(each, Constant) and isinstance(each.value, str)]
    others = [key for key in data.entries if key not in names]
    if not data.complete or not names or len(names) != len(stated) or len(names) + 1 != len(data.entries):
        return None
    return others[0] if len(others) == 1 and isinstance(others[0], str) else None


def _as_tuple(program: Program, event: Trained) -> tuple[Edit, ...]:
    element = deliveries.listed(event)
    if element is None or not isinstance(element.node, ast.List):
        raise CannotMove("the list is put together elsewhere")
    path = file_of(program, element.node)
    return deliveries.as_tuple(program, path, element.node) if path is not None else ()


def _gives_back(event: Trained) -> bool:
    """Whether the model's output has the shape of its input, as an autoencoder's has."""
    if len(event.heads) != 1 or event.heads[0].shape is None:
        return False
    given = event.x if event.data is None else event.data
    shape = given.shape if isinstance(given, Tensor) else None
    if shape is None and isinstance(event.model, Network):
        inputs = described(event.model, "inputs")
        shape = inputs[0].shape if len(inputs) == 1 and isinstance(inputs[0], Tensor) else None
    return shape is not None and _alike(shape, event.heads[0].shape, event)


def _alike(one: Shape, other: Shape, event: Trained) -> bool:
    inputs = described(event.model, "inputs") if isinstance(event.model, Network) else ()
    first = inputs[0].shape if len(inputs) == 1 and isinstance(inputs[0], Tensor) else None
    if first is not None and len(first) == len(one):
        one = tuple(a if a is not None else b for a, b in zip(one, first, strict=True))
    if len(one) != len(other) or len(one) < 2:
        return False
    pairs = list(zip(one[1:], other[1:], strict=True))
    last = one[len(one) - 1]
    known = last is not None and last == other[len(other) - 1]
    return known and (last or 0) * len(pairs) > 1 and all(a == b or a is None or b is None for a, b in pairs)


def _siblings(program: Program, event: Trained, node: ast.AST | None) -> list[str]:
    """The names in reach that go with the input's as `y_train` goes with `x_train`, the nearest first."""
    if not isinstance(node, ast.Name):
        return []
    known = _in_reach(program, event, node)
    parts = node.id.split("_")
    places = [index for index, part in enumerate(parts) if part in _INPUT_WORDS]
    # What was done to the inputs (`train_images_with_noise`) was not done to the targets.
    rests = [(at, rest) for at in places for rest in dict.fromkeys((tuple(parts[at + 1 :]), ()))]
    found = ["_".join((*parts[:at], word, *rest)) for at, rest in rests for word in TARGET_WORDS]
    exact = [name for name in dict.fromkeys(found) if name in known]
    # `y_train_onehot` goes with `x_train` as well, where more than one form of the targets is kept.
    return [*exact, *sorted(name for name in known if name.startswith(tuple(f"{each}_" for each in found)))]


def _in_reach(program: Program, event: Trained, node: ast.Name) -> set[str]:
    """The names that are bound where the input is named (at the top level, before it is), or in the scopes around."""
    path = event.frame.path
    tree = program.trees[path]
    scopes: list[ast.AST] = [tree]
    around = deliveries.around(program, node, path)
    while around is not None:
        scopes.append(around)
        around = deliveries.around(program, around, path)
    own, inner = {id(scope) for scope in scopes}, len(scopes) > 1
    known: set[str] = set()
    waiting: list[ast.AST] = [*scopes]
    while waiting:
        current = waiting.pop()
        for child in ast.iter_child_nodes(current):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and id(child) not in own:
                continue
            waiting.append(child)
            if (
                isinstance(child, ast.Name)
                and isinstance(child.ctx, ast.Store)
                and (inner or child.lineno <= node.lineno)
            ):
                known.add(child.id)
            elif isinstance(child, ast.arg):
                known.add(child.arg)
    return known


def _partner(program: Program, event: Trained) -> str | None:
    """What is unpacked together with the input, and read nowhere: `for x, y in batches: train_on_batch(x)`."""
    node, path = event.x_node, event.frame.path
    if not isinstance(node, ast.Name):
        return None
    scope = deliveries.around(program, node, path) or program.trees[path]
    names = [each for each in ast.walk(scope) if isinstance(each, ast.Name)]
    pairs = [
        each.elts
        for each in ast.walk(scope)
        if isinstance(each, ast.Tuple) and isinstance(each.ctx, ast.Store) and len(each.elts) == 2
    ]
    own = [pair for pair in pairs if isinstance(pair[0], ast.Name) and pair[0].id == node.id]
    other = own[0][1] if len(own) == 1 else None
    if not isinstance(other, ast.Name) or sum(each.id == other.id for each in names) != 1 or other.id.startswith("_"):
        return None
    # Bound anywhere else, the input is not what it was unpacked as.
    bound = [each for each in names if each.id == node.id and isinstance(each.ctx, ast.Store)]
    return other.id if len(bound) == 1 else None


def _given(program: Program, event: Trained, name: str | None) -> tuple[Edit, ...]:
    from regrad.codemods.engine.arguments import Append, Set, change_call

    call, path = event.node, event.frame.path
    if not isinstance(call, ast.Call) or event.x_node is None:
        raise CannotMove("the call of `fit` is not written out")
    text = name if name is not None else program.source(event.x_node, path)
    if name is None and not isinstance(event.x_node, (ast.Name, ast.Attribute, ast.Subscript)):
        raise CannotMove("the input is an expression that should be computed once")
    if event.y_node is not None:
        return (Edit(path, program.files[path].span(event.y_node), text),)
    change = Append(text) if len(call.args) == 1 else Set("y", text, "x")
    return (change_call(program.files[path], call, change),)


def _side_by_side(program: Program, event: Trained) -> tuple[Edit, ...]:
    """`fit(x, y)` for `fit([x, y])`."""
    call, given = event.node, event.x_node
    if not isinstance(call, ast.Call) or given not in call.args or len(call.args) != 1:
        raise CannotMove("the data are not given by position")
    source = program.files[event.frame.path]
    return (Edit(source.path, source.span(given), source.segment(source.span(given))[1:-1].strip().rstrip(",")),)


def _split(program: Program, event: Trained, key: str) -> tuple[Edit, ...]:
    """Divide each dictionary of the data set into features and labels, before the model is trained."""
    from regrad.codemods.engine.moving import before, insert_statements

    path, node = event.frame.path, event.x_node
    statement = program.statement(event.node, path)
    if node is None or statement is None:
        raise CannotMove("the data are not named")
    source, tree = program.files[path], program.trees[path]
    label = quoted(program, path, key)
    features = f"{{name: part for name, part in batch.items() if name != {label}}}"
    mapped = f".map(lambda batch: ({features}, batch[{label}]))"
    if isinstance(node, ast.Name):
        return insert_statements(source, tree, f"{node.id} = {node.id}{mapped}", before(statement))
    if not isinstance(node, (ast.Call, ast.Attribute)):
        raise CannotMove("the data are not named")
    end = source.span(node).end
    return (Edit(path, Span(end, end), mapped),)


_FOLDERS = {
    "flow_from_directory": "class_mode",
    "flow_from_dataframe": "class_mode",
    "image_dataset_from_directory": "label_mode",
    "text_dataset_from_directory": "label_mode",
}


def _mode(event: Trained, same: bool, maker: str) -> str | None:
    """The kind of labels that the loss and the head want of the folders."""
    if same:
        return "input" if _FOLDERS[maker] == "class_mode" else None
    head = event.heads[0] if len(event.heads) == 1 else None
    loss: Value | None = event.compilation.loss if event.compilation is not None else None
    from regrad.analysis.library.losses import name_of

    name = name_of(loss)
    if name == "binary_crossentropy" and head is not None and units_of(head) == 1:
        return "binary"
    if name == "categorical_crossentropy":
        return "categorical"
    if name == "sparse_categorical_crossentropy":
        return "sparse" if _FOLDERS[maker] == "class_mode" else "int"
    return None


def _folders(program: Program, event: Trained, mode: str) -> tuple[Edit, ...]:
    from regrad.codemods.engine.arguments import Remove, Set, change_call

    path = event.frame.path
    edits: list[Edit] = []
    for node in (event.x_node, deliveries.validation(event)):
        call = deliveries.assigned_call(program, path, node)
        name = _FOLDERS.get(called(call)) if call is not None else None
        nothing = [word for word in call.keywords if isinstance(word.value, ast.Constant)] if call is not None else []
        for word in nothing:
            if (
                isinstance(word.value, ast.Constant)
                and word.value.value is None
                and word.arg == "labels"
                and call is not None
            ):
                stated = () if mode == "int" else (Set("label_mode", quoted(program, path, mode)),)
                edits.append(change_call(program.files[path], call, *stated, Remove("labels")))
        for word in nothing:
            if word.arg == name and isinstance(word.value, ast.Constant) and word.value.value is None:
                edits.append(Edit(path, program.files[path].span(word.value), quoted(program, path, mode)))
    return tuple(edits)
