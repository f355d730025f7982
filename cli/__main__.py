"""`python -m regrad.cli` is `regrad`."""

from __future__ import annotations

from regrad.cli.main import start

if __name__ == "__main__":
    start()
