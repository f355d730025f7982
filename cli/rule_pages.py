"""The rules as the command line shows them: found by code or name, with the page that their file begins with."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regrad.codemods.engine.rule import Rule


def known_rules() -> Sequence[Rule]:
    from regrad.codemods.engine.discovery import rules

    return sorted(rules(), key=lambda rule: rule.code)


def find_rule(word: str, rules: Iterable[Rule]) -> Rule | None:
    folded = word.strip().casefold()
    return next((rule for rule in rules if folded in (rule.code.casefold(), rule.name.casefold())), None)


def page(rule: Rule) -> str:
    """The page in Markdown: the rule's name, its safety, and the docstring of its file."""
    title = f"# {rule.code} {rule.name}"
    return f"{title}\n\nMending: {rule.safety}. {rule.why}\n\n{_docstring(rule)}"


def one_line(rule: Rule) -> str:
    """The first sentence of the page's text; for a page that starts with a heading, the one under it."""
    for line in _paragraphs(_docstring(rule)):
        return re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0]
    return rule.why


def _paragraphs(text: str) -> list[str]:
    lines = [line.strip() for line in text.split("\n\n")]
    paragraphs = [re.sub(r"^#.*\n?", "", line).replace("\n", " ").strip() for line in lines]
    return [paragraph for paragraph in paragraphs if paragraph]


def _docstring(rule: Rule) -> str:
    module = sys.modules.get(rule.detect.__module__)
    return inspect.cleandoc((module.__doc__ if module else None) or rule.why)
