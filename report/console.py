"""The terminal: its width, its colours and the characters it can show."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TextIO

from regrad.report.formats import Presentation
from rich.console import Console
from rich.text import Text

PIPE_WIDTH = 160
"""In a pipe nothing wraps, but a table still needs a right edge."""
NARROWEST = 40


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The drawing characters: those of the terminal, or their ASCII stand-ins where its encoding has none."""

    bar: str
    arrow: str
    dots: str
    times: str


UNICODE = Glyphs("│", "→", "…", "\N{MULTIPLICATION SIGN}")
ASCII = Glyphs("|", "->", "...", "x")


def make_console(stream: TextIO, presentation: Presentation) -> Console:
    terminal = bool(getattr(stream, "isatty", lambda: False)())
    color = presentation.color
    if color is None:
        color = not os.environ.get("NO_COLOR") and (terminal or bool(os.environ.get("FORCE_COLOR")))
    width = presentation.width or _asked_width() or (None if terminal else PIPE_WIDTH)
    return Console(
        file=stream,
        force_terminal=True if color else None,
        no_color=not color,
        color_system="auto" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        width=max(width, NARROWEST) if width else None,
        soft_wrap=not terminal and presentation.width is None,
    )


def glyphs(console: Console) -> Glyphs:
    encoding = (getattr(console.file, "encoding", None) or "utf-8").lower()
    return UNICODE if encoding.startswith("utf") else ASCII


def _asked_width() -> int | None:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdigit() and int(columns) > 0 else None


_CONTROL = re.compile(r"[^\S \n]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Text from a program or an exception, without the characters that could drive the terminal or break its lines."""
    return _CONTROL.sub(lambda found: " " if found[0].isspace() else "\N{REPLACEMENT CHARACTER}", text)


def styled(text: str, style: str = "") -> Text:
    return Text(clean(text), style=style)
