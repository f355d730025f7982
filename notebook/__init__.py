"""In a Jupyter notebook: explains the cell that failed, and checks a cell before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ATTRIBUTE = "_regrad_companion"
"""Where a shell keeps what the extension knows of it."""


def load(shell: InteractiveShell) -> None:
    from regrad.notebook.extension import Companion

    if not hasattr(shell, _ATTRIBUTE):
        companion = Companion(shell)
        companion.load()
        setattr(shell, _ATTRIBUTE, companion)


def unload(shell: InteractiveShell) -> None:
    companion = getattr(shell, _ATTRIBUTE, None)
    if companion is not None:
        companion.unload()
        delattr(shell, _ATTRIBUTE)
