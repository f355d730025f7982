"""Fixtures that every folder of tests shares: one warm verifier for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from regrad.verify import Job, Outcome, Verifier


@pytest.fixture(autouse=True, scope="session")
def no_cache() -> Iterator[None]:
    """No test reads what another run found out, or leaves anything behind in the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGRAD_CACHE_DIR", "")
        yield


@pytest.fixture(scope="session")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifier]:
    """TensorFlow takes seconds to import, so all tests share one server; without TensorFlow they are skipped."""
    probe = tmp_path_factory.mktemp("probe") / "probe.py"
    probe.write_text("pass\n")
    with Verifier(timeout=60.0) as shared:
        report = shared.step(Job(str(probe)))
        if report.outcome is Outcome.UNAVAILABLE:
            pytest.skip(f"no TensorFlow for the verifier: {report.reason}")
        yield shared
