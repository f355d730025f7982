"""The pytest plugin: keeps the gradients of a project flowing from within its own test suite."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from regrad.verify.evidence import StepReport
    from regrad.verify.verifier import Verifier

MARKER = (
    "gradients_flow(path, *, arguments=(), module=None): runs the program at `path` (beside the test file, or from the"
    " root) up to its first training step, and fails the test where gradients are missing"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("regrad")
    group.addoption("--regrad-python", default=None, help="the interpreter that runs programs marked gradients_flow")
    group.addoption("--regrad-timeout", default=60.0, type=float, help="seconds for one such program (60)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def gradients_flow() -> Callable[..., StepReport]:
    """`gradients_flow(model, x, y, loss=...)` fails where a variable receives no gradient."""
    from regrad.verify.library import assert_gradients_flow

    return assert_gradients_flow


@pytest.fixture(scope="session")
def regrad_verifier(pytestconfig: pytest.Config) -> Iterator[Verifier]:
    """One warm verifier for the whole session: TensorFlow is imported once."""
    from regrad.verify.verifier import Verifier

    with Verifier(pytestconfig.getoption("--regrad-python"), timeout=pytestconfig.getoption("--regrad-timeout")) as one:
        yield one


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("gradients_flow") and isinstance(item, pytest.Function):
            item.fixturenames.append("regrad_verifier")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    funcargs: dict[str, Any] = getattr(item, "funcargs", {})
    for marker in item.iter_markers("gradients_flow"):
        check(item, funcargs["regrad_verifier"], *marker.args, **marker.kwargs)
    return (yield)


def check(
    item: pytest.Item, verifier: Verifier, path: str, *, arguments: tuple[str, ...] = (), module: str | None = None
) -> None:
    __tracebackhide__ = True
    from regrad.verify.evidence import Outcome
    from regrad.verify.faults import sound
    from regrad.verify.job import Job
    from regrad.verify.library import why_not

    places = [item.path.parent / path, item.config.rootpath / path]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.fail(f"{path} is neither beside {item.path.name} nor below {item.config.rootpath}", pytrace=False)
    report = verifier.step(Job(os.path.realpath(found), arguments=tuple(arguments), module=module))
    if report.outcome is Outcome.UNAVAILABLE:
        pytest.skip(f"{path} could not be run: {report.reason}")
    if not sound(report):
        cuts = [
            f"  {Path(cut.location.path).name}:{cut.location.span.start.line}: {cut.operation} ({cut.kind.value})"
            for cut in report.cuts
        ]
        pytest.fail("\n".join([f"{path}: {why_not(report)}", *cuts]), pytrace=False)
