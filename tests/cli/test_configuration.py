"""`[tool.regrad]`: where it is found, what it may hold, and what a wrong key or value is told."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from regrad.cli import configuration
from regrad.cli.configuration import Configuration, find, from_table, load
from regrad.cli.mistake import Mistake
from regrad.cli.settings import Request, codes, configuration_for, laid_over


def test_every_key_has_its_field_and_every_field_its_key() -> None:
    from_keys = {key.replace("-", "_") for key in configuration.KEYS} | {*configuration.VERIFY_KEYS} - {"run"}
    # `entries` is what the key `entry` gives where it lists several.
    assert from_keys == {field.name for field in fields(Configuration)} - {"path", "entries"}


def test_the_reference_names_every_key_and_its_example_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "pyproject.toml").write_text(example)
    read = load(tmp_path / "pyproject.toml")
    assert all(getattr(read, key.replace("-", "_")) is not None for key in configuration.KEYS)
    assert all(re.search(rf"^{key} = ", example, re.MULTILINE) for key in configuration.KEYS)
    assert all(f"`{key}`" in page for key in configuration.VERIFY_KEYS)


def test_the_nearest_file_with_the_table_governs(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.regrad]\nignore = ["RG101"]\n')
    inner = tmp_path / "package" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "package" / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    (inner / "train.py").write_text("")
    assert find(inner / "train.py") == tmp_path / "pyproject.toml"
    assert find(inner) == tmp_path / "pyproject.toml"
    assert configuration_for(inner / "train.py", Request()).ignore == ("RG101",)
    (inner / "pyproject.toml").write_text("[tool.regrad]\n")
    assert find(inner / "train.py") == inner / "pyproject.toml"


def test_isolated_reads_nothing_and_config_reads_that_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.regrad]\nunknown-key = 1\n")
    assert configuration_for(tmp_path, Request(isolated=True)) == Configuration()
    other = tmp_path / "other.toml"
    other.write_text('select = ["RG4"]\n')
    assert configuration_for(tmp_path, Request(config=other)).select == ("RG4",)


def test_an_unknown_key_is_told_the_near_one() -> None:
    with pytest.raises(Mistake) as raised:
        from_table({"per-file-ignore": {}}, "pyproject.toml")
    assert "unknown key `per-file-ignore`" in raised.value.message
    assert raised.value.hint == "Did you mean per-file-ignores?"
    with pytest.raises(Mistake, match="unknown key `zzz`") as raised:
        from_table({"zzz": 1}, "pyproject.toml")
    assert "select" in raised.value.hint


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"select": "RG401"}, "a list of strings"),
        ({"unsafe-fixes": "yes"}, "true or false"),
        ({"timeout": 0}, "a positive number of seconds"),
        ({"timeout": True}, "a positive number of seconds"),
        ({"python": ""}, "a string"),
        ({"per-file-ignores": {"tests/*": "RG401"}}, "a table of lists"),
        ({"output-format": "xml"}, "one of text"),
    ],
)
def test_a_wrong_value_is_told_what_is_expected(table: dict[str, object], words: str) -> None:
    with pytest.raises(Mistake) as raised:
        from_table(table, "pyproject.toml")
    assert words in raised.value.message
    assert next(iter(table)) in raised.value.message


@pytest.mark.parametrize("content", [b"[tool.regrad\n", b"\xff\xfe", b"[tool]\nregrad = 3\n"])
def test_a_broken_file_is_a_mistake_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(content)
    with pytest.raises(Mistake) as raised:
        load(path)
    assert str(path) in raised.value.message


def test_the_command_line_wins_and_what_takes_away_is_joined() -> None:
    configured = Configuration(select=("RG1",), ignore=("RG101",), unsafe_fixes=True, timeout=5.0)
    merged = laid_over(Request(select=("RG4",), ignore=("RG402",), unsafe_fixes=False), configured)
    assert merged.select == ("RG4",)
    assert merged.ignore == ("RG101", "RG402")
    assert merged.unsafe_fixes is False
    assert merged.timeout == 5.0
    assert laid_over(Request(), configured).unsafe_fixes is True


def test_codes_may_be_separated_by_commas_or_repeated() -> None:
    assert codes(["RG1, RG401", "RG5", ""]) == ("RG1", "RG401", "RG5")


def test_per_file_ignores_of_the_command_line() -> None:
    merged = laid_over(Request(per_file_ignores=("tests/*:RG401,RG402",)), Configuration())
    assert merged.per_file_ignores == (("tests/*", ("RG401", "RG402")),)
    with pytest.raises(Mistake, match="PATTERN:CODE"):
        laid_over(Request(per_file_ignores=("RG401",)), Configuration())


def test_entry_points_are_one_or_several() -> None:
    assert from_table({"entry": "train.py"}, "here").entries == ("train.py",)
    several = from_table({"entry": ["train.py --epochs 1", "-m package.train"]}, "here")
    assert several.entry == "train.py --epochs 1"
    assert several.entries == ("train.py --epochs 1", "-m package.train")
    for wrong in ([], [1], "", 3):
        with pytest.raises(Mistake, match="a string, or a list of strings"):
            from_table({"entry": wrong}, "here")
