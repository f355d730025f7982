"""Records as JSON and back."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.codemods.engine.rule import Edit, Finding, Mending, Related, Safety, Withheld
from regrad.migrate.codec import plain, restored
from regrad.migrate.results import FileResult, packed, unpacked
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome, Status
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, Symptom, VariableReport, Verdict

texts = st.text(max_size=12)
positions = st.builds(Position, st.integers(1, 10_000), st.integers(1, 200))
spans = st.builds(Span, positions, positions)
locations = st.builds(Location, texts, spans)
floats = st.none() | st.floats(allow_nan=False)
variables = st.builds(
    VariableReport, texts, st.tuples(st.integers(0, 9)), st.sampled_from(Gradient), floats, st.booleans(), st.booleans()
)
steps = st.builds(
    StepReport,
    st.sampled_from(Outcome),
    st.none() | texts,
    loss=floats,
    variables=st.lists(variables, max_size=3).map(tuple),
    cuts=st.lists(st.builds(Cut, st.sampled_from(CutKind), locations, texts), max_size=2).map(tuple),
    symptoms=st.lists(st.sampled_from(Symptom), max_size=2).map(tuple),
)
mendings = st.builds(
    Mending, texts, st.sampled_from(Safety), st.lists(st.builds(Edit, texts, spans, texts), max_size=2).map(tuple)
)
findings = st.builds(
    FindingOutcome,
    st.builds(
        Finding,
        texts,
        texts,
        texts,
        locations,
        st.none() | st.sampled_from(CutKind),
        related=st.lists(st.builds(Related, locations, texts), max_size=2).map(tuple),
    ),
    st.lists(mendings, max_size=2).map(tuple),
    st.none() | st.builds(Withheld, texts, texts),
    st.sampled_from(Decision),
    st.none() | texts,
    st.none() | mendings,
    st.none() | st.builds(Evidence, st.sampled_from(Verdict), st.none() | texts, steps, steps),
)
outcomes = st.builds(FileOutcome, texts, st.sampled_from(Status), findings=st.lists(findings, max_size=3).map(tuple))


@given(outcomes)
def test_what_is_written_is_read_back(outcome: FileOutcome) -> None:
    text = json.dumps(plain(outcome), allow_nan=False)
    assert restored(FileOutcome, json.loads(text)) == outcome


@given(outcomes, st.none() | st.binary(max_size=50), st.binary(max_size=50))
def test_a_file_is_kept_with_its_exact_bytes(outcome: FileOutcome, before: bytes | None, after: bytes) -> None:
    contents = replace(outcome, before=before, after=None if before is None else after)
    result = FileResult("models", contents, "train.py --epochs 1", None, 1.5)
    assert unpacked("models", *packed(result)) == result


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_has_not(value: float) -> None:
    step = StepReport(Outcome.STEPPED, loss=value)
    read = restored(StepReport, json.loads(json.dumps(plain(step), allow_nan=False)))
    assert read.loss is not None
    assert repr(read.loss) == repr(value)


def test_texts_go_through_the_words() -> None:
    outcome = FileOutcome("/scratch/a.py", Status.OK, "/scratch/a.py: wrong")
    assert plain(outcome, lambda text: text.replace("/scratch/", "")) == {
        "path": "a.py",
        "status": "ok",
        "message": "a.py: wrong",
    }


def test_a_diff_is_drawn_from_the_contents() -> None:
    result = FileResult("models", FileOutcome("sub/a.py", Status.OK, before=b"x = 1\n", after=b"x = 2\n"))
    assert result.diff == "--- a/sub/a.py\n+++ b/sub/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    assert FileResult("models", FileOutcome("a.py", Status.OK)).diff == ""
