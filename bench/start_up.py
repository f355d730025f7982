"""How long `regrad check` of one 300-line file takes, against the start of an empty Python that imports typer."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
LINES = 300


def program() -> str:
    """Sound programs, one after the other, up to 300 lines."""
    parts: list[str] = []
    lines = 0
    for path in sorted(FIXTURES.glob("*/sound/*.py")):
        text = path.read_text(encoding="utf-8")
        if "__future__" in text or lines + text.count("\n") > LINES:
            continue
        parts.append(text)
        lines += text.count("\n")
    return "\n".join(parts)


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """The processor time of one run: other work on the machine matters less to it than to the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(rounds: int, script: str, *, cache: str) -> dict[str, float]:
    """The best of several rounds of each; the rounds alternate, so that all meet the same machine."""
    commands = {
        "empty": ["-c", "pass"],
        "typer": ["-c", "import typer"],
        "check": ["-m", "regrad.cli", "check", "--isolated", script],
        "concise": ["-m", "regrad.cli", "check", "--output-format", "concise", "--isolated", script],
        "every option": ["-m", "regrad.cli", "check", "--isolated", "--select", "RG", script],
    }
    best = dict.fromkeys(commands, float("inf"))
    with tempfile.TemporaryDirectory() as compiled:
        # As after an installation, which compiles what it installs.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "REGRAD_CACHE_DIR": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(rounds + 1):
            for name, arguments in commands.items():
                best[name] = min(best[name], seconds([sys.executable, *arguments], environment))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "program.py")
        script.write_text(program(), encoding="utf-8")
        for title, cache in (("never seen before", ""), ("seen before", str(Path(folder, "cache")))):
            best = measured(rounds, str(script), cache=cache)
            print(title)
            for name, taken in best.items():
                print(
                    f"  {name:14} {taken * 1000:6.0f} ms of processor time, {taken / best['typer']:.2f} times typer's"
                )


if __name__ == "__main__":
    main()
