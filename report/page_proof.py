"""What a training step showed, on the page: verdict, loss, and a gradient per variable before and after.

The gradients are written as lines that can be read as they are; the page's script draws them as bars.
"""

from __future__ import annotations

from collections.abc import Iterator

from regrad.report.page_element import Element, element, isolated, prose, told
from regrad.report.variable_pairs import Pair, paired
from regrad.report.whereabouts import Whereabouts
from regrad.report.words import (
    cut_words,
    data_words,
    ending_words,
    gradient_words,
    loss_words,
    shape_words,
    symptom_words,
    verdict_words,
)
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, VariableReport

HEAD = ("variable", "shape", "before", "after", "changed")
_DEAD = (Gradient.NONE, Gradient.ZERO, Gradient.NON_FINITE)


def proof(evidence: Evidence, through: str | None, earlier: Whereabouts, later: Whereabouts) -> Element:
    """The verdict in words, then the figures that it rests on."""
    before, after = evidence.before, evidence.after
    said = verdict_words(evidence, earlier, later).removeprefix(evidence.verdict.value + ": ")
    rows = gradients(evidence)
    return element(
        "div",
        element(
            "p",
            element("strong", evidence.verdict.value.replace("-", " "), class_=f"verdict {evidence.verdict.value}"),
            " ",
            *prose(said),
        ),
        element("pre", "\n".join("\t".join(row) for row in (HEAD, *rows)), class_="gradients") if rows else None,
        element(
            "ul",
            *(element("li", *prose(line)) for line in dict.fromkeys(_facts(evidence, said, earlier, later))),
            class_="facts",
        ),
        element("p", *_conditions(before, after, through), class_="conditions"),
        class_="proof",
    )


def gradients(evidence: Evidence) -> list[tuple[str, ...]]:
    """A row for each variable: those that stay dead first, then those that were, then the others as they come."""
    pairs = sorted(paired(evidence.before.variables, evidence.after.variables), key=_rank)
    return [_row(*pair) for pair in pairs]


def _rank(pair: Pair) -> int:
    before, after = pair
    if after is not None and after.gradient in _DEAD:
        return 0
    return 1 if before is not None and before.gradient is not Gradient.FLOWS else 2


def _row(before: VariableReport | None, after: VariableReport | None) -> tuple[str, ...]:
    either = after or before
    if either is None:
        return ()
    shape = shape_words(either.shape).replace("x", "\N{MULTIPLICATION SIGN}") if either.shape else shape_words(())
    return (
        told(either.name),
        shape,
        gradient_words(before),
        gradient_words(after),
        f"{_changed(before)} → {_changed(after)}",
    )


def _changed(variable: VariableReport | None) -> str:
    return "-" if variable is None else "yes" if variable.changed else "no"


def _facts(evidence: Evidence, said: str, earlier: Whereabouts, later: Whereabouts) -> Iterator[str]:
    before, after = evidence.before, evidence.after
    if before.loss is not None or after.loss is not None:
        yield f"Loss: {loss_words(before.loss)} → {loss_words(after.loss)}"
    for when, step, whereabouts in (("Before", before, earlier), ("After", after, later)):
        ending = ending_words(step, whereabouts)
        if (step.outcome is not Outcome.STEPPED or step.exception) and ending != said:
            yield f"{when}: {ending}"
        for symptom in step.symptoms:
            yield f"{when}: {symptom_words(symptom)}"
        for cut in step.cuts:
            where = whereabouts.line(cut.location.path, cut.location.span.start.line)
            yield f"{when}: the path ends at {where}: {cut_words(cut)}"


def _conditions(before: StepReport, after: StepReport, through: str | None) -> list[Element | str | None]:
    words = data_words(after.data or before.data, after.supplied or before.supplied)
    step = after if after.tensorflow else before
    versions = [
        f"{name} {version}" for name, version in (("TensorFlow", step.tensorflow), ("Keras", step.keras)) if version
    ]
    rest = "; ".join(told(part) for part in (words, ", ".join(versions)) if part)
    if through is None:
        return [rest]
    return ["One training step of ", isolated(through, "code"), f"; {rest}" if rest else None]
