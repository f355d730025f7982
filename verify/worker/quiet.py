"""Makes what has nothing to do with the step harmless: plots, saving, summaries, questions at the keyboard."""

from __future__ import annotations

import builtins
from typing import Any

from .recorder import Recorder


def make_harmless(recorder: Recorder, families: list[Any]) -> None:
    def answer(*_: Any) -> str:
        recorder.supplied.append("input(): 1")
        return "1"

    builtins.input = answer
