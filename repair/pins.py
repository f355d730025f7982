"""The generation of Keras that a project requires: the versions in its requirement files and its pyproject.toml."""

from __future__ import annotations

import os
import re

_REQUIREMENTS = re.compile(
    r"(?:requirements|constraints)[\w.-]*\.(?:txt|in)|environment[\w.-]*\.ya?ml|pyproject\.toml|setup\.(?:py|cfg)|Pipfile",
    re.I,
)
_REQUIREMENT = re.compile(
    r"""(?:^|["'\s])(?P<name>tensorflow(?:[-_](?:cpu|gpu|macos|intel|rocm))?|tf[-_]keras(?!-nightly)|keras)(?:\[[\w,\s-]*\])?"""
    r"""(?P<closing>["']?\s*=\s*["'])?\s*(?P<versions>(?:[,\s]*(?:==|>=|<=|~=|!=|<|>|=|\^)\s*\d[\w.*]*|(?<=["'])\d[\w.*]*)*)(?=$|["'\s;#,)\]@])""",
    re.M,
)
_VERSION = re.compile(r"(?P<sign>==|>=|<=|~=|!=|<|>|=|\^)?\s*(?P<numbers>\d+(?:\.\d+)?)(?P<rest>[\w.*]*)")
_LARGEST = 1_000_000
Version = tuple[int, int]
LAST = (1 << 30, 0)


class Pins:
    """What the folders of a project require; each folder is looked at once."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[int | None, bool]] = {}

    def generation_of(self, path: str) -> int | None:
        """2 or 3, as the nearest requirements around a file say; None where they leave it open."""
        folder = os.path.dirname(os.path.abspath(path))
        while True:
            if folder not in self._folders:
                self._folders[folder] = _in_folder(folder)
            found, is_root = self._folders[folder]
            parent = os.path.dirname(folder)
            if found is not None or is_root or parent == folder:
                return found
            folder = parent


def _in_folder(folder: str) -> tuple[int | None, bool]:
    """What one folder says, and whether the project ends there."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None, True
    said: set[int] = set()
    for name in names:
        if not _REQUIREMENTS.fullmatch(name):
            continue
        try:
            place = os.path.join(folder, name)
            if os.path.getsize(place) > _LARGEST:
                continue
            with open(place, encoding="utf-8", errors="replace") as file:
                generation = generation_in(file.read())
        except OSError:
            continue
        if generation is not None:
            said.add(generation)
    # Two files that disagree are for two environments.
    return (said.pop() if len(said) == 1 else None), ".git" in names or ".hg" in names


def generation_in(text: str) -> int | None:
    """What the requirements in one file say: the versions of Keras itself first, then `tf-keras`, then those of
    TensorFlow.
    """
    ranges: dict[str, tuple[Version, Version]] = {}
    for line in text.splitlines():
        for found in _REQUIREMENT.finditer(line.partition("#")[0]):
            name = found["name"].replace("_", "-")
            name = "tensorflow" if name.startswith("tensorflow") else name
            low, high = _range(found["versions"] or "")
            known = ranges.get(name, ((0, 0), LAST))
            ranges[name] = max(low, known[0]), min(high, known[1])
    keras = _side(ranges.get("keras"), (3, 0))
    if keras is not None:
        return keras
    if "tf-keras" in ranges:
        return 2
    # TensorFlow 2.16 is the first that brings Keras 3.
    return _side(ranges.get("tensorflow"), (2, 16))


def _side(versions: tuple[Version, Version] | None, border: Version) -> int | None:
    """2 for what lies below the border, 3 for what lies above; `high` is the first version that is no longer meant."""
    if versions is None or versions == ((0, 0), LAST):
        return None
    low, high = versions
    if high <= border:
        return 2
    return 3 if low >= border else None


def _range(text: str) -> tuple[Version, Version]:
    low, high = (0, 0), LAST
    for found in _VERSION.finditer(text):
        major, _, minor = found["numbers"].partition(".")
        version = (int(major), int(minor or 0))
        following = (version[0], version[1] + 1) if minor else (version[0] + 1, 0)
        sign = found["sign"] or "=="
        if sign in ("==", "="):
            low, high = max(low, version), min(high, following)
        elif sign == "~=":
            # `~=2.15.0` stays within 2.15, `~=2.15` within 2.
            low, high = max(low, version), min(high, following if "." in found["rest"] else (version[0] + 1, 0))
        elif sign == "^":
            low, high = max(low, version), min(high, (version[0] + 1, 0))
        elif sign == ">=":
            low = max(low, version)
        elif sign == ">":
            low = max(low, version if found["rest"] else following)
        elif sign == "<":
            high = min(high, following if found["rest"] and found["rest"] != ".0" else version)
        elif sign == "<=":
            high = min(high, following)
    return low, high
