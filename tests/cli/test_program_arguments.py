"""A program's own arguments among those of regrad: the command is told as it was meant."""

from __future__ import annotations

import pytest

from .console_script import Script


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("verify", "train.py", "--epochs", "1"), "regrad verify train.py -- --epochs 1"),
        (("verify", "--timeout", "5", "train.py", "-n", "a b"), "regrad verify --timeout 5 train.py -- -n 'a b'"),
        (("diagnose", "-m", "pkg.train", "--lr=0.1", "-v"), "regrad diagnose -m pkg.train -- --lr=0.1 -v"),
    ],
)
def test_what_was_meant(arguments: tuple[str, ...], meant: str, script: Script) -> None:
    ran = script(*arguments)
    assert ran.status == 2
    assert ran.stderr.splitlines()[-1].endswith(f"after `--`: {meant}")


@pytest.mark.parametrize("arguments", [("verify", "--epochs"), ("check", "a.py", "--epochs"), ("verify",), ("verfy",)])
def test_other_mistakes_get_no_such_word(arguments: tuple[str, ...], script: Script) -> None:
    ran = script(*arguments)
    assert ran.status == 2
    assert "after `--`" not in ran.stderr
