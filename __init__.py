"""regrad finds, mends and proves the mending of TensorFlow/Keras programs whose loss sends no gradient to their
variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__version__ = "0.1.0"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext regrad`."""
    from regrad.notebook import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext regrad`."""
    from regrad.notebook import unload

    unload(shell)
