"""Where an argument is written that a call gets by `**settings`, if only that call reads these settings."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.program import Program


class Written(NamedTuple):
    """An expression and the file that it stands in."""

    node: ast.expr
    path: str


def unpacked_argument(program: Program, path: str, call: ast.Call, name: str) -> Written | None:
    """The expression that the settings of a call give the argument; None where that is not certain."""
    unpacked = [word.value for word in call.keywords if word.arg is None]
    if len(unpacked) != 1 or any(word.arg == name for word in call.keywords):
        return None
    settings = _settings(program, Written(unpacked[0], path))
    return _entry(settings, name) if settings is not None else None


def _settings(program: Program, said: Written) -> Written | None:
    """The dictionary as it is written, where nothing else of the program could read or change it."""
    node, path = said
    if _entries(node) is not None:
        return said
    if isinstance(node, ast.Name):
        return _bound(program, node, path)
    if isinstance(node, ast.Attribute):
        return _field(program, node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args and not node.keywords:
        return _returned(program, node.func, path)
    key = _text(node.slice) if isinstance(node, ast.Subscript) else None
    if isinstance(node, ast.Subscript) and key is not None:
        if isinstance(node.value, ast.Name):
            outer = _bound(program, node.value, path, key)
        else:
            outer = _settings(program, Written(node.value, path))
        inner = _entry(outer, key) if outer is not None else None
        return inner if inner is not None and _entries(inner.node) is not None else None
    return None


def _bound(program: Program, name: ast.Name, path: str, key: str | None = None) -> Written | None:
    """What the one assignment to a name says, where the name is read but once, or asked but once for the key."""
    same = [each for each in program.nodes_of(path, ast.Name) if each.id == name.id]
    parameters = any(each.arg == name.id for each in program.nodes_of(path, ast.arg))
    imported = any((each.asname or each.name) == name.id for each in program.nodes_of(path, ast.alias))
    exported = any(
        each.name == name.id for other in program.trees if other != path for each in program.nodes_of(other, ast.alias)
    )
    values = [
        each.value
        for each in program.nodes_of(path, ast.Assign)
        if len(each.targets) == 1 and isinstance(each.targets[0], ast.Name) and each.targets[0].id == name.id
    ]
    if key is not None:
        asked = [program.parents(path).get(each) for each in same if isinstance(each.ctx, ast.Load)]
        keys = [_text(each.slice) for each in asked if isinstance(each, ast.Subscript)]
        once = len(keys) == len(asked) == len(same) - 1 and keys.count(key) == 1 and None not in keys
    else:
        once = len(same) == 2
    if not once or parameters or imported or exported or len(values) != 1:
        return None
    return Written(values[0], path) if _entries(values[0]) is not None else None


def _field(program: Program, field: ast.Attribute) -> Written | None:
    """What a class or its `__init__` keeps under a name that the whole program says there and here alone."""
    kept: list[Written] = []
    said = 0
    for path in program.trees:
        said += sum(each.attr == field.attr for each in program.nodes_of(path, ast.Attribute))
        said += sum(each.id == field.attr for each in program.nodes_of(path, ast.Name))
        for each in program.nodes_of(path, ast.Assign):
            target = each.targets[0]
            inside = isinstance(program.parents(path).get(each), ast.ClassDef)
            in_class = inside and isinstance(target, ast.Name) and target.id == field.attr
            on_object = isinstance(target, ast.Attribute) and target.attr == field.attr
            if len(each.targets) == 1 and (in_class or on_object):
                kept.append(Written(each.value, path))
    return kept[0] if said == 2 and len(kept) == 1 and _entries(kept[0].node) is not None else None


def _returned(program: Program, name: ast.Name, path: str) -> Written | None:
    functions = [each for each in program.nodes_of(path, ast.FunctionDef) if each.name == name.id]
    said = [each for where in program.trees for each in program.nodes_of(where, ast.Name) if each.id == name.id]
    exported = any(each.name == name.id for where in program.trees for each in program.nodes_of(where, ast.alias))
    if len(functions) != 1 or len(said) != 1 or exported:
        return None
    returned = [each.value for each in ast.walk(functions[0]) if isinstance(each, ast.Return)]
    value = returned[0] if len(returned) == 1 else None
    return Written(value, path) if value is not None and _entries(value) is not None else None


def _entry(settings: Written, name: str) -> Written | None:
    found = (_entries(settings.node) or {}).get(name)
    return Written(found, settings.path) if found is not None else None


def _entries(node: ast.expr) -> dict[str, ast.expr] | None:
    """What a dictionary holds that is written out, each key once; None for anything else."""
    pairs: list[tuple[str | None, ast.expr]] = []
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            pairs.append((_text(key), value))
    elif isinstance(node, ast.Call) and called(node) == "dict" and isinstance(node.func, ast.Name) and not node.args:
        pairs = [(word.arg, word.value) for word in node.keywords]
    else:
        return None
    entries = {key: value for key, value in pairs if key is not None}
    return entries if len(entries) == len(pairs) else None


def _text(key: ast.expr | None) -> str | None:
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
