"""The tensors of a model that a function is given to make a loss with: what they are called where it is called."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from regrad.analysis.events import Trained
from regrad.analysis.parameters import defaults, named, positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Function
from regrad.codemods.engine.fed_calls import is_loss_of, loss_given
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.parameters_left_out import without_parameters
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import block_of, function_around, index_in, stored

_REASON = "how the loss is made is not certain"


class Handed(NamedTuple):
    """The call that makes the loss, its statement and block, and each parameter with the argument for it.

    `unsaid` holds what the other parameters stand for, those that the call leaves out.
    """

    around: ast.FunctionDef
    call: ast.Call
    statement: ast.stmt
    block: list[ast.stmt]
    given: dict[str, ast.expr]
    unsaid: dict[str, ast.expr]

    def spelled(self, names: Sequence[str]) -> dict[str, str]:
        """What the tensors of these parameters are called around the call."""
        found = {name: each.id for name in names if isinstance(each := self.given.get(name), ast.Name)}
        if len(found) != len(names) or len(set(found.values())) != len(names):
            raise CannotMove("the tensor has no name of its own")
        return found

    def default(self, program: Program, name: str, path: str) -> str | None:
        """The text of the number that a parameter stands for where the call leaves it out."""
        written = self.unsaid.get(name)
        number = written.operand if isinstance(written, ast.UnaryOp) else written
        return program.source(written, path) if written is not None and isinstance(number, ast.Constant) else None

    def value(self, program: Program, name: str, wired_after: ast.stmt, path: str) -> str:
        """The text of what a parameter is given, where that means the same right behind a statement of the block."""
        argument = self.given.get(name)
        start = index_in(self.block, wired_after)
        if start is None or argument is None or not isinstance(argument, ast.Constant | ast.Name):
            raise CannotMove(f"what `{name}` stands for is not certain where the model is made")
        if isinstance(argument, ast.Name) and any(argument.id in stored(each) for each in self.block[start + 1 :]):
            raise CannotMove(f"what `{name}` stands for is not certain where the model is made")
        return program.source(argument, path)

    def without(self, program: Program, names: Sequence[str], gone: Sequence[ast.AST], path: str) -> tuple[Edit, ...]:
        """The function and its call without the parameters that nothing but what is gone has used."""
        inside = {id(each) for node in gone for each in ast.walk(node)}
        used = {each.id for each in ast.walk(self.around) if isinstance(each, ast.Name) and id(each) not in inside}
        return without_parameters(program, self.around, self.call, [each for each in names if each not in used], path)


def handed(program: Program, function: Function, names: Sequence[str]) -> Handed | None:
    """How the tensors come to the loss; None where they are no parameters of the function that makes it."""
    path = function.module
    around = function_around(program, function.node, path)
    if not isinstance(around, ast.FunctionDef):
        return None
    arguments = around.args
    parameters = positional_names(arguments)
    if not set(names) & set(parameters):
        return None
    event = next((each for each in program.of(Trained) if is_loss_of(each, function)), None)
    call = loss_given(event) if event is not None else None
    if event is None or event.compilation is None or event.compilation.frame.path != path:
        raise CannotMove("the loss and the training stand in different files")
    if not isinstance(call, ast.Call) or any(isinstance(each, ast.Starred) for each in call.args):
        raise CannotMove(_REASON)
    if isinstance(call.func, ast.Attribute) and parameters[0] in ("self", "cls"):
        parameters = parameters[1:]
    given = dict(zip(parameters, call.args, strict=False))
    given.update({word.arg: word.value for word in call.keywords if word.arg is not None})
    statement = program.statement(call, path)
    if statement is None or not set(names) <= given.keys():
        raise CannotMove(_REASON)
    optional = defaults(arguments)
    unsaid = {each.arg: optional[each.arg] for each in named(arguments) if each.arg in optional.keys() - given.keys()}
    return Handed(around, call, statement, block_of(program, statement, path), given, unsaid)
