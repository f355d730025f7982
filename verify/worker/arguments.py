"""Stands in for command line arguments that a program demands and was not given."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from .recorder import Recorder


def stand_in(action: argparse.Action) -> Any:
    """A value of the kind that the argument's declaration asks for."""
    if action.choices:
        one: Any = next(iter(action.choices))
    elif action.type in (int, float):
        one = action.type(1)
    elif action.type is None or action.type is str:
        one = action.dest
    else:
        return None
    several = action.nargs in ("+", "*") or (isinstance(action.nargs, int) and action.nargs > 0)
    return [one] * (action.nargs if isinstance(action.nargs, int) else 1) if several else one


def replace_arguments(recorder: Recorder) -> None:
    plain = argparse.ArgumentParser.parse_known_args

    def parse_known_args(self: Any, args: Any = None, namespace: Any = None) -> Any:
        if args is not None or recorder.program.arguments:
            return plain(self, args, namespace)
        demanded = [
            action
            for action in self._actions
            if action.required and not isinstance(action, argparse._SubParsersAction) and stand_in(action) is not None
        ]
        for action in demanded:
            action.required = False
            if not action.option_strings:
                action.nargs = action.nargs if action.nargs in ("*", "+") else "?"
                action.nargs = "*" if action.nargs == "+" else action.nargs
            action.default = stand_in(action)
            name = action.option_strings[0] if action.option_strings else action.dest
            recorder.supplied.append(f"{name}: {action.default}, as the argument is required")
        return plain(self, args, namespace)

    argparse.ArgumentParser.parse_known_args = parse_known_args  # type: ignore[method-assign]
    if "absl" in recorder.program.text or any("absl" in text for text in recorder.program.overrides.values()):
        replace_flags(recorder)


def replace_flags(recorder: Recorder) -> None:
    """The same for absl: a flag that is required and was not given gets a value of its type."""
    try:
        flags: Any = importlib.import_module("absl.flags")
        validators: Any = importlib.import_module("absl.flags._validators")
    except ImportError:
        return
    required: list[str] = []
    plain_mark: Any = validators.mark_flag_as_required
    plain_call: Any = flags.FlagValues.__call__

    def mark_flag_as_required(flag: Any, *args: Any, **options: Any) -> Any:
        required.append(str(getattr(flag, "name", flag)))
        return plain_mark(flag, *args, **options)

    def parse(self: Any, argv: Any, *args: Any, **options: Any) -> Any:
        given = " ".join(map(str, argv[1:]))
        for name in required:
            if name in self and self[name].value is None and f"--{name}" not in given:
                kind = self[name].flag_type()
                choices = getattr(self[name].parser, "enum_values", None)
                values = {
                    "int": 1,
                    "float": 1.0,
                    "bool": True,
                    "multi string": [name],
                    "comma separated list of strings": [name],
                }
                self[name].value = choices[0] if choices else values.get(kind, name)
                recorder.supplied.append(f"--{name}: {self[name].value}, as the flag is required")
        return plain_call(self, argv, *args, **options)

    for module in (validators, flags):
        module.mark_flag_as_required = mark_flag_as_required
    flags.FlagValues.__call__ = parse
