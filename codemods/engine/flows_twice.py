"""The images of `ImageDataGenerator.flow` as their own targets: given twice, or each batch handed over twice where the
generator changes what it is given.
"""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.codemods.engine import deliveries
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit


def flows_twice(program: Program, event: Trained) -> tuple[Edit, ...]:
    """The edits for training and validation alike; raises `CannotMove`."""
    path = event.frame.path
    nodes = [(event.x_node, "steps_per_epoch"), (deliveries.validation(event), "validation_steps")]
    found = [(node, steps, _without_targets(program, path, node)) for node, steps in nodes]
    flows = [(node, steps, call) for node, steps, call in found if call is not None]
    if all(_as_given(program, path, call) for _, _, call in flows):
        return tuple(edit for _, _, call in flows for edit in _images_twice(program, path, call))
    return _batches_twice(program, event, [(node, steps) for node, steps, _ in flows])


def _without_targets(program: Program, path: str, node: ast.AST | None) -> ast.Call | None:
    """The call of `flow` that made the data, where it was given images alone."""
    call = deliveries.assigned_call(program, path, node)
    if call is None or called(call) != "flow" or any(word.arg in ("y", None) for word in call.keywords):
        return None
    second = call.args[1] if len(call.args) > 1 else None
    nothing = second is None or (isinstance(second, ast.Constant) and second.value is None)
    return call if call.args and nothing else None


def _as_given(program: Program, path: str, flow: ast.Call) -> bool:
    """Whether the generator was made without arguments, so that it hands over the images as they are."""
    generator = flow.func.value if isinstance(flow.func, ast.Attribute) else None
    maker = deliveries.assigned_call(program, path, generator)
    return maker is not None and not maker.args and not maker.keywords


def _images_twice(program: Program, path: str, flow: ast.Call) -> tuple[Edit, ...]:
    from regrad.codemods.engine.arguments import Append, change_call

    source, images = program.files[path], program.source(flow.args[0], path)
    if len(flow.args) > 1:
        return (Edit(path, source.span(flow.args[1]), images),)
    return (change_call(source, flow, Append(images)),)


def _batches_twice(program: Program, event: Trained, flows: list[tuple[ast.AST | None, str]]) -> tuple[Edit, ...]:
    """A generator of pairs in place of the iterator; it has no length, so the steps of an epoch are said."""
    call, path = event.node, event.frame.path
    if not isinstance(call, ast.Call):
        raise CannotMove("the call of `fit` is not written out")
    source = program.files[path]
    edits: list[Edit] = []
    for node, steps in flows:
        if not isinstance(node, ast.Name):
            raise CannotMove("the images are changed on their way, and the iterator has no name")
        edits.append(Edit(path, source.span(node), f"((batch, batch) for batch in {node.id})"))
        if all(word.arg != steps for word in call.keywords):
            raise CannotMove(f"a generator of pairs has no length, and `{steps}` is not given")
    return tuple(edits)
