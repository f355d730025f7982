"""How a name can be spelled in a file, and the import that it needs or no longer needs."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from regrad.analysis.location import Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.layout import CannotMove, layout_of
from regrad.codemods.engine.moving import Rewrite, after
from regrad.codemods.engine.rule import Edit

_USUAL_NAMES = {"tensorflow": "tf", "numpy": "np", "keras": "keras"}


class Spelling(NamedTuple):
    """How to write a name, with the edits that make it known (none where the file can say it already)."""

    text: str
    edits: tuple[Edit, ...] = ()


def spelled(tree: ast.Module, names: str | Sequence[str], at: ast.AST | None = None) -> str | None:
    """How the file can say one of the fully dotted `names` where `at` stands; None where it cannot.

    The first of `names` that can be said is taken. `tensorflow.keras.losses.Huber` is `tf.keras.losses.Huber` after
    `import tensorflow as tf`, `keras.losses.Huber` after `from tensorflow import keras`, `Huber` where it is imported.
    """
    # A function body runs later than everything at the top level.
    late = at is None or _is_in_function(at, tree)
    known = [
        (local, dotted)
        for local, dotted, statement in _module_imports(tree)
        if late or statement.lineno < getattr(at, "lineno", 0)
    ]
    rebound = _rebound(tree)
    for name in [names] if isinstance(names, str) else names:
        found = [
            local + name[len(dotted) :]
            for local, dotted in known
            if (name == dotted or name.startswith(dotted + ".")) and local.partition(".")[0] not in rebound
        ]
        if found:
            return min(found, key=lambda text: (text.count("."), text))
    return None


def spelling(source: SourceFile, tree: ast.Module, names: str | Sequence[str], at: ast.AST | None = None) -> Spelling:
    """How to write one of `names`, importing the package of the first where the file knows none of them."""
    text = spelled(tree, names, at)
    if text is not None:
        return Spelling(text)
    name = names if isinstance(names, str) else names[0]
    package, _, rest = name.partition(".")
    local = _USUAL_NAMES.get(package, package)
    taken = _rebound(tree) | {each.partition(".")[0] for each, _, _ in _module_imports(tree)}
    if local in taken:
        raise CannotMove(f"the name `{local}`, which the mending needs, means something else in this file")
    statement = f"import {package}" if local == package else f"import {package} as {local}"
    return Spelling(f"{local}.{rest}" if rest else local, add_import(source, tree, statement))


def add_import(source: SourceFile, tree: ast.Module, statement: str) -> tuple[Edit, ...]:
    """Puts an import after those at the top of the file, or where they would stand."""
    last: ast.stmt | None = None
    for each in tree.body:
        if isinstance(each, ast.Import | ast.ImportFrom):
            last = each
        elif last is not None or not _is_docstring(each):
            break
    if last is not None:
        rewrite = Rewrite(source, tree)
        rewrite.insert(statement, after(last))
        return rewrite.edits()
    layout = layout_of(source, tree)
    if not tree.body:
        offset, text = len(source.text), statement + "\n"
    elif _is_docstring(tree.body[0]):
        offset, text = layout.line_end(tree.body[0].end_lineno or 1), "\n\n" + statement
    else:
        group = layout.groups(layout.body(tree))[0]
        # A comment at the very top (a licence, `#!`, the coding) stays at the top.
        line = group.first if layout.top(group) == 1 else layout.top(group)
        offset, text = layout.line_start(line), statement + "\n\n"
    position = source.position(offset)
    return (Edit(source.path, Span(position, position), text),)


def remove_import(
    source: SourceFile, tree: ast.Module, name: str, without: Collection[ast.AST] = ()
) -> tuple[Edit, ...]:
    """Removes the import of the local `name` if nothing but the nodes in `without` (which go) uses it.

    An import that they do not use either was the author's to keep, and stays.
    """
    going = [each for node in without for each in ast.walk(node)]
    if without and not any(isinstance(each, ast.Name) and each.id == name for each in going):
        return ()
    gone = {id(each) for each in going}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name and id(node) not in gone:
            return ()
        # What `__all__` or an annotation in quotes names is used as well.
        named = isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.partition(".")[0] == name
        if named and id(node) not in gone:
            return ()
    owners = [
        (statement, alias)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
        if (alias.asname or alias.name.partition(".")[0]) == name
    ]
    if len(owners) != 1:
        return ()
    statement, alias = owners[0]
    rewrite = Rewrite(source, tree)
    if len(statement.names) == 1:
        rewrite.remove([statement], keep_comments=True)
        return rewrite.edits()
    index = statement.names.index(alias)
    other = statement.names[index + 1] if index + 1 < len(statement.names) else statement.names[index - 1]
    own, near = source.span(alias), source.span(other)
    span = Span(own.start, near.start) if own.start < near.start else Span(near.end, own.end)
    return () if "#" in source.segment(span) else (Edit(source.path, span, ""),)


def exchanged(
    source: SourceFile, tree: ast.Module, added: tuple[Edit, ...], removed: tuple[Edit, ...]
) -> tuple[Edit, ...]:
    """Both; where the new import would stand behind the one that goes, it takes its place."""
    for new in added:
        for old in removed:
            if old.text or not (old.span.start <= new.span.start <= old.span.end):
                continue
            for statement in tree.body:
                span = source.span(statement)
                whole = old.span.start <= span.start and span.end <= old.span.end
                if whole and isinstance(statement, ast.Import | ast.ImportFrom):
                    instead = Edit(source.path, span, new.text.strip("\n"))
                    return (
                        *(each for each in added if each is not new),
                        *(each for each in removed if each is not old),
                        instead,
                    )
    return (*added, *removed)


def _module_imports(tree: ast.Module) -> Iterator[tuple[str, str, ast.stmt]]:
    """Local name, full name and statement of every import that the whole module sees."""
    for statement in _module_statements(tree.body):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                # `import a.b` makes `a` known, and `a.b` under its own name.
                yield (alias.asname, alias.name, statement) if alias.asname else (alias.name, alias.name, statement)
                if not alias.asname and "." in alias.name:
                    package = alias.name.partition(".")[0]
                    yield package, package, statement
        elif isinstance(statement, ast.ImportFrom) and not statement.level and statement.module:
            for alias in statement.names:
                if alias.name != "*":
                    yield alias.asname or alias.name, f"{statement.module}.{alias.name}", statement


def _module_statements(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for field in ("body", "orelse", "finalbody"):
                yield from _module_statements(getattr(statement, field, ()))
            for handler in getattr(statement, "handlers", ()):
                yield from _module_statements(handler.body)


def _is_in_function(at: ast.AST, tree: ast.Module) -> bool:
    line: int = getattr(at, "lineno", 0)
    return any(
        isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.lineno <= line <= (each.end_lineno or line)
        for each in ast.walk(tree)
    )


def _rebound(tree: ast.Module) -> set[str]:
    """Names that something other than an import gives a meaning to anywhere in the file."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler):
            names.add(node.name or "")
    return names


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
