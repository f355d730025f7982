"""What the author of a program meant, where only the words of the text tell it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from regrad.analysis.callee import called
from regrad.analysis.program import Program

# Each starts with letters that `re` can look for quickly, and is tried on a text in small letters.
_MEANT = tuple(
    re.compile(pattern)
    for pattern in (
        r"extreme.learning",
        r"elm(?<=\belm)\b",
        r"reservoir",
        r"echo.state",
        r"random.?(?:features?|projections?|kernels?|weights|fourier)",
        r"lottery",
        r"untrained",
        r"not.(?:to.be.)?trained",
        r"layer_?wise",
        r"kernel.machine",
        r"random.network.distillation",
    )
)
_STANDS_IN = re.compile(
    r"\bstand.?ins?\b|\bstands? (?:in )?for (?:a|the|an)\b|\bpretend|\bin place of the (?:real|down|pre)"
)
_PRETRAINED = re.compile(r"pre_?trained|(?:^|_)from_(?:imagenet|hub|checkpoint)")
_FIXED = re.compile(
    r"\b(?:stays?|kept|keeps?|remains?|held|holds?|is|are|left)\s+(?:fixed|untouched)\b|\bleft\s+as\b|frozen"
)


def random_meant(program: Program) -> bool:
    """Whether the text speaks of weights that are random for good. What a layer made with `trainable=False` is for,
    nothing else tells: a random projection and a mistake are the same program.
    """
    return program.once(_random_meant)


def stands_in(program: Program) -> bool:
    """Whether something of the program's own is there in the place of what was trained elsewhere, by what the text says
    or by a name (`def pretrained_encoder`).
    """
    return program.once(_stands_in)


def held_fixed(program: Program) -> bool:
    """Whether the text says of some weights that they keep their values."""
    return program.once(_held_fixed)


def _random_meant(program: Program) -> bool:
    return _says(program, *_MEANT)


def _stands_in(program: Program) -> bool:
    return _says(program, _STANDS_IN) or any(_PRETRAINED.search(name) for name in _named(program))


def _named(program: Program) -> Iterator[str]:
    """What the program names itself: functions, classes, and what it binds."""
    for path in program.trees:
        yield from (node.name.lower() for node in program.nodes_of(path, ast.FunctionDef))
        yield from (node.name.lower() for node in program.nodes_of(path, ast.ClassDef))
        yield from (node.id.lower() for node in program.nodes_of(path, ast.Name) if isinstance(node.ctx, ast.Store))


def _held_fixed(program: Program) -> bool:
    return _says(program, _FIXED)


def _says(program: Program, *patterns: re.Pattern[str]) -> bool:
    texts = [program.files[path].text.lower() for path in program.trees]
    return any(pattern.search(text) for text in texts for pattern in patterns)


def asserted(program: Program) -> bool:
    """Whether the program checks what is frozen or moved: a test or a demonstration, whose author knows."""
    return program.once(_asserted)


def _asserted(program: Program) -> bool:
    for path in program.trees:
        if "assert" not in program.files[path].text:
            continue
        checks: list[ast.AST] = [*program.nodes_of(path, ast.Assert)]
        checks.extend(node for node in program.nodes_of(path, ast.Call) if called(node).startswith("assert"))
        if any(re.search(r"trainable|weights", program.source(node, path)) for node in checks):
            return True
    return False
