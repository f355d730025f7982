"""The IPython extension: listens to the cells as they run, speaks under those that lost gradients; and `%%regrad`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regrad.notebook.answer import Answer, answer
from regrad.notebook.drawing import markdown, plain
from regrad.notebook.session import RanCell, RanCells
from regrad.repair.options import Options
from regrad.repair.symptom import meaning

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

_MAGIC = re.compile(r"\s*%%regrad\b")
_TRAINS = re.compile(r"\b(fit|train_on_batch|apply_gradients|apply|minimize|gradient|assign_sub)\s*\(")


class Companion:
    """What the extension knows of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._ran = RanCells()
        self._running: list[ExecutionInfo] = []
        self._warned: list[str] = []
        self._show_warning: Callable[..., None] | None = None

    def load(self) -> None:
        self._shell.events.register("pre_run_cell", self.before_cell)
        self._shell.events.register("post_run_cell", self.after_cell)
        register: Callable[..., None] = self._shell.register_magic_function
        register(self.check_first, "cell", "regrad")

    def unload(self) -> None:
        self._listen_no_more()
        self._shell.events.unregister("pre_run_cell", self.before_cell)
        self._shell.events.unregister("post_run_cell", self.after_cell)
        self._shell.magics_manager.magics["cell"].pop("regrad", None)

    def before_cell(self, info: ExecutionInfo) -> None:
        self._running.append(info)
        self._listen()

    def after_cell(self, result: ExecutionResult) -> None:
        # The cell that loads the extension ends without having begun.
        info = self._running.pop() if self._running else None
        if not self._running:
            self._listen_no_more()
        # The magic runs what is below it as a cell of its own.
        if info is None or result.error_before_exec is not None or _MAGIC.match(info.raw_cell or ""):
            return
        cell = RanCell(info.raw_cell or "", _label(result.execution_count), getattr(info, "cell_id", None))
        self._ran.add(cell)
        try:
            found = self._answer(cell, result.error_in_exec, "\n".join(self._warned))
        except Exception as problem:
            # Whatever is wrong with the explanation: the user's cell has had its own say.
            print(f"regrad: the cell could not be explained ({problem!r}).")
            found = None
        if found is not None:
            self._say(found)
        if result.error_in_exec is not None and cell.key is None:
            # Its author will send it again, changed, and nothing will tell that it is the same cell.
            self._ran.drop(cell)

    def _answer(self, cell: RanCell, error: BaseException | None, warned: str) -> Answer | None:
        cells = self._ran.cells
        about = len(cells) - 1
        if error is not None:
            known = meaning(f"{type(error).__name__}: {error}")
            if known is None:
                return None
            found = answer(cells, known, only_about=about)
            return found if found.causes else answer(cells, known)
        known = meaning(warned)
        if known is None and not _TRAINS.search(cell.source):
            return None
        found = answer(cells, known, only_about=about)
        return found if found.causes or known is not None else None

    def check_first(self, line: str, cell: str) -> None:
        """Check a cell, with those before it, and then run it.

        %%regrad [--no-run] [--unsafe-fixes] [--select CODES]
        """
        from IPython.core.error import UsageError

        asked = _asked(line)
        cells = [*self._ran.cells, RanCell(cell, _label(None))]
        options = Options(select=tuple(asked.select.split(",")) if asked.select else None)
        found = answer(cells, options=options, unsafe=asked.unsafe_fixes, only_about=len(cells) - 1)
        if found.causes:
            self._say(found)
        else:
            print("regrad: no findings in this cell.")
        if asked.no_run:
            return
        result = self._shell.run_cell(cell, store_history=False)
        if not result.success:
            raise UsageError("the cell under %%regrad failed, see above.")

    def _say(self, found: Answer) -> None:
        from IPython.display import display

        display({"text/plain": plain(found), "text/markdown": markdown(found)}, raw=True)

    def _listen(self) -> None:
        """Keeps a copy of what Keras warns of: of a `fit` that left weights alone there is no other trace."""
        if self._show_warning is not None:
            return
        self._warned.clear()
        shown = self._show_warning = warnings.showwarning

        def show(message: Warning | str, *rest: Any, **more: Any) -> None:
            self._warned.append(str(message))
            shown(message, *rest, **more)

        warnings.showwarning = show

    def _listen_no_more(self) -> None:
        if self._show_warning is not None:
            warnings.showwarning = self._show_warning
            self._show_warning = None


def _label(execution_count: int | None) -> str:
    return "this cell" if execution_count is None else f"In [{execution_count}]"


def _asked(line: str) -> Any:
    """The words after `%%regrad`; a mistake in them is a UsageError of IPython's."""
    from IPython.core.magic_arguments import MagicArgumentParser

    parser = MagicArgumentParser(prog="%%regrad", add_help=False)
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--unsafe-fixes", action="store_true")
    parser.add_argument("--select", default="")
    return parser.parse_args(line.split())
