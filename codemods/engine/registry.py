"""Discovery: the rules of this package and those that other packages bring, and the page of each."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import regrad.codemods
from regrad.codemods.engine.rule import Rule

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "regrad.rules"
HEADINGS = (
    "What it does",
    "Why gradients stop",
    "Example",
    "The fix and its safety",
    "When it stays silent",
    "References",
)


@dataclass(frozen=True, slots=True)
class Registry:
    """The rules, sorted by code, with the docstring of each; and of what could not be loaded, what is wrong with it."""

    rules: tuple[Rule, ...]
    pages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    broken: tuple[str, ...] = ()


class UnknownRule(LookupError):
    """No rule has this code or name; `suggestions` are near ones."""

    def __init__(self, text: str, suggestions: tuple[str, ...]) -> None:
        hint = f"; did you mean {' or '.join(suggestions)}?" if suggestions else "; `regrad rules` lists them"
        super().__init__(f"there is no rule {text}{hint}")
        self.text = text
        self.suggestions = suggestions


@functools.cache
def registry() -> Registry:
    """Every rule that can be found; read once per process."""
    found: dict[str, tuple[Rule, str]] = {}
    broken: list[str] = []
    for module in sorted(pkgutil.iter_modules(regrad.codemods.__path__), key=lambda each: each.name):
        if not module.ispkg:
            loaded = importlib.import_module(f"{regrad.codemods.__name__}.{module.name}")
            rule = getattr(loaded, "RULE", None)
            if isinstance(rule, Rule):
                found[rule.code] = (rule, loaded.__doc__ or "")
    for entry_point in _entry_points():
        try:
            rule, page = _loaded(entry_point.load())
        except Exception as problem:
            # A third party's rule must not take ours down with it, whatever it raises.
            broken.append(f"the rule {entry_point.name} ({entry_point.value}) cannot be loaded: {problem!r}")
            continue
        if rule.code in found:
            broken.append(
                f"the rule {entry_point.name} ({entry_point.value}) has the code of another rule, {rule.code}"
            )
            continue
        found[rule.code] = (rule, page)
    rules = tuple(rule for _, (rule, _) in sorted(found.items()))
    return Registry(rules, MappingProxyType({code: page for code, (_, page) in found.items()}), tuple(broken))


def rules() -> tuple[Rule, ...]:
    """All rules, sorted by code."""
    return registry().rules


def rule_by_code(text: str) -> Rule:
    """The rule with this code or name, in any case; raises `UnknownRule`."""
    wanted = text.strip().casefold()
    known = {key.casefold(): rule for rule in rules() for key in (rule.code, rule.name)}
    if wanted in known:
        return known[wanted]
    raise UnknownRule(text, near(text))


def near(text: str) -> tuple[str, ...]:
    """The codes of rules whose code or name is much like the text."""
    # A mistake is rare, and what looks for near names is not needed at any other start.
    import difflib

    known = {key.casefold(): rule.code for rule in rules() for key in (rule.code, rule.name)}
    found = difflib.get_close_matches(text.strip().casefold(), known, n=3, cutoff=0.6)
    return tuple(dict.fromkeys(known[each] for each in found))


def selected(select: Iterable[str] | None, ignore: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The rules under `select` (None: all) and not under `ignore`; both hold codes, prefixes (`RG4`) or names."""
    wanted = None if select is None else tuple(select)
    unwanted = tuple(ignore)
    return tuple(
        rule for rule in rules() if (wanted is None or matches(rule.code, wanted)) and not matches(rule.code, unwanted)
    )


def matches(code: str, patterns: Iterable[str]) -> bool:
    """Whether a code is one of the patterns: a code, a prefix of codes, a rule's name, or `ALL`."""
    names = {rule.name.casefold(): rule.code for rule in rules()}
    for pattern in patterns:
        pattern = names.get(pattern.strip().casefold(), pattern.strip().upper())
        if pattern == "ALL" or (pattern and code.upper().startswith(pattern)):
            return True
    return False


def require_known(patterns: Iterable[str]) -> None:
    """Raises `UnknownRule` for a pattern that no rule can match."""
    for pattern in patterns:
        if not any(matches(rule.code, [pattern]) for rule in rules()) and pattern.strip().upper() != "ALL":
            rule_by_code(pattern)


def page(rule: Rule) -> str:
    """The rule's page: the docstring of its module."""
    import inspect

    return inspect.cleandoc(registry().pages.get(rule.code, ""))


def missing_headings(page: str) -> tuple[str, ...]:
    """The fixed headings that a page lacks."""
    lines = {line.strip().strip("#*: ").strip() for line in page.splitlines()}
    return tuple(heading for heading in HEADINGS if heading not in lines)


def _entry_points() -> list[EntryPoint]:
    if not _may_have_entry_points():
        return []
    from importlib.metadata import entry_points

    return sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda each: each.name)


def _may_have_entry_points() -> bool:
    """A look for the group's name: `importlib.metadata` alone costs as much as a check of a small file."""
    group = ENTRY_POINT_GROUP.encode()
    for folder in sys.path:
        folder = folder or "."
        if os.path.isfile(folder):
            # What is in a zip file only `importlib.metadata` can say.
            return True
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info", ".egg")):
                for place in ("entry_points.txt", os.path.join("EGG-INFO", "entry_points.txt")):
                    try:
                        with open(os.path.join(folder, name, place), "rb") as file:
                            if group in file.read():
                                return True
                    except OSError:
                        continue
    return False


def _loaded(value: object) -> tuple[Rule, str]:
    """The rule behind an entry point: the module that holds `RULE`, or the rule itself."""
    if isinstance(value, Rule):
        module = sys.modules.get(value.detect.__module__)
        return value, (module.__doc__ or "" if module is not None else "")
    rule = getattr(value, "RULE", None)
    if not isinstance(rule, Rule):
        raise TypeError("there is no `RULE` in it")
    return rule, value.__doc__ or ""
