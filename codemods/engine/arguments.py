"""Changing the arguments of one call in its own text: layout, commas and comments stay. Without libcst, whose import
takes as long as the check of ten programs.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from regrad.analysis.location import Position, Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit

_BREAK = re.compile(r"\r\n|\r")
_LINES = re.compile(r"(?:(?:[ \t\f]|\\\n)*(?:#[^\n]*)?\n)*")
"""The lines that end in a space between two words; what follows is the beginning of the next line."""
_BLANK = frozenset({tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENDMARKER})


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


class _Argument(NamedTuple):
    """One argument with all that stands before the next."""

    value: str
    star: str = ""
    name: str = ""
    equal: str = ""
    """What stands between the star, or the name, and the value."""
    after: str = ""
    """The space behind the value."""
    comma: str = ""
    """The comma with the space behind it; empty where there is none."""


class _Call(NamedTuple):
    """A call in its parts."""

    callee: str
    opening: str
    """The parenthesis with the space before it."""
    before: str
    """The space before the first argument."""
    arguments: tuple[_Argument, ...]

    @property
    def text(self) -> str:
        parts = (f"{each.star}{each.name}{each.equal}{each.value}{each.after}{each.comma}" for each in self.arguments)
        return f"{self.callee}{self.opening}{self.before}{''.join(parts)})"


class _Word(NamedTuple):
    """A token: where it stands in the text, and in how many parentheses."""

    text: str
    start: int
    end: int
    depth: int


def changed_call(source: SourceFile, call: ast.Call, changes: Sequence[Change]) -> str:
    """The text of the call after the changes, made in order; raises `CannotChange`."""
    from regrad.codemods.engine.guard import fits_libcst

    if not fits_libcst(call):
        raise CannotChange("the call is nested too deeply")
    made = _parsed(_BREAK.sub("\n", source.segment(source.span(call))))
    for change in changes:
        made = _made(made, change)
    return made.text


def change_call(source: SourceFile, call: ast.Call, *changes: Change) -> Edit:
    """The edit that changes the call."""
    return Edit(source.path, source.span(call), changed_call(source, call, changes))


def set_keyword(source: SourceFile, call: ast.Call, name: str, value: str) -> Edit:
    return change_call(source, call, Set(name, value))


def remove_argument(source: SourceFile, call: ast.Call, key: Key) -> Edit:
    return change_call(source, call, Remove(key))


def swap_arguments(source: SourceFile, call: ast.Call, one: Key = 0, other: Key = 1) -> Edit:
    return change_call(source, call, Swap(one, other))


def _parsed(call: str) -> _Call:
    # Parentheses around it let a call that spans lines stand alone.
    text = f"({call})"
    source = SourceFile("", b"", text, "\n", "utf-8", False)
    try:
        node = _tree(text)
        words = _words(source)
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
        raise CannotChange("the call cannot be read by itself") from None
    whole = Span(source.position(1), source.position(len(text) - 1))
    if not isinstance(node, ast.Call) or source.span(node) != whole:
        raise CannotChange("the place of the call is not known exactly (inside an f-string?)")
    close = len(words) - 2
    opening = max(number for number in range(close) if words[number].depth == words[close].depth)
    values = (*node.args, *(keyword.value for keyword in node.keywords))
    ends = sorted(source.offset(source.span(value).end) for value in values)
    arguments: list[_Argument] = []
    first = opening + 1
    for end in ends:
        # Parentheses around the value are no part of its node.
        inside = range(first, close)
        last = next((each for each in inside if words[each].start >= end and _is_comma(words, each, opening)), close)
        arguments.append(_argument(text, words, first, last))
        first = last + 1
    callee = words[opening - 1].end
    return _Call(
        text[1:callee],
        text[callee : words[opening].end],
        text[words[opening].end : words[opening + 1].start],
        tuple(arguments),
    )


def _is_comma(words: list[_Word], place: int, opening: int) -> bool:
    """Whether it parts two arguments of the call whose parenthesis is that word."""
    return words[place].text == "," and words[place].depth == words[opening].depth + 1


def _argument(text: str, words: list[_Word], first: int, last: int) -> _Argument:
    """The argument that begins with one word and ends before another, which is a comma or the parenthesis."""
    star = name = equal = ""
    value = first
    if words[first].text in ("*", "**"):
        value = first + 1
        star, equal = words[first].text, text[words[first].end : words[value].start]
    elif words[first + 1].text == "=":
        value = first + 2
        name, equal = words[first].text, text[words[first].end : words[value].start]
    end = words[last - 1].end
    comma = text[words[last].start : words[last + 1].start] if words[last].text == "," else ""
    return _Argument(text[words[value].start : end], star, name, equal, text[end : words[last].start], comma)


def _tree(text: str) -> ast.expr:
    with warnings.catch_warnings():
        # An invalid escape is the author's matter and would be printed on our terminal.
        warnings.simplefilter("ignore")
        return ast.parse(text, mode="eval").body


def _words(source: SourceFile) -> list[_Word]:
    found: list[_Word] = []
    depth = 0
    for word in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if word.type in _BLANK:
            continue
        depth -= word.type == tokenize.OP and word.string in (")", "]", "}")
        start, end = (source.offset(Position(line, column + 1)) for line, column in (word.start, word.end))
        found.append(_Word(word.string, start, end, depth))
        depth += word.type == tokenize.OP and word.string in ("(", "[", "{")
    return found


def _made(call: _Call, change: Change) -> _Call:
    if isinstance(change, Callee):
        return call._replace(callee=_expression(change.text))
    arguments = list(call.arguments)
    if isinstance(change, Swap):
        one, other = _find(arguments, change.one), _find(arguments, change.other)
        values = arguments[one].value, arguments[other].value
        arguments[one] = arguments[one]._replace(value=values[1])
        arguments[other] = arguments[other]._replace(value=values[0])
    elif isinstance(change, Rename):
        index = _find(arguments, change.key)
        argument = arguments[index]
        if not change.name:
            if any(each.name or each.star for each in arguments[:index]):
                raise CannotChange("a positional argument cannot follow a keyword")
            arguments[index] = argument._replace(name="", equal="")
        elif argument.name:
            arguments[index] = argument._replace(name=change.name)
        else:
            if any(not each.name and not each.star for each in arguments[index + 1 :]):
                raise CannotChange("a positional argument cannot follow a keyword")
            arguments[index] = argument._replace(name=change.name, equal="=")
    elif isinstance(change, Remove):
        index = _find(arguments, change.key)
        gone = arguments.pop(index)
        if index == len(arguments) and arguments:
            arguments[-1] = arguments[-1]._replace(after=gone.after, comma=gone.comma)
        if not arguments and "#" not in call.before:
            call = call._replace(before="")
    elif isinstance(change, Append):
        positional = [not each.name and each.star != "**" for each in arguments]
        index = positional.count(True) if all(positional[: positional.count(True)]) else len(arguments)
        return _inserted(call, index, _Argument(_expression(change.value)))
    else:
        place = _index(arguments, change.key)
        if place is None and isinstance(change.key, str):
            index = next((at for at, each in enumerate(arguments) if each.star == "**"), len(arguments))
            neighbour = _index(arguments, change.after) if change.after is not None else None
            if neighbour is not None and all(each.name for each in arguments[neighbour + 1 :]):
                index = neighbour + 1
            return _inserted(call, index, _Argument(_expression(change.value), name=change.key, equal="="))
        index = _find(arguments, change.key)
        arguments[index] = arguments[index]._replace(value=_expression(change.value))
    return call._replace(arguments=tuple(arguments))


def _expression(text: str) -> str:
    """The text, if it is an expression."""
    try:
        _tree(text)
    except (SyntaxError, ValueError, RecursionError):
        raise CannotChange("what the call is to be given is no expression by itself") from None
    return text


def _index(arguments: Sequence[_Argument], key: Key) -> int | None:
    for index, argument in enumerate(arguments):
        if isinstance(key, str):
            if argument.name == key:
                return index
        elif argument.star or argument.name:
            return None
        elif index == key:
            return index
    return None


def _find(arguments: Sequence[_Argument], key: Key) -> int:
    index = _index(arguments, key)
    if index is None:
        name = f"`{key}`" if isinstance(key, str) else f"number {key + 1}"
        raise CannotChange(f"the call does not spell out its argument {name}")
    return index


def _inserted(call: _Call, index: int, new: _Argument) -> _Call:
    """The call with one more argument, laid out like those that it has."""
    arguments = list(call.arguments)
    if not arguments:
        return call._replace(arguments=(new,))
    separator = _separator(call)
    if index < len(arguments):
        arguments.insert(index, new._replace(comma=f",{separator}"))
        return call._replace(arguments=tuple(arguments))
    last = arguments[-1]
    if last.comma:
        # What stands between the last comma and the parenthesis; a comment there belongs to the argument before.
        between, end = _split(last.comma[1:], separator)
        arguments[-1] = last._replace(comma=f",{between}")
        arguments.append(new._replace(comma=f",{end}"))
    else:
        between, end = _split(last.after, separator)
        arguments[-1] = last._replace(comma=f",{between}", after="")
        arguments.append(new._replace(after=end))
    return call._replace(arguments=tuple(arguments))


def _separator(call: _Call) -> str:
    """What this call puts before an argument that is not the first, without comments."""
    behind = call.arguments[-2].comma[1:] if len(call.arguments) > 1 else None
    for space in (behind, call.before):
        if space is not None and _is_broken(space):
            return _without_lines(space)
        if space is not None and space is behind:
            return space
    return " "


def _split(space: str, separator: str) -> tuple[str, str]:
    """The space before the closing parenthesis as the space before a new argument and the space after it."""
    if not _is_broken(space):
        return separator, space
    end = _without_lines(space)
    if _is_broken(separator):
        return space[: _lines(space)] + separator[_lines(separator) :], end
    return (space, end) if "#" in space else (separator, end)


def _lines(space: str) -> int:
    """Where the last line of a space begins."""
    found = _LINES.match(space)
    return found.end() if found is not None else 0


def _is_broken(space: str) -> bool:
    return _lines(space) > 0


def _without_lines(space: str) -> str:
    """One line break, and how far the last line is indented."""
    return "\n" + space[_lines(space) :]
