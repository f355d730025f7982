"""Environment flags that a program sets before it imports TensorFlow: they need a server of their own."""

from __future__ import annotations

import ast
import re

# Only what TensorFlow or Keras reads at import; everything else may be set in the running child.
READ_AT_IMPORT = re.compile(
    r"^(TF_USE_LEGACY_KERAS|KERAS_BACKEND|TF_XLA_FLAGS|XLA_FLAGS|TF_ENABLE_ONEDNN_OPTS|TF_FORCE_.*|TF2_BEHAVIOR)$"
)
MAGIC = re.compile(r"^\s*#?\s*%(?:set_)?env\s+(\w+)[ =]\s*(\S+)\s*$", re.MULTILINE)


def flags_set_by(text: str) -> dict[str, str]:
    """Literal writes to `os.environ` in `text`, wherever they stand."""
    if "environ" not in text and "putenv" not in text and "env " not in text:
        return {}
    found = {name: value for name, value in MAGIC.findall(text) if READ_AT_IMPORT.match(name)}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return found
    for node in ast.walk(tree):
        for name, value in writes(node):
            if isinstance(name, str) and isinstance(value, str) and READ_AT_IMPORT.match(name):
                found[name] = value
    return found


def writes(node: ast.AST) -> list[tuple[object, object]]:
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        return [
            (target.slice.value, node.value.value)
            for target in node.targets
            if isinstance(target, ast.Subscript)
            and isinstance(target.slice, ast.Constant)
            and names_environ(target.value)
        ]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        literal = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        if len(literal) == 2 and (
            (node.func.attr == "setdefault" and names_environ(node.func.value)) or node.func.attr == "putenv"
        ):
            return [(literal[0], literal[1])]
        if node.func.attr == "update" and names_environ(node.func.value) and node.args:
            given = node.args[0]
            if isinstance(given, ast.Dict):
                return [
                    (key.value, value.value)
                    for key, value in zip(given.keys, given.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
                ]
    return []


def names_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )
