"""The report for people: what it must show, in every width, and that nothing can make it fail."""

from __future__ import annotations

import dataclasses
import io
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.codemods.engine.rule import Edit, Finding, Mending, Related, Safety, Withheld
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome, Status
from regrad.report.formats import OutputFormat, Presentation, writer
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, Symptom, VariableReport, Verdict
from rich.cells import cell_len

from . import samples


def drawn(*outcomes: FileOutcome, presentation: Presentation | None = None) -> str:
    stream = io.StringIO()
    writer(OutputFormat.TEXT)(outcomes, stream, presentation or Presentation(targets=("train.py",)))
    return stream.getvalue()


def test_a_finding_is_shown_in_its_source_with_the_span_underlined() -> None:
    lines = drawn(samples.CHECKED).splitlines()
    assert lines[0] == "train.py:6:1 RG401 forward-outside-tape"
    source = next(index for index, line in enumerate(lines) if line.endswith("prediction = model(x)"))
    start = lines[source].index("prediction")
    assert lines[source + 1][start:] == "^" * len("prediction = model(x)")
    assert any("the tape records from here" in line for line in lines)
    assert any("fix (safe): Move the forward pass" in line for line in lines)


def test_the_underline_is_right_after_tabs_and_wide_characters() -> None:
    content = "\t名 = 値(x)\n".encode()
    finding = dataclasses.replace(samples.FINDING, location=samples.location(1, 6, 7), related=())
    outcome = dataclasses.replace(samples.with_finding(finding=finding), before=content, after=content)
    lines = drawn(outcome).splitlines()
    source = next(index for index, line in enumerate(lines) if "値" in line)
    assert cell_len(lines[source].split("値")[0]) == lines[source + 1].index("^")
    assert lines[source + 1].count("^") == 2


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_no_line_is_shown_behind_the_last_line_break(end: str) -> None:
    content = f"x = 1\nprediction = model(x){end}".encode()
    finding = dataclasses.replace(samples.FINDING, location=samples.location(2, 1, 11), related=())
    outcome = dataclasses.replace(samples.with_finding(finding=finding), before=content, after=content)
    lines = drawn(outcome).splitlines()
    underline = next(index for index, line in enumerate(lines) if "^^^" in line)
    assert lines[underline - 1].endswith("2 │ prediction = model(x)")
    assert "│" not in lines[underline + 1]


def test_a_proof_shows_variables_loss_exception_data_and_verdict() -> None:
    text = drawn(samples.PROVED, presentation=Presentation(fixing=True, targets=("train.py",)))
    assert "-prediction = model(x)" in text
    assert "+    prediction = model(x)" in text
    row = next(line for line in text.splitlines() if line.startswith("dense/kernel"))
    assert "none" in row and "flows 1.25" in row
    assert "ValueError: No gradients provided for any variable. (line 10)" in text
    assert "line 6: MatMul runs before the tape records" in text
    assert "data: synthetic (X_train: 8 x 10 float32)" in text
    assert "mended: gradients reach all 2 variables" in text
    assert text.splitlines()[-1] == "1 finding; 1 mended (1 proved by a training step)"


def test_symptoms_are_told_in_plain_words() -> None:
    before = dataclasses.replace(samples.STEP_AFTER, symptoms=tuple(Symptom))
    outcome = dataclasses.replace(samples.PROVED, evidence=dataclasses.replace(samples.EVIDENCE, before=before))
    text = drawn(outcome)
    assert "before: the loss stays exactly 0" in text
    assert "before: the output does not depend on the input" in text
    assert not any(symptom.value in text for symptom in Symptom)


def test_on_a_narrow_terminal_nothing_that_matters_is_cut() -> None:
    long = samples.AFTER.replace("(prediction - y) ** 2)", "(prediction - y) ** 2)  # " + "x" * 80 + " end")
    outcome = dataclasses.replace(samples.PROVED, after=long.encode())
    presentation = Presentation(fixing=True, width=50)
    text = drawn(outcome, presentation=presentation)
    assert "x end" in text.replace("\n", "")
    assert "the tape records from here" in text
    assert max(cell_len(line) for line in text.splitlines()) <= 50


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = dataclasses.replace(
        samples.FINDING, message="No gradient reaches " + ", ".join(f"layer_{n}/kernel" for n in range(40))
    )
    for outcome in (samples.PROVED, samples.with_finding(finding=long), samples.BROKEN):
        text = drawn(outcome, presentation=Presentation(fixing=True, targets=("train.py",), width=width))
        assert max(cell_len(line) for line in text.splitlines()) <= width


def test_in_a_pipe_nothing_is_coloured_wrapped_or_boxed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    long = dataclasses.replace(samples.FINDING, message="word " * 100)
    text = drawn(samples.PROVED, samples.with_finding(finding=long))
    assert "\x1b" not in text
    assert not set(text) & set("┌┏╭─━╷╵")
    assert ("word " * 100).strip() in text


def test_colour_can_be_asked_for_and_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" in drawn(samples.CHECKED, presentation=Presentation(color=True))
    assert "\x1b[" not in drawn(samples.CHECKED, presentation=Presentation(color=False))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "")
    assert "\x1b[" not in drawn(samples.CHECKED)


def test_where_the_encoding_has_no_box_characters_ascii_is_drawn() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii", errors="strict")
    writer(OutputFormat.TEXT)([samples.PROVED], stream, Presentation(fixing=True))
    stream.flush()
    assert b"6 | prediction = model(x)" in buffer.getvalue()


def test_quiet_says_less_and_verbose_says_more() -> None:
    assert drawn(samples.CLEAN, presentation=Presentation(verbosity=-1)) == ""
    assert "prediction = model(x)" not in drawn(samples.CHECKED, presentation=Presentation(verbosity=-1))
    assert "train.py: no findings" in drawn(samples.CLEAN, presentation=Presentation(verbosity=1))
    assert "train.py: no findings" not in drawn(samples.CLEAN)
    assert "skipped: mentions neither" in drawn(samples.SKIPPED, presentation=Presentation(verbosity=1))


def test_a_long_table_is_cut_to_what_is_not_well() -> None:
    well = [samples.variable(f"layer_{n}/kernel", Gradient.FLOWS, 1.0, changed=True) for n in range(40)]
    dead = samples.variable("last/kernel", Gradient.NONE, None, changed=False)
    after = dataclasses.replace(samples.STEP_AFTER, variables=(*well, dead))
    outcome = dataclasses.replace(samples.PROVED, evidence=dataclasses.replace(samples.EVIDENCE, after=after))
    short = drawn(outcome)
    assert "last/kernel" in short
    assert "layer_39/kernel" not in short
    assert "more (-v shows them)" in short
    assert "layer_39/kernel" in drawn(outcome, presentation=Presentation(verbosity=1))


def test_the_terminal_cannot_be_driven_by_a_program() -> None:
    content = b"x = '\x1b]0;owned\x07'  # \xe2\x80\xae reversed\n"
    finding = dataclasses.replace(
        samples.FINDING, message="evil \x1b[2J [red]text[/red]", location=samples.location(1, 1, 2), related=()
    )
    outcome = dataclasses.replace(samples.with_finding(finding=finding), before=content, after=content)
    text = drawn(outcome)
    assert not set(text) & {"\x1b", "\x07", "\u202e"}
    assert "[red]text[/red]" in text


@pytest.mark.parametrize(
    ("outcomes", "presentation", "expected"),
    [
        ((samples.CLEAN, samples.CLEAN), Presentation(), "No findings in 2 files"),
        (
            (samples.CHECKED, samples.with_finding(mendings=(samples.UNSAFE,), decision=Decision.NEEDS_UNSAFE)),
            Presentation(targets=("train.py",)),
            "2 findings; 1 can be mended: regrad fix --diff train.py; 1 more with --unsafe-fixes",
        ),
        (
            (samples.with_finding(mendings=(samples.UNSAFE,)),),
            Presentation(targets=("my file.py",)),
            "1 finding; 1 can be mended: regrad fix --diff --unsafe-fixes 'my file.py'",
        ),
        (
            (samples.PROVED,),
            Presentation(fixing=True, preview=True, targets=("train.py",)),
            "1 finding; 1 would be mended (1 proved by a training step); write it with: regrad fix train.py",
        ),
        (
            (samples.with_finding(decision=Decision.WITHDRAWN),),
            Presentation(fixing=True),
            "1 finding; 1 withdrawn, not confirmed by the training step",
        ),
        ((samples.BROKEN,), Presentation(), "No findings; 1 file could not be analysed"),
    ],
)
def test_the_closing_line_names_the_next_command(
    outcomes: tuple[FileOutcome, ...], presentation: Presentation, expected: str
) -> None:
    assert drawn(*outcomes, presentation=presentation).splitlines()[-1] == expected


words = st.text(max_size=30)
positions = st.builds(Position, st.integers(-1, 12), st.integers(-1, 90))
spans = st.builds(Span, positions, positions)
paths = st.sampled_from(["train.py", "train.ipynb", "", "other.py"])
locations = st.builds(Location, paths, spans)
mendings = st.builds(
    Mending,
    words,
    st.sampled_from(Safety),
    st.lists(st.builds(Edit, paths, spans, words), max_size=2).map(tuple),
    words,
)
findings = st.builds(
    Finding,
    words,
    words,
    words,
    locations,
    st.sampled_from(CutKind) | st.none(),
    st.lists(words, max_size=2).map(tuple),
    st.lists(st.builds(Related, locations, words), max_size=2).map(tuple),
)
numbers = st.none() | st.floats(width=32) | st.just(math.nan)
variables = st.builds(
    VariableReport,
    words,
    st.lists(st.integers(0, 9), max_size=3).map(tuple),
    st.sampled_from(Gradient),
    numbers,
    st.booleans(),
    st.booleans(),
)
steps = st.builds(
    StepReport,
    st.sampled_from(Outcome),
    exception=st.none() | words,
    exception_line=st.none() | st.integers(),
    reason=st.none() | words,
    loss=numbers,
    variables=st.lists(variables, max_size=15).map(tuple),
    cuts=st.lists(st.builds(Cut, st.sampled_from(CutKind), locations, words), max_size=2).map(tuple),
    symptoms=st.lists(st.sampled_from(Symptom), max_size=3).map(tuple),
    data=st.none() | words,
    supplied=st.lists(words, max_size=8).map(tuple),
)
evidences = st.none() | st.builds(Evidence, st.sampled_from(Verdict), st.none() | words, steps, steps)
finding_outcomes = st.builds(
    FindingOutcome,
    findings,
    st.lists(mendings, max_size=3).map(tuple),
    st.none() | st.builds(Withheld, words, words),
    st.sampled_from(Decision),
    st.none() | words,
    st.none() | mendings,
    evidences,
)
contents = st.none() | st.binary(max_size=60) | words.map(lambda text: text.encode("utf-8", "surrogatepass"))
outcomes = st.builds(
    FileOutcome,
    paths,
    st.sampled_from(Status),
    st.none() | words,
    st.lists(finding_outcomes, max_size=2).map(tuple),
    evidences,
    contents,
    contents,
    st.booleans(),
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(outcomes, max_size=2),
    st.sampled_from(OutputFormat),
    st.builds(
        Presentation,
        st.booleans(),
        st.booleans(),
        st.just(("train.py",)),
        st.sampled_from([-1, 0, 1]),
        st.none() | st.integers(1, 120),
        st.booleans(),
    ),
)
def test_no_outcome_makes_a_report_fail(
    files: list[FileOutcome], output_format: OutputFormat, presentation: Presentation
) -> None:
    writer(output_format)(files, io.StringIO(), presentation)
    # The text report is what meets the user, so it gets every example, and not one in eight.
    writer(OutputFormat.TEXT)(files, io.StringIO(), presentation)


def test_quiet_says_what_becomes_of_each_finding() -> None:
    quiet = Presentation(fixing=True, verbosity=-1, diff_apart=True)
    assert drawn(samples.PROVED, presentation=quiet).splitlines()[0].endswith("forward-outside-tape [mended]")
    preview = dataclasses.replace(quiet, preview=True)
    assert drawn(samples.PROVED, presentation=preview).splitlines()[0].endswith("[would be mended]")
    withdrawn = samples.with_finding(decision=Decision.WITHDRAWN)
    assert drawn(withdrawn, presentation=quiet).splitlines()[0].endswith("[fix withdrawn]")


def test_the_command_with_unsafe_fixes_takes_all_of_them() -> None:
    unsafe = dataclasses.replace(samples.MENDING, safety=Safety.UNSAFE)
    outcomes = (samples.CHECKED, samples.with_finding(mendings=(unsafe,)))
    wanted = Presentation(targets=("train.py",), options=("--unsafe-fixes",))
    assert drawn(*outcomes, presentation=wanted).splitlines()[-1] == (
        "2 findings; 2 can be mended: regrad fix --diff --unsafe-fixes train.py"
    )


@pytest.mark.parametrize("width", [40, 60, 300])
def test_a_command_is_never_broken(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = ("models/with a long name/and another one/train the model.py",)
    stream = io.StringIO()
    writer(OutputFormat.TEXT)([samples.CHECKED], stream, Presentation(targets=targets, width=width))
    assert f"regrad fix --diff '{targets[0]}'" in stream.getvalue()
    assert "1 finding; 1 can be mended:" in stream.getvalue()
