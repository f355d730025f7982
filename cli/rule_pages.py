"""The rules as the command line shows them: the page under its title, and its first sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regrad.codemods.engine.rule import Rule


def titled_page(rule: Rule, page: str) -> str:
    """The page in Markdown, with what the rule's metadata says on top."""
    return f"# {rule.code} {rule.name}\n\nMending: {rule.safety}. {rule.why}\n\n{page.strip()}\n"


def one_line(rule: Rule, page: str) -> str:
    """The first sentence of the page that is not a heading; of a rule without a page, why it is as safe as it is."""
    for paragraph in re.split(r"\n\s*\n", page):
        lines = [line.strip() for line in paragraph.splitlines()]
        text = " ".join(line for line in lines if line and not line.startswith("#") and set(line) - set("=-~"))
        if text and len(text.split()) > 3:
            return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    return rule.why
