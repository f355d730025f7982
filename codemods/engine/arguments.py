"""Changing the arguments of one call, with libcst on the call's own text: layout, commas and comments stay."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from regrad.analysis.source import SourceFile
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit

if TYPE_CHECKING:
    import libcst

_BREAK = re.compile(r"\r\n|\r")


class CannotChange(CannotMove):
    """The call cannot be changed as asked; the message is for the user."""


Key = str | int
"""A keyword, or the place of a positional argument from 0."""


class Set(NamedTuple):
    """Gives an argument a value; a keyword that is not there is added behind `after`, or after the others."""

    key: Key
    value: str
    after: Key | None = None


class Append(NamedTuple):
    """Adds a positional argument after the other positional ones."""

    value: str


class Remove(NamedTuple):
    """Takes an argument away."""

    key: Key


class Rename(NamedTuple):
    """Gives an argument another keyword, a positional one its first; with "" a keyword loses its name."""

    key: Key
    name: str


class Swap(NamedTuple):
    """Exchanges the values of two arguments."""

    one: Key
    other: Key


class Callee(NamedTuple):
    """Calls something else."""

    text: str


Change = Set | Append | Remove | Rename | Swap | Callee


def changed_call(source: SourceFile, call: ast.Call, changes: Sequence[Change]) -> str:
    """The text of the call after the changes, made in order; raises `CannotChange`."""
    import libcst
    from regrad.codemods.engine.guard import fits_libcst

    if not fits_libcst(call):
        raise CannotChange("the call is nested too deeply")
    text = _BREAK.sub("\n", source.segment(source.span(call)))
    try:
        # Parentheses around it let a call that spans lines stand alone.
        module = libcst.parse_module(f"({text})\n")
        statement = module.body[0]
        expression = statement.body[0] if isinstance(statement, libcst.SimpleStatementLine) else None
        node = expression.value if isinstance(expression, libcst.Expr) else None
        if not isinstance(node, libcst.Call) or len(node.lpar) != 1:
            raise CannotChange("the place of the call is not known exactly (inside an f-string?)")
        for change in changes:
            node = _made(node, change)
        return module.code_for_node(node)[1:-1]
    except (libcst.ParserSyntaxError, RecursionError):
        raise CannotChange("libcst cannot read the call") from None


def change_call(source: SourceFile, call: ast.Call, *changes: Change) -> Edit:
    """The edit that changes the call."""
    return Edit(source.path, source.span(call), changed_call(source, call, changes))


def set_keyword(source: SourceFile, call: ast.Call, name: str, value: str) -> Edit:
    return change_call(source, call, Set(name, value))


def remove_argument(source: SourceFile, call: ast.Call, key: Key) -> Edit:
    return change_call(source, call, Remove(key))


def swap_arguments(source: SourceFile, call: ast.Call, one: Key = 0, other: Key = 1) -> Edit:
    return change_call(source, call, Swap(one, other))


def _made(call: libcst.Call, change: Change) -> libcst.Call:
    import libcst

    if isinstance(change, Callee):
        return call.with_changes(func=_expression(change.text))
    arguments = list(call.args)
    if isinstance(change, Swap):
        one, other = _find(arguments, change.one), _find(arguments, change.other)
        values = arguments[one].value, arguments[other].value
        arguments[one] = arguments[one].with_changes(value=values[1])
        arguments[other] = arguments[other].with_changes(value=values[0])
    elif isinstance(change, Rename):
        index = _find(arguments, change.key)
        argument = arguments[index]
        if not change.name:
            if any(each.keyword is not None or each.star for each in arguments[:index]):
                raise CannotChange("a positional argument cannot follow a keyword")
            arguments[index] = argument.with_changes(keyword=None, equal=libcst.MaybeSentinel.DEFAULT)
        elif argument.keyword is not None:
            arguments[index] = argument.with_changes(keyword=argument.keyword.with_changes(value=change.name))
        else:
            if index + 1 < len(arguments) and arguments[index + 1].keyword is None and not arguments[index + 1].star:
                raise CannotChange("a positional argument cannot follow a keyword")
            arguments[index] = _named(argument, change.name)
    elif isinstance(change, Remove):
        index = _find(arguments, change.key)
        gone = arguments.pop(index)
        if index == len(arguments) and arguments:
            arguments[-1] = arguments[-1].with_changes(comma=gone.comma, whitespace_after_arg=gone.whitespace_after_arg)
        if not arguments and "#" not in libcst.Module([]).code_for_node(call.whitespace_before_args):
            call = call.with_changes(whitespace_before_args=libcst.SimpleWhitespace(""))
    elif isinstance(change, Append):
        positional = [each.keyword is None and each.star != "**" for each in arguments]
        index = positional.count(True) if all(positional[: positional.count(True)]) else len(arguments)
        return _inserted(call, index, libcst.Arg(_expression(change.value)))
    else:
        place = _index(arguments, change.key)
        if place is None and isinstance(change.key, str):
            index = next((at for at, each in enumerate(arguments) if each.star == "**"), len(arguments))
            neighbour = _index(arguments, change.after) if change.after is not None else None
            if neighbour is not None and all(each.keyword is not None for each in arguments[neighbour + 1 :]):
                index = neighbour + 1
            return _inserted(call, index, _named(libcst.Arg(_expression(change.value)), change.key))
        index = _find(arguments, change.key)
        arguments[index] = arguments[index].with_changes(value=_expression(change.value))
    return call.with_changes(args=arguments)


def _expression(text: str) -> libcst.BaseExpression:
    import libcst

    return libcst.parse_expression(text)


def _named(argument: libcst.Arg, name: str) -> libcst.Arg:
    import libcst

    none = libcst.SimpleWhitespace("")
    return argument.with_changes(
        keyword=libcst.Name(name), equal=libcst.AssignEqual(whitespace_before=none, whitespace_after=none)
    )


def _index(arguments: Sequence[libcst.Arg], key: Key) -> int | None:
    for index, argument in enumerate(arguments):
        if isinstance(key, str):
            if argument.keyword is not None and argument.keyword.value == key:
                return index
        elif argument.star or argument.keyword is not None:
            return None
        elif index == key:
            return index
    return None


def _find(arguments: Sequence[libcst.Arg], key: Key) -> int:
    index = _index(arguments, key)
    if index is None:
        name = f"`{key}`" if isinstance(key, str) else f"number {key + 1}"
        raise CannotChange(f"the call does not spell out its argument {name}")
    return index


def _inserted(call: libcst.Call, index: int, new: libcst.Arg) -> libcst.Call:
    """The call with one more argument, laid out like those that it has."""
    import libcst

    arguments = list(call.args)
    if not arguments:
        return call.with_changes(args=[new])
    separator = _separator(call)
    if index < len(arguments):
        arguments.insert(index, new.with_changes(comma=libcst.Comma(whitespace_after=separator)))
        return call.with_changes(args=arguments)
    last = arguments[-1]
    if isinstance(last.comma, libcst.Comma):
        # What stands between the last comma and the parenthesis; a comment there belongs to the argument before.
        between, end = _split(last.comma.whitespace_after, separator)
        arguments[-1] = last.with_changes(comma=last.comma.with_changes(whitespace_after=between))
        arguments.append(new.with_changes(comma=libcst.Comma(whitespace_after=end)))
    else:
        between, end = _split(last.whitespace_after_arg, separator)
        none = libcst.SimpleWhitespace("")
        comma = libcst.Comma(whitespace_after=between)
        arguments[-1] = last.with_changes(comma=comma, whitespace_after_arg=none)
        arguments.append(new.with_changes(whitespace_after_arg=end))
    return call.with_changes(args=arguments)


def _separator(call: libcst.Call) -> libcst.BaseParenthesizableWhitespace:
    """What this call puts before an argument that is not the first, without comments."""
    import libcst

    candidates = (
        [call.args[-2].comma.whitespace_after]
        if len(call.args) > 1 and isinstance(call.args[-2].comma, libcst.Comma)
        else []
    )
    for candidate in (*candidates, call.whitespace_before_args):
        if isinstance(candidate, libcst.ParenthesizedWhitespace):
            return libcst.ParenthesizedWhitespace(indent=candidate.indent, last_line=candidate.last_line)
        if candidate is not call.whitespace_before_args:
            return candidate
    return libcst.SimpleWhitespace(" ")


def _split(
    space: libcst.BaseParenthesizableWhitespace, separator: libcst.BaseParenthesizableWhitespace
) -> tuple[libcst.BaseParenthesizableWhitespace, libcst.BaseParenthesizableWhitespace]:
    """The space before the closing parenthesis as the space before a new argument and the space after it."""
    import libcst

    if not isinstance(space, libcst.ParenthesizedWhitespace):
        return separator, space
    end = libcst.ParenthesizedWhitespace(indent=space.indent, last_line=space.last_line)
    has_comment = space.first_line.comment is not None or any(line.comment for line in space.empty_lines)
    if isinstance(separator, libcst.ParenthesizedWhitespace):
        between = space.with_changes(indent=separator.indent, last_line=separator.last_line)
        return between, end
    return (space, end) if has_comment else (separator, end)
