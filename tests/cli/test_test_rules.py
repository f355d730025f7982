"""`regrad test-rules` on an installed package of rules: what passes, what fails, and what is said of it."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from regrad.codemods.engine import registry
from regrad.verify import Verifier

from .console_script import Script

PACKAGE = Path(__file__).resolve().parents[1] / "codemods" / "example_package"
BROKEN = Path("fixtures") / "zero_learning_rate" / "broken" / "two_optimizers.py"
MENDED = Path("fixtures") / "zero_learning_rate" / "mended" / "two_optimizers.py"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the package."""
    folder = tmp_path_factory.mktemp("installed")
    # From a copy: setuptools writes `build/` and an egg-info folder beside pyproject.toml.
    source = shutil.copytree(PACKAGE, folder / "source")
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(source)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    registry.registry.cache_clear()
    yield
    registry.registry.cache_clear()
    sys.modules.pop("zero_learning_rate", None)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The author's folder, to be changed."""
    return Path(shutil.copytree(PACKAGE, tmp_path / "package"))


def test_the_rule_is_found_and_explained(installed: None, script: Script) -> None:
    assert "ZL001  zero-learning-rate" in script("rules").stdout
    assert "multiplied by zero" in script("explain", "ZL001").stdout


def test_all_passes(installed: None, package: Path, script: Script) -> None:
    ran = script("test-rules", str(package))
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout == "ZL001 zero-learning-rate: 4 programs, 7 checks, all passed\n"
    assert script("test-rules", str(package / "fixtures")).stdout == ran.stdout


def test_the_rule_mends_through_the_whole_program(installed: None, package: Path, script: Script) -> None:
    place = package / BROKEN
    place.write_bytes(place.read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n"))
    ran = script("fix", "--no-verify", "--unsafe-fixes", "--select", "ZL001", str(place))
    assert ran.status == 0, ran.stdout + ran.stderr
    assert place.read_bytes() == (package / MENDED).read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n")


def test_a_file_beyond_bowler_is_told(installed: None, package: Path, script: Script) -> None:
    place = package / BROKEN
    place.write_text(place.read_text() + "match model:\n    case _: pass\n")
    ran = script("check", "--select", "ZL001", str(place))
    assert "not analysable by ZL001" in ran.stdout + ran.stderr
    assert "Bowler's grammar ends at line 20" in ran.stdout + ran.stderr


def test_a_wrong_twin_is_shown_as_a_diff(installed: None, package: Path, script: Script) -> None:
    place = package / MENDED
    place.write_text(place.read_text().replace("0.001", "0.002"))
    ran = script("test-rules", str(package))
    assert ran.status == 1
    assert "1 failed" in ran.stdout and "mended/two_optimizers.py exact: the mending leaves another text:" in ran.stdout
    assert "+model.compile(tf.keras.optimizers.Adam(clipnorm=1.0, learning_rate=0.001), loss='mae')" in ran.stdout


def test_an_alarm_and_a_miss_are_named(installed: None, package: Path, script: Script) -> None:
    folder = (package / BROKEN).parent
    (folder / "not_seen.py").write_text("import tensorflow as tf\n")
    (folder.parent / "sound" / "alarm.py").write_bytes((package / BROKEN).read_bytes())
    ran = script("test-rules", str(package), "--output-format", "json")
    assert ran.status == 1
    answer = json.loads(ran.stdout)
    assert answer["summary"] == {"checks": 10, "failed": 2}
    (rule,) = answer["rules"]
    complaints = {(Path(each["path"]).name, each["check"]): each["complaint"] for each in rule["checks"]}
    assert complaints.pop(("not_seen.py", "reported")) == "nothing is reported"
    assert "alarm.py:12: ZL001 this optimizer" in complaints.pop(("alarm.py", "left alone"))
    assert set(complaints.values()) == {None}


def test_a_line_break_that_differs_is_a_failure(installed: None, package: Path, script: Script) -> None:
    place = package / MENDED
    place.write_bytes(place.read_bytes().replace(b"\n", b"\r\n"))
    ran = script("test-rules", str(package))
    assert ran.status == 1 and "the line breaks, the encoding or the end of the file differ" in ran.stdout


def test_a_package_that_is_not_installed(package: Path, script: Script) -> None:
    ran = script("test-rules", str(package))
    assert ran.status == 2
    assert "there is no rule zero-learning-rate" in ran.stderr and "regrad.rules" in ran.stderr


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_folder_without_programs(place: str, tmp_path: Path, script: Script) -> None:
    ran = script("test-rules", str(tmp_path / place))
    assert ran.status == 2 and ran.stderr.startswith("regrad: ")


@pytest.mark.tensorflow
def test_proofs(
    installed: None, package: Path, script: Script, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin that changes nothing is refuted by a run, and the sound program that is not sound."""
    twin = package / MENDED
    twin.write_text(twin.read_text().replace("0.01,", "0.0,").replace("0.001", "0"))
    (package / MENDED.parent.parent / "sound" / "small.py").write_text("raise SystemExit(1)\n")
    monkeypatch.setattr("regrad.cli.test_rules._verifier", lambda *_: _Borrowed(verifier))
    ran = script("test-rules", str(package), "--verify")
    assert ran.status == 1
    assert "mended/two_optimizers.py proved: the verdict is unchanged" in ran.stdout
    assert "sound/small.py steps: it does not come to a training step" in ran.stdout
    assert "warm_up.py" not in ran.stdout


class _Borrowed:
    """The shared verifier, which the command must not close."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier

    def __enter__(self) -> Verifier:
        return self.verifier

    def __exit__(self, *_: object) -> None:
        pass
