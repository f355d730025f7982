"""What to do where a game was played with the network before the tape: it cannot be played again, but what it was asked
can.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from regrad.analysis.events import ModelCalled
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Operation
from regrad.codemods.engine.repeatable import is_network, repeatable
from regrad.codemods.engine.rule import Withheld
from regrad.codemods.engine.surroundings import owners


def rollout_advice(program: Program, operations: Sequence[Operation], tape_frame: Frame) -> Withheld | None:
    """The advice to call the network again in the tape, on all that it was called with in a loop that does more than to
    compute; None where no such loop made the values.
    """
    calls = {id(event.node) for event in program.of(ModelCalled) if is_network(event.model)}
    for operation in operations:
        frame: Frame | None = operation.frame
        node: ast.AST | None = operation.node
        while frame is not None and frame.function is not tape_frame.function:
            call = node if isinstance(node, ast.Call) and id(node) in calls and node.args else None
            function = frame.function.node if frame.function is not None else None
            if call is not None and isinstance(function, ast.FunctionDef) and frame.path in program.trees:
                around = owners(program, call, frame.path)
                inner = around[: around.index(function)] if function in around else []
                looping = any(isinstance(each, (ast.For, ast.While)) for each in inner)
                if looping and not repeatable(program, frame.path, function):
                    return _advice(program, function.name, call, frame.path)
            node, frame = frame.call, frame.caller
    return None


def _advice(program: Program, function: str, call: ast.Call, path: str) -> Withheld:
    model, given = program.source(call.func, path), " ".join(program.source(call.args[0], path).split())
    return Withheld(
        f"`{function}` does more than to compute it, and cannot run again in the tape",
        f"let `{function}` keep each `{given}`, and in the tape, before the loss, call `{model}` on all of them again",
    )
