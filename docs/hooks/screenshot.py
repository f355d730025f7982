"""Draws the picture of the README from the real program: `python docs/hooks/screenshot.py`, with TensorFlow at hand."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "regrad fix --diff fixtures/quickstart/linear_regression_forward_outside.py"
WIDTH = 108
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def shown() -> str:
    """What the command writes to a terminal, colours included. It has no terminal here, so both are asked for."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    environment.pop("NO_COLOR", None)
    run = [sys.executable, "-m", "regrad.cli", *shlex.split(COMMAND)[1:]]
    done = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        raise SystemExit(done.stderr)
    return done.stderr


def main() -> None:
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {COMMAND}\n", style="bold"), soft_wrap=True)
    console.print(Text.from_ansi(shown()))
    # The fonts would be fetched from elsewhere by everyone who looks at the README.
    picture = _FONT.sub("", console.export_svg(title="regrad"))
    (ROOT / "docs" / "pictures" / "fix.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
