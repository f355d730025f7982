"""mkdocs asks here for the page of every rule: the text that `regrad explain` prints, made when the site is built."""

from __future__ import annotations

import re
from pathlib import Path

import regrad.codemods
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from regrad.codemods.engine.registry import page, rules
from regrad.report.rule_pages import one_line, titled_page

GROUPS = {
    "1": "The loss",
    "2": "What is trainable",
    "3": "Shapes",
    "4": "The tape",
    "5": "The path",
    "6": "The data",
    "7": "Numbers",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages into the navigation, group by group."""
    grouped: dict[str, list[dict[str, str]]] = {}
    for rule in rules():
        grouped.setdefault(GROUPS.get(rule.code[2:3], "Others"), []).append(
            {f"{rule.code} {rule.name}": f"rules/{rule.code}.md"}
        )
    config.nav = [*(config.nav or []), {"Rules": ["rules/index.md", *({name: each} for name, each in grouped.items())]}]
    return config


def on_page_markdown(markdown: str, **_: object) -> str:
    """In the repository a link leads to the file of the rule, whose first text is the page; on the site to the page."""
    pages = {path.name: path.read_text("utf-8")[3:8] for path in Path(regrad.codemods.__path__[0]).glob("*.py")}
    markdown = re.sub(r"\]\(\.\./codemods/(\w+\.py)\)", lambda found: f"](rules/{pages[found[1]]}.md)", markdown)
    return markdown.replace("](../codemods)", "](rules/index.md)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for rule in rules():
        files.append(File.generated(config, f"rules/{rule.code}.md", content=titled_page(rule, page(rule))))
    files.append(File.generated(config, "rules/index.md", content=_index()))
    return files


def _index() -> str:
    rows = []
    for rule in rules():
        finds = one_line(rule, page(rule)).replace("|", "\\|")
        rows.append(f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.safety} | {finds} |")
    return "\n".join(["# Rules", "", "| code | name | mending | finds |", "|---|---|---|---|", *rows, ""])
