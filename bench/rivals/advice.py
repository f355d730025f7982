"""NeuraLint's advice, followed to the letter: what its messages tell a programmer to write, written where they say it.

The tool itself mends nothing. Only advice that names what to write can be followed: an activation for the last layer,
an initialiser that is not constant, `from_logits` as the activation demands. Advice about the design (order of dropout,
numbers of filters) is left alone, as it has nothing to do with gradients.
"""

from __future__ import annotations

import ast
from pathlib import Path

from .keras_source import WEIGHTED, Layer, Seen, name_of, see
from .neuralint import BINARY, NeuraLint

Edit = tuple[int, int, bytes]


def follow(path: Path) -> bool:
    """Whether the file was changed."""
    rules = NeuraLint().rules(path)
    seen = see(path)
    if seen is None or seen.head is None or path.suffix != ".py":
        return False
    edits: list[Edit] = []
    content = path.read_bytes()
    starts = [0]
    for line in content.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    if rules & {"last layer activation missing", "binary classification without sigmoid"}:
        binary = any(loss in BINARY for loss, _ in seen.losses)
        edits.append(_set(seen.layers[seen.head], "activation", b'"sigmoid"' if binary else b'"softmax"', starts))
    if "constant weights" in rules:
        edits += [
            _set(layer, "kernel_initializer", b'"glorot_uniform"', starts)
            for layer in seen.layers
            if layer.kind in WEIGHTED and name_of(layer.arguments.get("kernel_initializer")) is not None
        ]
    if "loss connected before or after the activation" in rules:
        edits += [(*_place(node, starts), b"False") for node in _told_logits(seen)]
    for start, end, text in sorted(edits, reverse=True):
        content = content[:start] + text + content[end:]
    if edits:
        path.write_bytes(content)
    return bool(edits)


def _set(layer: Layer, argument: str, value: bytes, starts: list[int]) -> Edit:
    given = layer.arguments.get(argument)
    if given is not None:
        return (*_place(given, starts), value)
    end = _place(layer.call, starts)[1] - 1
    return end, end, b", " + argument.encode() + b"=" + value


def _told_logits(seen: Seen) -> list[ast.expr]:
    return [
        keyword.value
        for node in ast.walk(seen.tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "from_logits" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
    ]


def _place(node: ast.expr, starts: list[int]) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
