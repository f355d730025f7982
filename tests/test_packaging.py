"""What is installed is what is here: every package is in pyproject.toml, and the distribution works from a wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
NOT_PACKAGES = {"tests", "cases", "fixtures", "bench", "docs", "editors", "build", "dist"}


def declared() -> set[str]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return set(document["tool"]["setuptools"]["packages"])


def present() -> set[str]:
    """The packages of the tree, without hidden folders (`.venv-ci`) and those that are no part of the package."""
    found = {"regrad"}
    for init in ROOT.rglob("__init__.py"):
        parts = init.parent.relative_to(ROOT).parts
        if parts and parts[0] not in NOT_PACKAGES and not any(part.startswith(".") for part in parts):
            found.add(".".join(("regrad", *parts)))
    return found


def test_every_package_is_declared() -> None:
    assert present() <= declared()


def test_every_declared_package_is_there() -> None:
    assert declared() <= present()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # Built from a copy: setuptools writes `build/` and an egg-info folder beside pyproject.toml.
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: the files of the distribution are not known")
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(folder), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_module_the_parts_of_the_page_and_the_type_marker(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {"regrad/py.typed"}
    for package in declared():
        folder = ROOT.joinpath(*package.split(".")[1:])
        held = [file for file in folder.iterdir() if file.suffix in {".py", ".css", ".js"}]
        expected |= {f"{package.replace('.', '/')}/{file.name}" for file in held}
    assert expected <= names


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert all(name.startswith("regrad/") for name in names)
    assert not [name for name in names if name.startswith(("regrad/tests/", "regrad/fixtures/", "regrad/bench/"))]


def test_the_wheel_declares_the_console_script(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (entry_points,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert "regrad = regrad.cli.main:start" in archive.read(entry_points).decode()
