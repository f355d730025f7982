"""What the names and comments of a program say of a value: that it is a target, comes later, or is discounted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Tensor
from regrad.codemods.engine.commented import comment_of

_TARGET = re.compile(
    r"(.*_)?(targets?|tgts?|labels?|returns?|advantages?|advs?|baselines?|y_true|teachers?|pseudo|ema|bootstrap(ped)?)(_.*)?"
    r"|(old|next|nxt|prev|previous|future)(_.*)?|.*_(old|next|nxt|prev)|y_(next|hat_target)"
)
"""What a value is called that a loss is measured against."""
_PREDICTED = re.compile(r"(.*_)?(pred|preds|predicted|predictions?|student|online|recon\w*)(_.*)?")
_SAID = re.compile(
    r"\b(no|without|not?) (any )?(grad(ient)?s?|backprop\w*)\b|\bdetach|\bstop(ped)?[- _]grad|\bon purpose\b"
    r"|\bmust not (move|change|train)|\bnot trained\b|\bpseudo[- ]?labels?\b|\bas (a |the )?(target|constant)s?\b"
    r"|^#+\s*(the )?(\w+ )?(targets?|teacher|bootstrap\w*|baseline|constants?)\b",
    re.IGNORECASE,
)
_FAULT = re.compile(r"bug|wrong|problem|broken|fix|todo|mistake|error|fault|\bwhy\b|\?", re.IGNORECASE)
_DISCOUNT = re.compile(r"(^|\W|_)(gamma|discount\w*)($|\W|_)", re.IGNORECASE)
_NEXT = re.compile(
    r"(.*_)?(next|nxt)(_.*)?|(s|st|states?|obs|o|observations?|v|q)_?2|ns|new_(state|obs)\w*", re.IGNORECASE
)


class Words:
    """The words around the values that one loss is computed from."""

    def __init__(self, program: Program, values: Iterable[Tensor]) -> None:
        self._program = program
        self._names: dict[int, set[str]] = {}
        frames: dict[int, Frame] = {}
        for each in values:
            frame = each.operation.frame
            while frame is not None and id(frame) not in frames:
                frames[id(frame)] = frame
                frame = frame.caller
        for frame in frames.values():
            for name, held in frame.scope.names.items():
                self._names.setdefault(id(held), set()).add(name)

    def names_of(self, value: Tensor) -> set[str]:
        return self._names.get(id(value), set()) | set(_bound_to(self._program, value))

    def says_target(self, value: Tensor) -> bool:
        """Whether it has the name of a target, and not that of a prediction."""
        names = [name.lower() for name in self.names_of(value)]
        return any(map(_TARGET.fullmatch, names)) and not any(map(_PREDICTED.fullmatch, names))

    def says_later(self, value: Tensor) -> bool:
        """Whether it has the name of what comes after: the next state, or its value."""
        return any(map(_NEXT.fullmatch, self.names_of(value)))

    def says_cut_off(self, value: Tensor) -> bool:
        """Whether a comment says that it is to get no gradient."""
        operation = value.operation
        if operation.node is None or operation.frame is None:
            return False
        statement = self._program.statement(operation.node, operation.frame.path)
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
            return False
        comment = comment_of(self._program, statement, operation.frame.path)
        return bool(_SAID.search(comment)) and not _FAULT.search(comment)

    def discounts(self, value: Tensor) -> bool:
        """Whether it is something multiplied by a discount, by that name or as a number a little below 1."""
        for part in value.operation.inputs:
            if isinstance(part, Constant) and isinstance(part.value, float) and 0.5 < part.value < 1:
                return True
        node, frame = value.operation.node, value.operation.frame
        return (
            isinstance(node, ast.BinOp)
            and frame is not None
            and any(
                isinstance(each, (ast.Name, ast.Attribute)) and _DISCOUNT.search(self._program.source(each, frame.path))
                for side in (node.left, node.right)
                for each in ast.walk(side)
            )
        )


def _bound_to(program: Program, value: Tensor) -> Iterable[str]:
    node, frame = value.operation.node, value.operation.frame
    statement = program.statement(node, frame.path) if node is not None and frame is not None else None
    if not isinstance(statement, ast.Assign):
        return
    for target in statement.targets:
        if isinstance(target, ast.Name) and statement.value is node:
            yield target.id
        elif isinstance(target, ast.Attribute) and statement.value is node:
            yield target.attr
        elif isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            for name, each in zip(target.elts, statement.value.elts, strict=False):
                if each is node and isinstance(name, ast.Name):
                    yield name.id
