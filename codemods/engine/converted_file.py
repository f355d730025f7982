"""One file's share of a conversion to TensorFlow: what is replaced, what goes with it, and the imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from regrad.analysis.source import SourceFile
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import says_nothing, text_of
from regrad.codemods.engine.moving import Place, Rewrite
from regrad.codemods.engine.ranking import RankFunction
from regrad.codemods.engine.rule import Edit


class ConvertedFile:
    """Collects the changes of one file."""

    def __init__(self, source: SourceFile, tree: ast.Module) -> None:
        self._source = source
        self._tree = tree
        self._rewrite = Rewrite(source, tree)
        self._texts: dict[ast.expr, tuple[str, ast.stmt | None]] = {}
        self._whole: dict[ast.stmt, str] = {}
        self._gone: list[ast.AST] = []
        self._kept: list[str] = []
        self._twins: list[Edit] = []
        self._imported: tuple[Edit, ...] = ()

    def say(self, name: str, node: ast.AST) -> str:
        """A TensorFlow name as the file can write it at the node; imported where nothing else will do."""
        names = [f"tensorflow.{name}", f"tensorflow.compat.v1.{name}"]
        spelled = imports.spelling(self._source, self._tree, names, node)
        self._imported = self._imported or spelled.edits
        return spelled.text

    def replace(self, node: ast.expr, text: str, statement: ast.stmt | None = None) -> None:
        """Puts the text in the place of the node; a `statement` that then says nothing goes."""
        if statement is not None and says_nothing(statement, node, text):
            # `x = x.numpy()` without the call says nothing.
            self._rewrite.remove([statement], keep_comments=True)
            self._gone.append(node)
        elif text != text_of(self._source, node):
            self._texts[node] = text, statement
            self._gone.append(node)
            self._kept.append(text)

    def replace_statement(self, statement: ast.stmt, text: str) -> None:
        """Puts the text in the place of a whole statement, in which nothing else is then replaced."""
        self._whole[statement] = text
        self._gone.append(statement)
        self._kept.append(text)

    def insert(self, text: str, place: Place) -> None:
        """Puts a statement of its own there."""
        self._rewrite.insert(text, place)
        self._kept.append(text)

    def rank(self, ranking: RankFunction, text: str) -> None:
        """Gives a function that ranks another body."""
        *before, last = ranking.statements
        self._rewrite.remove(before)
        self._rewrite.replace(last, f"return {text}")
        self._gone.extend(ranking.statements)

    def add(self, twin: Edit) -> None:
        """Writes the twin of a function."""
        self._twins.append(twin)
        self._kept.append(twin.text)

    def edits(self) -> tuple[Edit, ...]:
        """All of it; NumPy's import goes where nothing uses it any more."""
        removed: list[Edit] = []
        for name in ("np", "numpy"):
            if self._gone and not any(re.search(rf"\b{name}\.", text) for text in self._kept):
                removed.extend(imports.remove_import(self._source, self._tree, name, self._gone))
        self._replace_all()
        exchanged = imports.exchanged(self._source, self._tree, self._imported, tuple(removed))
        return (*self._rewrite.edits(), *self._twins, *exchanged)

    def _replace_all(self) -> None:
        """The replacements, but for those of assignments that say nothing with all of them together: `x, y = x, y`."""
        inside = {id(each) for statement in self._whole for each in ast.walk(statement)}
        self._texts = {node: each for node, each in self._texts.items() if id(node) not in inside}
        for replaced, text in self._whole.items():
            self._rewrite.replace(replaced, text)
        texts = {node: text for node, (text, _) in self._texts.items()}
        empty: dict[int, ast.stmt] = {}
        for _, statement in self._texts.values():
            if isinstance(statement, ast.Assign) and _says_nothing_now(self._source, statement, texts):
                empty[id(statement)] = statement
        self._rewrite.remove(list(empty.values()), keep_comments=True)
        for node, (text, statement) in self._texts.items():
            if id(statement) not in empty:
                self._rewrite.replace(node, text)


def _says_nothing_now(source: SourceFile, statement: ast.Assign, texts: Mapping[ast.expr, str]) -> bool:
    """Whether several names are each bound to what they stand for already."""
    target, value = statement.targets[0], statement.value
    if len(statement.targets) != 1 or not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
        return False
    if len(target.elts) != len(value.elts):
        return False
    return all(
        isinstance(one, ast.Name) and (texts.get(other) or text_of(source, other)) == one.id
        for one, other in zip(target.elts, value.elts, strict=True)
    )
