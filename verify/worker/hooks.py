"""The user's own data: what `[tool.regrad.verify.data]` puts in the place of files, functions and names."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
import os
import shutil
import sys
from typing import Any

Hooks = dict[str, str]
"""What the program asks for -> a file, or `file.py:name`."""
BOUND = "__regrad_data__"


class HookFailed(Exception):
    """A hook of the user's cannot be used; the text says why."""


def is_object(given: str) -> bool:
    """`file.py:name` is an object for a name; anything else is a file or folder for a path."""
    path, separator, name = given.rpartition(":")
    return bool(separator) and path.endswith(".py") and name.isidentifier()


def value_of(given: str) -> Any:
    """The object that `file.py:name` names; the file is imported once."""
    path, separator, name = given.rpartition(":")
    if not separator:
        raise HookFailed(f"{given} must name a function or a value as file.py:name")
    key = "regrad_hook_" + "".join(letter if letter.isalnum() else "_" for letter in path)
    module = sys.modules.get(key)
    if module is None:
        spec = importlib.util.spec_from_file_location(key, path)
        if spec is None or spec.loader is None or not os.path.isfile(path):
            raise HookFailed(f"{path}, which a data hook names, cannot be imported")
        module = sys.modules[key] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    if not hasattr(module, name):
        raise HookFailed(f"{path} defines no {name!r}, which a data hook names")
    return getattr(module, name)


def put_files(hooks: Hooks, work: str, note: Any) -> None:
    """Lays the files into the working folder under the names that the program opens."""
    for wanted, given in hooks.items():
        if is_object(given):
            continue
        target = os.path.join(work, wanted)
        if not os.path.exists(given):
            raise HookFailed(f"{given}, which a data hook names, does not exist")
        if os.path.isabs(wanted) or ".." in wanted.split("/"):
            raise HookFailed(f"{wanted}: a data hook lays files below the folder of the program only")
        if os.path.islink(target):
            os.unlink(target)
        os.makedirs(os.path.dirname(target) or work, exist_ok=True)
        if os.path.isdir(given):
            shutil.copytree(given, target, dirs_exist_ok=True)
        else:
            shutil.copy(given, target)
        note(f"{wanted}: {os.path.basename(given)}, from the project's settings")


def bound_names(hooks: Hooks, note: Any) -> dict[str, Any]:
    """The values of the bare names."""
    found = {}
    for wanted, given in hooks.items():
        if is_object(given) and "." not in wanted:
            found[wanted] = value_of(given)
            note(f"{wanted}: {os.path.basename(given)}, from the project's settings")
    return found


class Rebinding(ast.NodeTransformer):
    """After each definition of a hooked name at the top level, the name is bound to the hook instead."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def visit_Module(self, node: ast.Module) -> ast.Module:
        body: list[ast.stmt] = []
        for statement in node.body:
            body.append(statement)
            for name in sorted(bound_by(statement) & self.names):
                again = ast.parse(f"{name} = {BOUND}[{name!r}]").body[0]
                for part in ast.walk(again):
                    ast.copy_location(part, statement)
                body.append(again)
        node.body = body
        return node


def bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


class PatchedLoader(importlib.abc.Loader):
    """Loads as the real loader does, then puts the hooks in."""

    def __init__(self, loader: Any, values: dict[str, Any]) -> None:
        self.loader = loader
        self.values = values

    def create_module(self, spec: Any) -> Any:
        return self.loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self.loader.exec_module(module)
        for name, value in self.values.items():
            setattr(module, name, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)


class HookFinder(importlib.abc.MetaPathFinder):
    """Finds the modules whose functions are replaced, after whoever finds them otherwise."""

    def __init__(self, values: dict[str, dict[str, Any]]) -> None:
        self.values = values
        self.asking: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self.values or name in self.asking:
            return None
        self.asking.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.asking.discard(name)
        if spec is None or spec.loader is None:
            return None
        spec.loader = PatchedLoader(spec.loader, self.values[name])
        return spec


def replace_functions(hooks: Hooks, note: Any) -> None:
    """`module.function` -> the user's; in modules that are there already, and in those still to come."""
    values: dict[str, dict[str, Any]] = {}
    for wanted, given in hooks.items():
        if not is_object(given) or "." not in wanted:
            continue
        module, _, name = wanted.rpartition(".")
        value = value_of(given)
        note(f"{wanted}: {os.path.basename(given)}, from the project's settings")
        if module in sys.modules:
            setattr(sys.modules[module], name, value)
        values.setdefault(module, {})[name] = value
    if values:
        sys.meta_path.insert(0, HookFinder(values))
