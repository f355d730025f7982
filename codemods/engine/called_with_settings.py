"""A loss that was called with its settings alone, as if that made a loss with these settings."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.frames import Frame
from regrad.analysis.parameters import defaults, positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Function, Tensor, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.stated_start import known_at


class Settings(NamedTuple):
    """The call, its file, and the names of the targets and of the prediction in the function."""

    call: ast.Call
    path: str
    pair: tuple[str, str]
    rest: tuple[str, ...]


def settings_of(value: Value | None) -> Settings | None:
    """The call that made the value, where it gives numbers for the targets and the prediction.

    What is written for `compile` need not be that call: it may stand in a dictionary of losses, or in a function that
    chooses one.
    """
    frame: Frame | None = value.operation.frame if isinstance(value, Tensor) else None
    while frame is not None:
        found = _settings(frame)
        if found is not None:
            return found
        frame = frame.caller
    return None


def _settings(frame: Frame) -> Settings | None:
    call, function, caller = frame.call, frame.function, frame.caller
    if not isinstance(call, ast.Call) or function is None or caller is None or not _is_a_loss(function):
        return None
    names = positional_names(function.node.args)
    known = all(_is_setting(known_at(each, caller)) for each in call.args)
    stated = {word.arg for word in call.keywords}
    if len(call.args) < 2 or not known or None in stated or stated & {*names[:2]}:
        return None
    return Settings(call, caller.path, (names[0], names[1]), tuple(names[2:]))


def _is_a_loss(function: Function) -> bool:
    """Whether it takes two things that it reads, and has something to set beside them."""
    node = function.node
    if not isinstance(node, ast.FunctionDef) or function.owner is not None or node.args.vararg is not None:
        return False
    names, optional = positional_names(node.args), defaults(node.args)
    if len(names) < 3 or {*names[:2]} & {*optional} or not {*names[2:]} <= {*optional}:
        return False
    read = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return {*names[:2]} <= read


def _is_setting(value: Value | None) -> bool:
    return isinstance(value, Constant) and isinstance(value.value, (int, float))


def with_settings(program: Program, found: Settings) -> tuple[Edit, ...]:
    """A function of targets and prediction that hands the settings on, each under its name."""
    source, call = program.files[found.path], found.call
    stated = {word.arg for word in call.keywords}
    given = dict(zip(found.rest, call.args, strict=False))
    if len(call.args) > len(found.rest) or stated & {*given}:
        raise CannotMove("which of the loss's settings the numbers are meant for is not certain")
    free = {each.id for each in ast.walk(call) if isinstance(each, ast.Name)}
    truth, guess = found.pair if not free & {*found.pair} else ("true", "guess")
    settings = [f"{name}={program.source(each, found.path)}" for name, each in given.items()]
    settings += [source.segment(source.span(word)) for word in call.keywords]
    callee = program.source(call.func, found.path)
    text = f"lambda {truth}, {guess}: {callee}({', '.join([truth, guess, *settings])})"
    return (Edit(found.path, source.span(call), text),)
