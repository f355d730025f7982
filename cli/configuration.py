"""The `[tool.regrad]` table of pyproject.toml: where it is found, what it may hold, what is said of a wrong key."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from regrad.cli.mistake import Mistake, did_you_mean


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the table says; None or empty where it says nothing."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    force_exclude: bool | None = None
    respect_gitignore: bool | None = None
    unsafe_fixes: bool | None = None
    verify: bool | None = None
    require_verified: bool | None = None
    python: str | None = None
    timeout: float | None = None
    keras: str | None = None
    entry: str | None = None
    entries: tuple[str, ...] = ()
    """All entry points where several are named; `entry` is the first."""
    output_format: str | None = None
    sandbox: str | None = None
    data: tuple[tuple[str, str], ...] = ()
    """What programs ask for, and what they get instead while they are verified."""
    path: Path | None = field(default=None, compare=False)
    """The file that was read."""

    @property
    def root(self) -> Path:
        """The folder that `exclude` and `per-file-ignores` are relative to."""
        return self.path.parent if self.path else Path.cwd()

    @property
    def own_python(self) -> str | None:
        """`python`, made absolute where it is a path; a bare name is looked for on the PATH."""
        if self.python is None or os.path.dirname(self.python) == "":
            return self.python
        return str(self.root.resolve() / self.python)

    @property
    def own_data(self) -> tuple[tuple[str, str], ...]:
        """`data` with the places made absolute: the file of a run is not started where the settings lie."""
        return tuple((wanted, str(self.root.resolve() / given)) for wanted, given in self.data)


KERAS = ("keras3", "tf-keras")
GENERATIONS = {2: "tf-keras", 3: "keras3"}


def load(path: Path) -> Configuration:
    """Reads the table of the file; a Mistake says what is wrong with it."""
    document = _document(path)
    table = _tool(document).get("regrad", {}) if path.name == "pyproject.toml" else _own_table(document)
    if not isinstance(table, dict):
        raise Mistake(f"{path}: [tool.regrad] must be a table")
    return replace(from_table(table, str(path)), path=path)


def load_named(path: Path) -> Configuration:
    """As `load`, for a file that the user names: one that says nothing to regrad is a mistake."""
    document = _document(path)
    if "regrad" not in _tool(document) and (path.name == "pyproject.toml" or "tool" in document):
        raise Mistake(
            f"--config {path}: there is no [tool.regrad] in it.",
            "Add the table, or give a file that holds its keys alone.",
        )
    return load(path)


def _own_table(document: dict[str, Any]) -> Any:
    """A file given with `--config` may be a pyproject.toml by another name, or hold the keys alone."""
    return _tool(document).get("regrad", {}) if "tool" in document else document


def _tool(document: dict[str, Any]) -> dict[str, Any]:
    tool = document.get("tool")
    return tool if isinstance(tool, dict) else {}


def find(start: Path) -> Path | None:
    """The nearest pyproject.toml with a `[tool.regrad]` table, from `start` upwards."""
    start = start.resolve()
    for folder in (start, *start.parents) if start.is_dir() else start.parents:
        candidate = folder / "pyproject.toml"
        if candidate.is_file() and "regrad" in _tool(_document(candidate)):
            return candidate
    return None


def from_table(table: Mapping[str, Any], where: str) -> Configuration:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == "verify" and isinstance(value, dict):
            values.update(_of_verification(value, where))
            continue
        reader = _KEYS.get(key)
        if reader is None:
            hint = did_you_mean(key, _KEYS, limit=1) or f"Known keys: {', '.join(sorted(_KEYS))}."
            raise Mistake(f"{where}: unknown key `{key}` in [tool.regrad].", hint)
        try:
            values[key.replace("-", "_")] = reader(value)
            if key == "entry":
                values["entries"] = values["entry"]
                values["entry"] = values["entries"][0]
        except _WrongValue as wrong:
            raise Mistake(f"{where}: `{key}` in [tool.regrad] must be {wrong}, not {value!r}.") from None
    return Configuration(**values)


def _of_verification(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`[tool.regrad.verify]`; `verify = true` alone is the short form of its `run`."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        reader = _VERIFY_KEYS.get(key)
        if reader is None:
            hint = did_you_mean(key, _VERIFY_KEYS, limit=1) or f"Known keys: {', '.join(sorted(_VERIFY_KEYS))}."
            raise Mistake(f"{where}: unknown key `{key}` in [tool.regrad.verify].", hint)
        try:
            values["verify" if key == "run" else key] = reader(value)
        except _WrongValue as wrong:
            raise Mistake(f"{where}: `{key}` in [tool.regrad.verify] must be {wrong}, not {value!r}.") from None
    return values


class _WrongValue(Exception):
    """The words for what was expected."""


def _document(path: Path) -> dict[str, Any]:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            document: dict[str, Any] = tomllib.load(file)
    except FileNotFoundError:
        raise Mistake(f"{path}: no such configuration file.") from None
    except OSError as problem:
        raise Mistake(f"{path}: cannot be read ({problem.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise Mistake(f"{path}: not valid TOML: {problem}") from None
    return document


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongValue("true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _WrongValue("a string")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e7:
        raise _WrongValue("a positive number of seconds")
    return float(value)


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _WrongValue("a list of strings")
    return tuple(value)


def _entries(value: Any) -> tuple[str, ...]:
    """One entry point, or a list of them."""
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
    if not found or not all(isinstance(each, str) and each.strip() for each in found):
        raise _WrongValue('a string, or a list of strings as in ["train.py --epochs 1"]')
    return found


def _codes_by_pattern(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    words = 'a table of lists, as in { "tests/*" = ["RG401"] }'
    if not isinstance(value, dict):
        raise _WrongValue(words)
    try:
        return tuple((pattern, _strings(codes)) for pattern, codes in value.items())
    except _WrongValue:
        raise _WrongValue(words) from None


def _data(value: Any) -> tuple[tuple[str, str], ...]:
    words = 'a table of strings, as in { "utils.load_images" = "tests/small.py:images" }'
    if not isinstance(value, dict) or not all(isinstance(given, str) and given for given in value.values()):
        raise _WrongValue(words)
    return tuple(value.items())


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise _WrongValue(f"one of {', '.join(words)}")
        return str(value)

    return read


def _keras(value: Any) -> str:
    if type(value) is int and value in GENERATIONS:
        return GENERATIONS[value]
    if value not in KERAS:
        raise _WrongValue(f"2, 3 or one of {', '.join(KERAS)}")
    return str(value)


_KEYS: dict[str, Callable[[Any], Any]] = {
    "select": _strings,
    "ignore": _strings,
    "per-file-ignores": _codes_by_pattern,
    "exclude": _strings,
    "force-exclude": _flag,
    "respect-gitignore": _flag,
    "unsafe-fixes": _flag,
    "verify": _flag,
    "require-verified": _flag,
    "python": _text,
    "timeout": _seconds,
    "keras": _keras,
    "entry": _entries,
    "output-format": _one_of("text", "concise", "json", "sarif", "github", "gitlab", "rdjson", "junit"),
}
KEYS = tuple(sorted(_KEYS))
SANDBOXES = ("require", "auto", "off")
_VERIFY_KEYS: dict[str, Callable[[Any], Any]] = {"run": _flag, "sandbox": _one_of(*SANDBOXES), "data": _data}
VERIFY_KEYS = tuple(sorted(_VERIFY_KEYS))
