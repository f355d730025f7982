"""The program under test: its text, the texts that stand in for its modules, and running it as `__main__`."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import linecache
import os
import sys
import sysconfig
import tokenize
import types
from typing import Any


class OverlaidLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from the text given for it, never from a cache and never into one."""

    text = ""

    def get_code(self, fullname: str) -> Any:
        return compile(self.text, self.path, "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> str:
        return self.text


class OverlayFinder:
    """Finds modules as Python would, then swaps the text of those that have one."""

    def __init__(self, overrides: dict[str, str]) -> None:
        self.overrides = overrides

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not spec.origin:
            return None
        text = self.overrides.get(os.path.realpath(spec.origin))
        if text is None:
            return None
        loader = OverlaidLoader(name, spec.origin)
        loader.text = text
        return importlib.util.spec_from_file_location(
            name, spec.origin, loader=loader, submodule_search_locations=spec.submodule_search_locations
        )


class NoFunction(Exception):
    """The function that is named as the entry is not there."""


def read_text(path: str) -> str:
    with tokenize.open(path) as file:
        return file.read()


class Program:
    def __init__(
        self,
        path: str,
        overrides: dict[str, str],
        arguments: list[str],
        module: str | None,
        function: str | None = None,
    ) -> None:
        self.path = path
        self.overrides = {os.path.realpath(name): text for name, text in overrides.items()}
        self.arguments = arguments
        self.module = module
        self.function = function
        self.rebound: dict[str, Any] = {}
        """Names of the program's own that stand for the user's data instead."""
        self.folder = os.path.dirname(os.path.abspath(path))
        self.root = self.folder
        for _ in range(module.count(".") if module else 0):
            self.root = os.path.dirname(self.root)
        real = os.path.realpath(path)
        self.text = self.overrides[real] if real in self.overrides else read_text(path)
        library = sysconfig.get_paths()
        self.foreign = tuple(
            os.path.realpath(folder) + os.sep
            for folder in {library["purelib"], library["platlib"], library["stdlib"], sys.prefix, sys.base_prefix}
        )
        self.known: dict[str, bool] = {}
        show_sources({**self.overrides, path: self.text})

    def owns(self, filename: str) -> bool:
        """Whether a code object's file is the user's own."""
        known = self.known.get(filename)
        if known is None:
            known = self.known[filename] = self.decide(filename)
        return known

    def decide(self, filename: str) -> bool:
        if filename == self.path:
            return True
        if filename.startswith("<") or not os.path.isabs(filename):
            return False
        real = os.path.realpath(filename)
        if real in self.overrides:
            return True
        if "site-packages" in real or "dist-packages" in real:
            return False
        return real.startswith(os.path.realpath(self.root) + os.sep) and not real.startswith(self.foreign)

    def texts(self) -> list[str]:
        """Every text of the program that has been loaded so far, the entry first."""
        texts = [self.text]
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and file != self.path and self.owns(file):
                override = self.overrides.get(os.path.realpath(file))
                try:
                    texts.append(read_text(file) if override is None else override)
                except (OSError, SyntaxError, UnicodeDecodeError):
                    continue
        return texts

    def lines(self, path: str) -> list[str]:
        return self.text.splitlines(True) if path == self.path else linecache.getlines(path)

    def run(self, names: dict[str, Any]) -> None:
        """Executes the entry as `__main__`, with `names` bound beforehand. Whatever it raises goes through."""
        name = "__main__" if self.function is None else self.module or os.path.basename(self.path).partition(".")[0]
        main = types.ModuleType(name)
        main.__file__ = self.path
        main.__dict__["__builtins__"] = __builtins__
        sys.path.insert(0, self.root if self.module else self.folder)
        sys.meta_path.insert(0, OverlayFinder(self.overrides))
        sys.modules["__main__"] = sys.modules[name] = main
        if self.module:
            main.__package__ = self.module.rpartition(".")[0]
            if main.__package__:
                importlib.import_module(main.__package__)
        sys.argv = [self.path, *self.arguments]
        main.__dict__.update(names)
        exec(self.compiled(main), main.__dict__)
        if self.function is not None:
            if not callable(getattr(main, self.function, None)):
                raise NoFunction(f"{self.path} defines no function {self.function!r}, which is named as the entry.")
            getattr(main, self.function)()

    def compiled(self, main: types.ModuleType) -> Any:
        if not self.rebound:
            return compile(self.text, self.path, "exec", dont_inherit=True)
        import ast

        from .hooks import BOUND, Rebinding

        main.__dict__[BOUND] = self.rebound
        main.__dict__.update(self.rebound)
        tree = Rebinding(set(self.rebound)).visit(ast.parse(self.text, self.path))
        return compile(tree, self.path, "exec", dont_inherit=True)


def show_sources(texts: dict[str, str]) -> None:
    """Lets every reader of source code see these texts.

    AutoGraph reads a function's file again (`linecache.updatecache`) before it compiles a `tf.function`: without this
    it would compile what is on disk.
    """
    entries = {name: (len(text), None, text.splitlines(True), name) for name, text in texts.items()}
    linecache.cache.update(entries)
    read_again = linecache.updatecache

    def updatecache(filename: str, module_globals: dict[str, Any] | None = None) -> list[str]:
        entry = entries.get(filename)
        if entry is None:
            return read_again(filename, module_globals)
        linecache.cache[filename] = entry
        return entry[2]

    linecache.updatecache = updatecache
