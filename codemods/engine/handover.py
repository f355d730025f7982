"""Computes under a tape what a caller computes and hands to the tape's function, from what is then handed over."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence

from regrad.analysis.callee import called
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.location import Span
from regrad.analysis.parameters import positional
from regrad.analysis.program import Program
from regrad.analysis.values import Operation
from regrad.codemods.engine import moving
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.effects import FUNCTIONS, Effects, Reading, meet, reading_of, swap
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.renamed_text import renamed_text
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import block_of, index_in, loaded, owners, stored, stored_locally

_PASSABLE = (ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While)


class Handover:
    """The call of the tape's function, and the argument that was computed too early.

    `again`: other code uses the argument as well; it stays there, and the function of the tape computes its own.
    """

    def __init__(self, program: Program, owner: ast.stmt, frame: Frame, *, again: bool = False) -> None:
        function, caller, call = frame.function, frame.caller, frame.call
        if (
            function is None
            or caller is None
            or not isinstance(call, ast.Call)
            or isinstance(function.node, ast.Lambda)
        ):
            raise CannotMove("the operation runs in other code than the tape, so it would have to be called there")
        if caller.path != frame.path:
            raise CannotMove("the operation runs in another file than the function of the tape")
        if any(isinstance(argument, ast.Starred) for argument in call.args) or any(
            keyword.arg is None for keyword in call.keywords
        ):
            raise CannotMove("the call of the tape's function hands over a list of arguments")
        self.program = program
        self.again = again
        self.owner = owner
        self.path = frame.path
        self.function = function.node
        self.caller = caller
        self.call = call
        self.bound = {argument.arg: argument for argument in _parameters(function.node)}
        names = list(self.bound)
        if names[:1] in (["self"], ["cls"]) and isinstance(call.func, ast.Attribute):
            names = names[1:]
        self.given: dict[str, ast.expr] = dict(zip(names, call.args, strict=False))
        self.given.update({keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None})
        if len(_calls_of(program, function.node, frame.path)) != 1:
            raise CannotMove("the tape's function is called from several places")

    def edits(self, operations: Sequence[Operation]) -> tuple[Edit, ...]:
        """The edits; raises `CannotMove` where the value cannot be computed in the function of the tape."""
        value, parameter, statement = self._value(operations)
        self._check_function(parameter, statement if statement is not None else value)
        renamed, handed = self._inputs(value)
        if handed is not None and handed in self._names_inside() - {parameter}:
            raise CannotMove(f"the tape's function already uses the name `{handed}`")
        program, path = self.program, self.path
        source = program.files[path]
        rewrite = moving.Rewrite(source, program.trees[path])
        rewrite.insert(
            f"{parameter} = {renamed_text(program.source(value, path), renamed)}", moving.at_start(self.owner)
        )
        if statement is not None and not self.again:
            rewrite.remove([statement], keep_comments=True)
        given = self.given[parameter]
        extra: list[Edit] = []
        if handed is not None:
            if self.bound[parameter].annotation is not None:
                raise CannotMove("the parameter is annotated as what it is now")
            rewrite.replace(given, handed)
            extra.append(Edit(path, source.span(self.bound[parameter]), handed))
        else:
            extra.append(self._without(list(self.call.args), given))
            extra.append(self._without(list(_parameters(self.function)), self.bound[parameter]))
        return (*rewrite.edits(), *extra)

    def _value(self, operations: Sequence[Operation]) -> tuple[ast.expr, str, ast.stmt | None]:
        """The expression that is computed too early, the parameter that brings it, and its statement if any."""
        places = [place_in(operation.frame, operation.node, self.caller) for operation in operations]
        if any(place is None for place in places):
            raise CannotMove("the operation runs in other code than the call of the tape's function")
        for parameter, argument in self.given.items():
            inside = {id(node) for node in ast.walk(argument)}
            if all(id(place) in inside for place in places):
                if not any(argument is one for one in self.call.args):
                    raise CannotMove("the value is handed over by keyword")
                return argument, parameter, None
        statements = {
            id(found): found
            for place in places
            if place and (found := self.program.statement(place, self.path)) is not None
        }
        if len(statements) != 1:
            raise CannotMove("the value is computed in several steps before the tape's function is called")
        statement = next(iter(statements.values()))
        bound = binding(statement)
        if bound is None:
            raise CannotMove("the value is not kept in a plain name")
        name = bound.target.id
        keys = [key for key, one in self.given.items() if isinstance(one, ast.Name) and one.id == name]
        if len(keys) != 1 or not any(self.given[keys[0]] is one for one in self.call.args):
            raise CannotMove("the value is not handed over as one plain argument")
        handed = self.given[keys[0]]
        scope = self._caller_scope()
        if not self.again and any(
            isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) and node is not handed
            for node in ast.walk(scope)
        ):
            raise CannotMove(f"`{name}` is used elsewhere too")
        self._check_between(statement)
        return bound.value, keys[0], statement

    def _check_between(self, statement: ast.stmt) -> None:
        """Nothing between the statement and the call may be upset by computing it later."""
        block = block_of(self.program, statement, self.path)
        use = self.program.statement(self.call, self.path)
        start, end = index_in(block, statement), index_in(block, use) if use is not None else None
        if start is None or end is None or end < start:
            raise CannotMove("the value is computed in another block than that which calls the tape's function")
        reading = reading_of(self.program.trees[self.path])
        effects = reading.of(statement)
        if self.again:
            given = [
                each for each in self.given.values() if not (isinstance(each, ast.Name) and each.id in effects.writes)
            ]
            check_again(reading, [statement], block[start:end], set().union(*(loaded(each) for each in given)))
            return
        for other in block[start + 1 : end]:
            if not swap(effects, reading.of(other)) or reading.of(other).leaves:
                raise CannotMove("statements between it and the call of the tape's function would run in another order")

    def _check_function(self, parameter: str, computed: ast.AST) -> None:
        """In the function of the tape, nothing before the tape may use the value or run in another order."""
        around = owners(self.program, self.owner, self.path)
        inner = around[: next(index for index, node in enumerate(around) if node is self.function)]
        if not all(isinstance(node, _PASSABLE) for node in inner):
            raise CannotMove("the tape stands in a branch of its function")
        looping = any(isinstance(node, (ast.For, ast.AsyncFor, ast.While)) for node in inner)
        reading = reading_of(self.program.trees[self.path])
        effects = reading.of(computed)
        if looping and (effects.draws or effects.prints):
            raise CannotMove("the tape's function runs it in a loop")
        inside = {id(node) for node in ast.walk(self.owner)}
        earlier = Effects(prints=effects.prints, draws=effects.draws)
        for node in ast.walk(self.function):
            if isinstance(node, ast.Name) and node.id == parameter and id(node) not in inside:
                if not isinstance(node.ctx, ast.Load):
                    raise CannotMove(f"`{parameter}` is bound anew in the tape's function")
                if looping or (node.lineno, node.col_offset) < (self.owner.lineno, self.owner.col_offset):
                    raise CannotMove(f"`{parameter}` is used before the tape")
        for statement in self.function.body:
            if statement.lineno < self.owner.lineno and not any(node is statement for node in (self.owner, *around)):
                if not self.again and not swap(earlier, reading.of(statement)):
                    raise CannotMove("it prints or draws random numbers, which would happen at another time")
                if reading.of(statement).leaves:
                    raise CannotMove("a `return` stands before the tape in its function")

    def _inputs(self, value: ast.expr) -> tuple[dict[str, str], str | None]:
        """How what the value is computed from is called in the tape's function, and which name must be handed over."""
        callees = {id(node) for call in ast.walk(value) if isinstance(call, ast.Call) for node in ast.walk(call.func)}
        scope = self._caller_scope()
        local = stored_locally(scope) if not isinstance(scope, ast.Module) else set()
        rebound = {name for statement in self.function.body for name in stored(statement)}
        bound_here = {node.arg for node in ast.walk(value) if isinstance(node, ast.arg)}
        renamed: dict[str, str] = {}
        missing: set[str] = set()
        for node in ast.walk(value):
            if not isinstance(node, ast.Name) or node.id in bound_here:
                continue
            if not isinstance(node.ctx, ast.Load):
                raise CannotMove("the value is computed with names of its own")
            name = node.id
            parameter = next(
                (key for key, one in self.given.items() if isinstance(one, ast.Name) and one.id == name), None
            )
            if parameter is not None and parameter not in rebound:
                renamed[name] = parameter
            elif name == "self" and "self" in self.bound and isinstance(self.call.func, ast.Attribute):
                if not (isinstance(self.call.func.value, ast.Name) and self.call.func.value.id == "self"):
                    raise CannotMove("the value belongs to another object than the tape's function")
            elif hasattr(builtins, name) and name not in local:
                continue
            elif name not in local and id(node) in callees:
                if name in rebound or name in self.bound:
                    raise CannotMove(f"`{name}` is something else in the tape's function")
            elif id(node) in callees:
                raise CannotMove(f"`{name}` is a local name of the caller, which the tape's function does not see")
            else:
                missing.add(name)
        if len(missing) > 1:
            raise CannotMove("it is computed from several values, which the tape's function does not have")
        return renamed, next(iter(missing), None)

    def _names_inside(self) -> set[str]:
        return {node.id for node in ast.walk(self.function) if isinstance(node, ast.Name)} | set(self.bound)

    def _caller_scope(self) -> ast.AST:
        around = owners(self.program, self.call, self.path)
        return next((node for node in around if isinstance(node, FUNCTIONS)), self.program.trees[self.path])

    def _without(self, parts: Sequence[ast.expr | ast.arg], part: ast.expr | ast.arg) -> Edit:
        """The list of arguments or parameters without one of them."""
        source = self.program.files[self.path]
        index = next((position for position, one in enumerate(parts) if one is part), None)
        if index is None or (len(parts) == 1 and isinstance(part, ast.arg)):
            raise CannotMove("the parameter cannot be left out")
        spans = [source.span(one) for one in parts]
        if len(parts) == 1:
            if not source.text[source.offset(spans[0].end) :].lstrip().startswith(")"):
                raise CannotMove("the parameter cannot be left out")
            return Edit(self.path, spans[0], "")
        if index > 0:
            span = Span(spans[index - 1].end, spans[index].end)
        else:
            span = Span(spans[0].start, spans[1].start)
        return Edit(self.path, span, "")


def check_again(reading: Reading, computing: Sequence[ast.stmt], ordered: Sequence[ast.stmt], used: set[str]) -> None:
    """Some statements of a row may run once more behind it: what they read is what it was, and nothing that was made of
    their first values is used together with the second ones (`used`).
    """
    reads: set[str] = set()
    writes: set[str] = set()
    for statement in computing:
        effects = reading.of(statement)
        if effects.prints or meet(effects.writes, effects.reads - writes):
            raise CannotMove("it prints or changes what it reads, so it cannot run once more")
        reads |= effects.reads - writes
        writes |= effects.writes
    made_of = set(writes)
    for other in ordered:
        if any(other is each for each in computing):
            continue
        effects = reading.of(other)
        if effects.leaves:
            raise CannotMove("a `return`, `break` or `continue` stands between it and the tape")
        if meet(effects.writes, reads | writes):
            raise CannotMove("what it is computed from changes between here and the tape")
        if meet(effects.reads, made_of):
            made_of |= stored(other)
    if used & (made_of - writes):
        raise CannotMove("what is made of it is used together with it")


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    return positional(function.args)


def _calls_of(program: Program, function: ast.FunctionDef | ast.AsyncFunctionDef, path: str) -> list[ast.Call]:
    return [node for node in program.nodes_of(path, ast.Call) if called(node) == function.name]
