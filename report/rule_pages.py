"""The rules as the command line and SARIF show them: the page under its title, and its first sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regrad.codemods.engine.rule import Rule


def titled_page(rule: Rule, page: str) -> str:
    """The page in Markdown, with what the rule's metadata says on top."""
    # Underlined headings and indented blocks mean the same in both notations; only the double colon does not.
    body = re.sub(r"::$", ":", _without_title(rule, page), flags=re.MULTILINE)
    return f"# {rule.code} {rule.name}\n\n{body}\n\nMending: {rule.safety} ({rule.why.rstrip('.')}).\n"


def one_line(rule: Rule, page: str) -> str:
    """The first sentence of the page; of a rule without a page, why it is as safe as it is."""
    first = re.split(r"\n\s*\n", _without_title(rule, page), maxsplit=1)[0]
    sentence = re.split(r"(?<=[.!?])\s", " ".join(first.split()), maxsplit=1)[0]
    return sentence or rule.why


def help_address(code: str, page: str) -> str | None:
    """Where more stands: the rule's page on the site that the installed package names, or what the page refers to."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        named = metadata("regrad").get_all("Project-URL") or []
    except PackageNotFoundError:
        named = []
    sites = [
        address.strip() for label, _, address in (each.partition(",") for each in named) if label == "Documentation"
    ]
    if sites:
        return f"{sites[0].rstrip('/')}/rules/{code}/"
    found = re.search(r"https://[^\s<>)`]+", page)
    return found[0].rstrip(".,;") if found else None


def _without_title(rule: Rule, page: str) -> str:
    """The page without the code and name that it begins with."""
    text = re.sub(rf"^#*\s*{re.escape(rule.code)}\s+{re.escape(rule.name)}\s*:?\s*", "", page.strip())
    return text[:1].upper() + text[1:]
