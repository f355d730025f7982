"""The console script for every test of the command line."""

from __future__ import annotations

import pytest

from .console_script import Script


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    return Script(monkeypatch)
