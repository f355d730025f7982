"""Discovery of rules, ours and those of others."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from regrad.codemods.engine import registry

THIRD_PARTY = '''"""What it does"""
from regrad.codemods.engine.rule import Rule
RULE = Rule("XX001", "third-party", "safe", "it is a test", lambda program: (), lambda program, finding: ())
'''


@pytest.fixture
def third_parties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "good_rule.py").write_text(THIRD_PARTY)
    (tmp_path / "bad_rule.py").write_text("raise SystemError('broken')\n")
    (tmp_path / "empty_rule.py").write_text("\n")
    information = tmp_path / "others-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[regrad.rules]\ngood = good_rule\nagain = good_rule:RULE\nbad = bad_rule\nempty = empty_rule\nnone = no_such\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    registry.registry.cache_clear()
    yield
    registry.registry.cache_clear()


def test_rules_are_sorted_and_complete() -> None:
    rules = registry.rules()
    assert [rule.code for rule in rules] == sorted({rule.code for rule in rules})
    for rule in rules:
        assert registry.missing_headings(registry.page(rule)) == (), rule.code
        assert rule.safety in ("safe", "unsafe", "display-only", "mixed")
        assert rule.why.strip()


def test_third_party_rules_are_found_and_broken_ones_reported(third_parties: None) -> None:
    found = registry.registry()
    assert registry.rule_by_code("xx001").name == "third-party"
    assert registry.rule_by_code("third-party").code == "XX001"
    assert registry.page(registry.rule_by_code("XX001")) == "What it does"
    assert sorted(text.split()[2] for text in found.broken) == ["bad", "empty", "good", "none"]


def test_selection(third_parties: None) -> None:
    assert "XX001" in {rule.code for rule in registry.selected(None)}
    assert [rule.code for rule in registry.selected(["XX"])] == ["XX001"]
    assert registry.selected(["third-party"], ["xx0"]) == ()
    with pytest.raises(registry.UnknownRule, match="did you mean XX001"):
        registry.require_known(["XX01"])
    with pytest.raises(registry.UnknownRule, match="regrad rules"):
        registry.rule_by_code("nothing like it")


def test_reading_does_not_import_libcst_or_tensorflow() -> None:
    code = (
        "import sys, regrad.codemods.engine.registry as r; r.rules()\n"
        "import regrad.codemods.engine.moving, regrad.codemods.engine.guard, regrad.codemods.engine.arguments\n"
        "print({'libcst', 'tensorflow', 'keras', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
