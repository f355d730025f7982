"""What a program trains: each loss of the library with the head that it judges and what is known of the targets."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.events import Compilation, Compiled, Head, LossCalled, Trained
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.library.heads import head_of
from regrad.analysis.library.losses import from_logits, name_of
from regrad.analysis.program import Program
from regrad.analysis.values import (
    Collection,
    Constant,
    External,
    Layer,
    Loss,
    Mapping,
    Network,
    Partial,
    Shape,
    Tensor,
    Value,
)
from regrad.codemods.engine.operations_of import described


class Targets(NamedTuple):
    """What is known of the targets. `encoding`: `integers` (class numbers), `binary` (0 and 1), `one-hot`, or None."""

    encoding: str | None = None
    classes: int | None = None
    shape: Shape | None = None

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)


class Judged(NamedTuple):
    """One loss as `event` uses it: `name` as the library calls it, `node` the expression that says it in `frame`.

    `called` says that the program calls the loss itself; otherwise it is an argument of `compile`. `flagged` says
    that the author wrote `from_logits`.
    """

    name: str
    logits: bool | None
    head: Head
    targets: Targets
    loss: Value
    node: ast.AST
    frame: Frame
    event: Trained | LossCalled | Compiled
    called: bool
    flagged: bool = False

    @property
    def trained(self) -> bool:
        """Whether the program is seen to train with it; a model may be compiled here and trained elsewhere."""
        return not isinstance(self.event, Compiled)

    @property
    def place(self) -> tuple[ast.AST, Frame]:
        """Where a report stands: where the loss is made, if it is handed to another file that calls it."""
        loss, frame = self.loss, self.loss.frame if isinstance(self.loss, Loss) else None
        if (
            isinstance(self.event, LossCalled)
            and isinstance(loss, Loss)
            and loss.node is not None
            and frame is not None
            and frame.path != self.frame.path
        ):
            return loss.node, frame
        return self.node, self.frame

    @property
    def target_rank(self) -> int | None:
        return self.targets.rank


def targets_of(value: Value | None) -> Targets:
    """What a value that stands for targets says about itself."""
    if not isinstance(value, Tensor):
        return Targets()
    shape, facts = value.shape, value.facts
    if "one-hot" in facts:
        return Targets("one-hot", shape[-1] if shape is not None and len(shape) > 1 else None, shape)
    if "binary" in facts:
        several = shape is None or (len(shape) > 1 and shape[-1] != 1)
        return Targets(None if several else "binary", None if several else 2, shape)
    if "labels" in facts:
        return Targets("integers", None if value.high is None else value.high + 1, shape)
    return Targets(None, None, shape)


def judged(program: Program, untrained: bool = False) -> tuple[Judged, ...]:
    """Every loss of the library in the program whose prediction is seen, each once.

    With `untrained`, also those of models that are compiled and not seen to be trained.
    """
    compiled = {id(event.compilation.loss_node) for event in program.of(Compiled) if event.compilation.loss_node}
    found: dict[tuple[int, int], Judged] = {}
    for event in program.events:
        if isinstance(event, Trained) and not event.own_step:
            for each in _of_training(event):
                found.setdefault((id(each.node), id(each.head.dense)), each)
        elif isinstance(event, LossCalled) and id(event.node) not in compiled:
            one = _of_call(event)
            if one is not None:
                found.setdefault((id(one.node), id(one.head.dense)), one)
    for event in program.of(Compiled) if untrained else ():
        for each in _of_compilation(event):
            found.setdefault((id(each.node), id(each.head.dense)), each)
    return tuple(found.values())


def _of_compilation(event: Compiled) -> Iterator[Judged]:
    compilation, model = event.compilation, event.model
    if compilation.loss is None or compilation.loss_node is None or not isinstance(model, Network):
        return
    outputs = described(model, "outputs")
    if len(outputs) == 1:
        yield from _named_losses(event, compilation, (head_of(outputs[0]),), None)


def _of_training(event: Trained) -> Iterator[Judged]:
    compilation = event.compilation
    if compilation is None or compilation.loss is None or compilation.loss_node is None:
        return
    yield from _named_losses(event, compilation, event.heads, event.y)


def _named_losses(
    event: Trained | Compiled, compilation: Compilation, heads: tuple[Head, ...], y: Value | None
) -> Iterator[Judged]:
    if compilation.loss is None or compilation.loss_node is None:
        return
    for head, loss, node, target in parted(heads, y, compilation.loss, compilation.loss_node):
        logits, flagged = from_logits(loss), isinstance(loss, Loss) and "from_logits" in loss.arguments
        if isinstance(loss, Partial) and isinstance(loss.callee, External) and isinstance(node, ast.Call) and node.args:
            stated = loss.keywords.get("from_logits")
            logits = False if stated is None else bool(stated.value) if isinstance(stated, Constant) else None
            flagged = stated is not None
            loss, node = loss.callee, node.args[0]
        name = name_of(loss)
        if name is not None:
            yield Judged(name, logits, head, targets_of(target), loss, node, compilation.frame, event, False, flagged)


def pairs(event: Trained, loss: Value, node: ast.AST) -> Iterator[tuple[Head, Value, ast.AST, Value | None]]:
    """Each head of a training step with its own loss, where that is written, and its own targets."""
    return parted(event.heads, event.y, loss, node)


def parted(
    heads: tuple[Head, ...], y: Value | None, loss: Value, node: ast.AST
) -> Iterator[tuple[Head, Value, ast.AST, Value | None]]:
    """Each head with its own loss, where that is written, and its own targets."""
    targets = _parts(y, heads)
    if isinstance(loss, Mapping):
        nodes = _dictionary_nodes(node)
        for key, part in loss.entries.items():
            index = _head_named(heads, key)
            if index is not None:
                yield heads[index], part, nodes.get(key, node), targets[index]
    elif isinstance(loss, Collection):
        elements = list(node.elts) if isinstance(node, (ast.List, ast.Tuple)) else []
        if loss.complete and len(loss.items) == len(heads):
            for index, (head, part) in enumerate(zip(heads, loss.items, strict=True)):
                yield head, part, elements[index] if len(elements) == len(heads) else node, targets[index]
    else:
        for head, target in zip(heads, targets, strict=True):
            yield head, loss, node, target


def _parts(y: Value | None, heads: tuple[Head, ...]) -> list[Value | None]:
    if len(heads) == 1 and not isinstance(y, (Collection, Mapping)):
        return [y]
    if isinstance(y, Collection) and y.complete and len(y.items) == len(heads):
        return list(y.items)
    if isinstance(y, Mapping):
        return [next((value for key, value in y.entries.items() if _named(head, key)), None) for head in heads]
    return [None] * len(heads)


def _head_named(heads: tuple[Head, ...], key: object) -> int | None:
    named = [index for index, head in enumerate(heads) if _named(head, key)]
    if len(named) == 1:
        return named[0]
    return 0 if len(heads) == 1 else None


def _named(head: Head, key: object) -> bool:
    if head.name is not None:
        return head.name == key
    stated = head.dense.arguments.get("name") if head.dense is not None else None
    return isinstance(stated, Constant) and stated.value == key


def _dictionary_nodes(node: ast.AST) -> dict[object, ast.AST]:
    if not isinstance(node, ast.Dict):
        return {}
    return {
        key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
    }


def _of_call(event: LossCalled) -> Judged | None:
    prediction = event.arguments.get("y_pred")
    if not isinstance(prediction, Tensor):
        return None
    logits: bool | None
    if isinstance(event.loss, Loss):
        logits, flagged = from_logits(event.loss), "from_logits" in event.loss.arguments
    else:
        stated = event.arguments.get("from_logits")
        logits = False if stated is None else bool(stated.value) if isinstance(stated, Constant) else None
        flagged = stated is not None
    targets = targets_of(event.arguments.get("y_true"))
    head = head_of(prediction)
    if head.dense is None and head.layer is None and not (head.activation and Flow(None).reach(prediction).sources):
        # Numbers that no model made: a test of the loss itself, or an example of its use.
        return None
    return Judged(
        event.name,
        logits,
        head,
        targets,
        event.loss,
        event.node,
        event.frame,
        event,
        isinstance(event.loss, External),
        flagged,
    )


def units_of(head: Head) -> int | None:
    """How many numbers the head answers with, where that is certain."""
    if head.shape is not None and head.shape and head.shape[-1] is not None:
        return head.shape[-1]
    return head.units


def is_class_numbers(found: Judged) -> bool:
    """Whether the targets are certainly one class number for each prediction."""
    targets = found.targets
    if targets.encoding not in ("integers", "binary") or targets.shape is None:
        return False
    rank = found.head.rank if found.head.rank is not None else 2
    return len(targets.shape) == rank - 1 or (len(targets.shape) == rank and targets.shape[-1] == 1)


def is_one_hot(found: Judged) -> bool:
    """Whether the targets are certainly one row for each prediction."""
    targets = found.targets
    rank = found.head.rank if found.head.rank is not None else 2
    return targets.encoding == "one-hot" and (targets.shape is None or len(targets.shape) == rank)


def layer_text(layer: Layer | None) -> str:
    return layer.kind if layer is not None else "the head"
