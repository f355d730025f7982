"""What is said of a module that the program's interpreter does not have."""

from __future__ import annotations

import pytest
from regrad.verify.worker.missing_modules import reason


@pytest.mark.parametrize(
    ("name", "package"), [("sklearn", "scikit-learn"), ("sklearn.datasets", "scikit-learn"), ("gym", "gym")]
)
def test_the_package_that_brings_it(name: str, package: str) -> None:
    assert f"(pip install {package})" in reason(name)


def test_a_module_that_an_installed_package_no_longer_has() -> None:
    import libcst

    told = reason("libcst.of_another_time")
    assert f"in the installed {libcst.__name__}" in told
    assert "another version" in told and "pip install" not in told


def test_a_part_of_the_users_own_package_is_no_matter_of_versions() -> None:
    told = reason("regrad.of_another_time")
    assert "another version" not in told and "if it is your own" in told
