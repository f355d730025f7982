"""Outputs that have targets and weights of their own, and that `compile` gives no loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import Compilation, Head, ModelCalled, Predicted, Trained
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Absent, Collection, Constant, Mapping, Tensor, Value
from regrad.codemods.engine.judged import parted
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.rule import Edit, Mending, Mendings, Safety, Withheld

_WIDTH = 100
"""The columns after which the entries of a dictionary stand on lines of their own."""


class Unnamed(NamedTuple):
    """An output that the dictionary of losses leaves out, its targets, and the key that its loss is looked up by.

    `others` are the outputs that it leaves out as well, with their keys, where they have the head and the targets of
    one that has a loss; `like` is that loss.
    """

    head: Head
    targets: Value
    losses: ast.Dict
    path: str
    key: str
    others: tuple[str, ...] = ()
    like: ast.expr | None = None


class Nothing(NamedTuple):
    """An output whose loss is stated as None although the program watches what it learns, and its targets."""

    head: Head
    targets: Value
    place: ast.AST
    path: str
    watched: str


def unnamed(program: Program, sink: Sink, heads: list[Value]) -> Unnamed | None:
    """An output with targets that `compile(loss={...})` does not name."""
    event = sink.event
    if not isinstance(event, Trained) or event.compilation is None:
        return None
    losses, node = event.compilation.loss, event.compilation.loss_node
    given = targets(event)
    if not isinstance(losses, Mapping) or not losses.complete or not isinstance(given, Mapping):
        return None
    found: list[Unnamed] = []
    for head in event.heads:
        if head.name is None or head.name not in given.entries or not missed(head, heads):
            continue
        stated = losses.entries.get(head.name)
        key, written = head.name, _dictionary(program, losses, node, event.compilation.frame.path)
        if isinstance(stated, Absent) and isinstance(stated.owner, Mapping) and stated.owner is not losses:
            key, written = stated.key, _literal(program, stated.owner)
        if written is not None and (stated is None or (_nothing(stated) and not _has_key(written.node, key))):
            found.append(Unnamed(head, given.entries[head.name], written.node, written.path, key))
    return _with_twins(event, losses, given, found) if found else None


def _with_twins(event: Trained, losses: Mapping, given: Mapping, found: list[Unnamed]) -> Unnamed:
    """The first of them, with the loss of an output that is made and taught like it, and the others of this kind."""
    first = found[0]
    for head in event.heads:
        if head.name is None or not _made_alike(head, first.head) or given.entries.get(head.name) is not first.targets:
            continue
        stated = losses.entries.get(head.name)
        entries = zip(first.losses.keys, first.losses.values, strict=True)
        like = next((value for key, value in entries if isinstance(stated, Constant) and value is stated.node), None)
        if like is None:
            continue
        others = [
            each.key
            for each in found[1:]
            if each.losses is first.losses and each.targets is first.targets and _made_alike(each.head, first.head)
        ]
        return first._replace(others=tuple(dict.fromkeys(others)), like=like)
    return first


def _made_alike(one: Head, other: Head) -> bool:
    return one.activation is not None and (one.activation, one.units) == (other.activation, other.units)


class _Dictionary(NamedTuple):
    node: ast.Dict
    path: str


def _dictionary(program: Program, losses: Mapping, node: ast.AST | None, path: str) -> _Dictionary | None:
    """Where the losses are written: in `compile`, under a name, or in the dictionary that each is looked up in."""
    made = losses.node if isinstance(losses.node, (ast.Dict, ast.DictComp)) else node
    if isinstance(made, ast.DictComp) and isinstance(made.value, ast.Call) and called(made.value) == "get":
        receiver = made.value.func.value if isinstance(made.value.func, ast.Attribute) else None
        place = file_of(program, made) or path
        only = len(made.value.args) == 1 and isinstance(receiver, ast.Name)
        made = only_value(program, place, receiver.id) if only and isinstance(receiver, ast.Name) else None
    if not isinstance(made, ast.Dict):
        return None
    return _Dictionary(made, file_of(program, made) or path)


def _literal(program: Program, value: Mapping) -> _Dictionary | None:
    """Where a dictionary is written out."""
    path = file_of(program, value.node) if isinstance(value.node, ast.Dict) else None
    return _Dictionary(value.node, path) if isinstance(value.node, ast.Dict) and path is not None else None


def _nothing(value: Value) -> bool:
    return isinstance(value, Constant) and value.value is None


def _has_key(node: ast.Dict, name: str) -> bool:
    return any(isinstance(key, ast.Constant) and key.value == name for key in node.keys)


def nothing(program: Program, sink: Sink, heads: list[Value]) -> Nothing | None:
    """An output with targets and the loss None, which the program measures or reads all the same."""
    event = sink.event
    if not isinstance(event, Trained) or event.compilation is None or len(event.heads) < 2:
        return None
    compilation = event.compilation
    if compilation.loss is None or compilation.loss_node is None:
        return None
    for head, loss, node, target in parted(event.heads, targets(event), compilation.loss, compilation.loss_node):
        if not isinstance(loss, Constant) or loss.value is not None or not missed(head, heads):
            continue
        if not isinstance(target, Tensor) or target.operation.name in ("zeros", "ones", "zeros_like", "ones_like"):
            continue
        answer = watched(program, event, compilation, head)
        if answer is None:
            continue
        place = loss.node or node
        path = file_of(program, place)
        if path is not None:
            return Nothing(head, target, place, path, answer)
    return None


def missed(head: Head, heads: list[Value]) -> bool:
    """Whether the layer of this output is one of those that are not trained, and not a pretrained one."""
    layer = head.dense or head.layer
    return any(layer is part for part in heads) and not (layer is not None and layer.fields.get("loaded"))


def targets(event: Trained) -> Value | None:
    """What the outputs are compared with: given to `fit`, or the second part of what the data yield."""
    element = event.data
    if isinstance(element, Collection) and element.kind == "tuple" and element.complete and len(element.items) > 1:
        return element.items[1]
    return event.y


def watched(program: Program, event: Trained, compilation: Compilation, head: Head) -> str | None:
    """How the program shows that the output should learn: a metric or a weight for it, or its prediction is read."""
    call = compilation.node
    for word in call.keywords if call is not None else []:
        given: ast.expr | None = word.value
        if isinstance(given, ast.Name):
            given = only_value(program, compilation.frame.path, given.id)
        stated = _of_output(event, head, given) if given is not None else None
        if stated is None or (isinstance(stated, ast.Constant) and not stated.value):
            continue
        if word.arg in ("metrics", "weighted_metrics") and not (
            isinstance(stated, (ast.List, ast.Tuple)) and not stated.elts
        ):
            return "a metric watches it"
        if word.arg == "loss_weights":
            return "its loss has a weight"
    for answer in program.events:
        if (
            isinstance(answer, (Predicted, ModelCalled))
            and answer.model is event.model
            and answer.serial > event.serial
            and any(_reads(program, answer, event, head))
        ):
            return "its prediction is used"
    return None


def _of_output(event: Trained, head: Head, node: ast.expr) -> ast.expr | None:
    """What a list or dictionary with one part for each output says of this one."""
    if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) == len(event.heads):
        return node.elts[event.heads.index(head)]
    if isinstance(node, ast.Dict):
        parts = [
            (key.value, part) for key, part in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        ]
        return next((part for key, part in parts if key == _name(head)), None)
    return None


def _name(head: Head) -> object:
    stated = head.dense.arguments.get("name") if head.dense is not None else None
    return head.name if head.name is not None else stated.value if isinstance(stated, Constant) else None


def _reads(program: Program, answer: Predicted | ModelCalled, event: Trained, head: Head) -> Iterator[bool]:
    """Whether what the model answered for this output is used, as far as the statement shows."""
    path, place = answer.frame.path, event.heads.index(head)
    parents = program.parents(path)
    keys = {place, place - len(event.heads), _name(head)}

    def takes(node: ast.AST | None) -> bool:
        return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value in keys

    parent = parents.get(answer.node)
    yield takes(parent)
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return
    target = parent.targets[0]
    unpacked = isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == len(event.heads)
    one = target.elts[place] if unpacked and isinstance(target, (ast.Tuple, ast.List)) else target
    if not isinstance(one, ast.Name):
        return
    for node in program.nodes_of(path, ast.Name):
        if node.id == one.id and isinstance(node.ctx, ast.Load):
            yield node.lineno >= parent.lineno and (unpacked or takes(parents.get(node)))


def with_loss(program: Program, evidence: Unnamed | Nothing) -> Mendings:
    """The output gets a loss that fits its activation and its targets."""
    from regrad.codemods.engine import fitting, respelling
    from regrad.codemods.engine.judged import targets_of

    path, output = evidence.path, str(_name(evidence.head) or "")
    if isinstance(evidence, Unnamed) and evidence.like is not None:
        return [_as_its_twin(program, evidence, evidence.like)]
    offered: list[Mending] = []
    for fit in fitting.fitting(evidence.head, targets_of(evidence.targets)):
        if isinstance(evidence, Nothing):
            like = _another(program, evidence)
            text, imported = fitting.loss_text(program, path, fit, evidence.place, like)
            edits = (*imported, Edit(path, program.files[path].span(evidence.place), text))
        else:
            losses = evidence.losses
            key, last = losses.keys[-1] if losses.keys else None, losses.values[-1] if losses.values else None
            if key is None or last is None:
                break
            text, imported = fitting.loss_text(program, path, fit, losses, last)
            start = f"\n{' ' * key.col_offset}" if key.lineno != losses.lineno else " "
            entry = f"{program.source(last, path)},{start}{respelling.quoted(program, path, evidence.key, key)}: {text}"
            edits = (*imported, Edit(path, program.files[path].span(last), entry))
        title = f"give `{output}` the loss `{fit[0]}`" if output else f"use the loss `{fit[0]}`"
        offered.append(Mending(title, Safety.UNSAFE, edits, "another loss is computed"))
    return offered or Withheld(
        "which loss the output needs is not certain", f'loss={{..., "{output}": ...}}  # or None, where none is meant'
    )


def _as_its_twin(program: Program, evidence: Unnamed, like: ast.expr) -> Mending:
    """All that is made like one output and has its targets gets the loss of that one."""
    from regrad.codemods.engine import respelling

    losses, path = evidence.losses, evidence.path
    last, key = losses.values[-1], losses.keys[-1]
    text, names = program.source(like, path), (evidence.key, *evidence.others)
    spelled = [f"{respelling.quoted(program, path, name, key or like)}: {text}" for name in names]
    parts = [program.source(last, path), *spelled]
    apart = key is not None and (key.lineno != losses.lineno or last.col_offset + len(", ".join(parts)) > _WIDTH)
    entry = (f",\n{' ' * key.col_offset}" if key is not None and apart else ", ").join(parts)
    told = " and ".join(f"`{name}`" for name in names) if len(names) < 3 else f"`{names[0]}` and {len(names) - 1} more"
    title = f"give {told} the loss of the output that has the same targets"
    edit = Edit(path, program.files[path].span(last), entry)
    return Mending(title, Safety.UNSAFE, (edit,), "another loss is computed")


def _another(program: Program, evidence: Nothing) -> ast.AST | None:
    """A loss beside the None, whose quotes the new one takes."""
    parent = program.parents(evidence.path).get(evidence.place)
    parts = (
        parent.elts
        if isinstance(parent, (ast.List, ast.Tuple))
        else parent.values
        if isinstance(parent, ast.Dict)
        else []
    )
    return next((part for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)), None)
