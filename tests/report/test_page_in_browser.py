"""The page in headless Chromium: filters, drawn gradients, and no script but the page's own."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from regrad.migrate.results import Results
from regrad.report import html

from . import migrations
from .test_migration_reports import hostile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=5000",
    "--enable-logging=stderr",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


def shown(results: Results, choice: str, folder: Path) -> str:
    """The page as it stands after its script has run, with that choice in its address."""
    page = folder / "page.html"
    with page.open("w", encoding="utf-8", errors="replace") as stream:
        html.write(results, stream)
    assert CHROMIUM is not None
    profile = f"--user-data-dir={folder / 'profile'}"
    ran = subprocess.run(
        [CHROMIUM, *FLAGS, profile, "--dump-dom", f"{page.as_uri()}#{choice}"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Content Security Policy" not in ran.stderr, "the page breaks its own policy"
    return ran.stdout


def article(text: str, path: str) -> str:
    (found,) = [each for each in re.findall(r"<article.*?</article>", text, re.DOTALL) if f"<bdi>{path}</bdi>" in each]
    return str(found)


def test_filters_hide_what_is_not_asked_for(tmp_path: Path) -> None:
    text = shown(migrations.every_fate(tmp_path / "run"), "fate=withdrawn", tmp_path)
    assert "1 of 8 findings shown, in 1 file<" in text
    hidden = {
        path: "hidden" in article(text, path).partition(">")[0] for path in ("withdrawn.py", "train.py", "unsafe.py")
    }
    assert hidden == {"withdrawn.py": False, "train.py": True, "unsafe.py": True}


def test_search_finds_words_of_a_folded_diff(tmp_path: Path) -> None:
    text = shown(migrations.every_fate(tmp_path / "run"), "search=%2Bpass", tmp_path)
    assert "1 of 8 findings shown, in 1 file<" in text
    assert "hidden" not in article(text, "unsafe.py").partition(">")[0]


def test_gradients_are_drawn_on_a_logarithmic_scale_with_the_dead_in_sight(tmp_path: Path) -> None:
    text = shown(migrations.large(tmp_path / "run", 1, 1), "open=1", tmp_path)
    assert text.count('class="track dead') == 12
    widths = [float(width) for width in re.findall(r'<i style="width: ([\d.]+)%;?"', text)]
    steps = [left - right for left, right in pairwise(widths)]
    assert len(widths) == 12
    # The norms fall by the same factor each time, so the bars shrink by the same length.
    assert max(steps) - min(steps) < 0.2 < min(steps)
    assert '<span class="added">+    prediction = model(x)</span>' in text
    assert "<noscript>" not in text


def test_nothing_of_a_hostile_program_runs(tmp_path: Path) -> None:
    text = shown(hostile(tmp_path / "run"), "open=1", tmp_path)
    assert "2 findings" in text, "our own script did run"
    assert "<img" not in text
    assert text.count("<script>") == 1
    assert re.findall(r"<details[^>]* open", text)
