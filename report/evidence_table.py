"""What a training step proved, for the terminal: variables before and after, loss, exception, verdict."""

from __future__ import annotations

from collections.abc import Sequence

from regrad.report.console import ASCII, Glyphs, glyphs, styled
from regrad.report.variable_pairs import Pair, paired
from regrad.report.whereabouts import NOWHERE, Whereabouts
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
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, VariableReport, Verdict
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

ROWS = 12
"""A longer table is cut down to the variables that are not well, unless `-v` is given."""
NARROW = 80

_STYLES = {
    Gradient.FLOWS: "green",
    Gradient.NONE: "bold red",
    Gradient.ZERO: "red",
    Gradient.NON_FINITE: "magenta",
    Gradient.NOT_ASKED: "dim",
}
_VERDICTS = {
    Verdict.MENDED: "bold green",
    Verdict.IMPROVED: "bold yellow",
    Verdict.UNCHANGED: "bold red",
    Verdict.WORSE: "bold red",
    Verdict.WAS_NOT_BROKEN: "bold yellow",
    Verdict.NOT_VERIFIABLE: "bold yellow",
}


def evidence_report(
    evidence: Evidence,
    console: Console,
    verbosity: int = 0,
    earlier: Whereabouts = NOWHERE,
    later: Whereabouts = NOWHERE,
) -> list[RenderableType]:
    """Everything that the two steps showed, the verdict last."""
    signs = glyphs(console)
    drawn: list[RenderableType] = []
    pairs = paired(evidence.before.variables, evidence.after.variables)
    if pairs:
        drawn.append(_compared(pairs, console, verbosity))
    before, after = evidence.before, evidence.after
    drawn += _sentences("before", before, earlier, evidence.reason)
    if before.loss is not None or after.loss is not None:
        drawn.append(Text(f"  loss: {loss_words(before.loss)} {signs.arrow} {loss_words(after.loss)}"))
    drawn += _sentences("after", after, later, evidence.reason)
    drawn.append(_data_line(after.data or before.data, after.supplied or before.supplied, after, signs))
    drawn.append(styled(f"  {verdict_words(evidence, earlier, later)}", _VERDICTS.get(evidence.verdict, "bold")))
    return [each for each in drawn if not (isinstance(each, Text) and not each.plain.strip())]


def step_report(
    step: StepReport, console: Console, verbosity: int = 0, whereabouts: Whereabouts = NOWHERE
) -> list[RenderableType]:
    """What one step showed, without a second to compare it with."""
    drawn: list[RenderableType] = []
    if step.variables:
        drawn.append(_single(step.variables, console, verbosity))
    # How the run ended is the heading's to say.
    drawn += _observations("  ", step, whereabouts)
    if step.loss is not None:
        drawn.append(Text(f"  loss: {loss_words(step.loss)}"))
    drawn.append(_data_line(step.data, step.supplied, step, glyphs(console)))
    return [each for each in drawn if not (isinstance(each, Text) and not each.plain.strip())]


def _compared(pairs: list[Pair], console: Console, verbosity: int) -> RenderableType:
    signs = glyphs(console)
    table = _table(console)
    narrow = console.width < NARROW
    table.add_column("variable", overflow="fold", ratio=None)
    if not narrow:
        table.add_column("shape", no_wrap=True)
    table.add_column("before" if narrow else "gradient before", no_wrap=True)
    table.add_column("after" if narrow else "gradient after", no_wrap=True)
    table.add_column("changed", no_wrap=True)
    shown, hidden = _rows(pairs, verbosity)
    for before, after in shown:
        variable = after or before
        if variable is None:
            continue
        cells: list[RenderableType] = [styled(variable.name)]
        if not narrow:
            cells.append(Text(_shape(variable, signs)))
        cells += [_gradient(before), _gradient(after)]
        changed = f"{_yes(before)} {signs.arrow} {_yes(after)}"
        cells.append(Text(changed))
        table.add_row(*cells)
    _rest(table, hidden, signs)
    return table


def _single(variables: Sequence[VariableReport], console: Console, verbosity: int) -> RenderableType:
    signs = glyphs(console)
    table = _table(console)
    narrow = console.width < NARROW
    table.add_column("variable", overflow="fold")
    if not narrow:
        table.add_column("shape", no_wrap=True)
    table.add_column("gradient", no_wrap=True)
    table.add_column("changed", no_wrap=True)
    shown, hidden = _rows([(None, each) for each in variables], verbosity)
    for _, variable in shown:
        if variable is None:
            continue
        cells: list[RenderableType] = [styled(variable.name)]
        if not narrow:
            cells.append(Text(_shape(variable, signs)))
        table.add_row(*cells, _gradient(variable), Text(_yes(variable)))
    _rest(table, hidden, signs)
    return table


def _rest(table: Table, hidden: int, signs: Glyphs) -> None:
    if hidden:
        table.add_row(Text(f"{signs.dots} {hidden} more (-v shows them)", style="dim"))


def _table(console: Console) -> Table:
    plain = glyphs(console) is ASCII or not console.is_terminal
    return Table(
        box=None if plain else box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 2, 0, 0) if plain else (0, 1),
        header_style="bold",
    )


def _rows(pairs: list[Pair], verbosity: int) -> tuple[list[Pair], int]:
    if verbosity > 0 or len(pairs) <= ROWS:
        return pairs, 0
    unwell_first = sorted(pairs, key=lambda pair: _well(pair[1]))
    return unwell_first[: ROWS - 1], len(pairs) - ROWS + 1


def _well(variable: VariableReport | None) -> bool:
    return variable is not None and variable.gradient in (Gradient.FLOWS, Gradient.NOT_ASKED)


def _shape(variable: VariableReport, signs: Glyphs) -> str:
    return shape_words(variable.shape).replace("x", signs.times) if variable.shape else shape_words(())


def _gradient(variable: VariableReport | None) -> Text:
    style = _STYLES.get(variable.gradient, "") if variable else "dim"
    return Text(gradient_words(variable), style=style)


def _yes(variable: VariableReport | None) -> str:
    if variable is None:
        return "-"
    return "yes" if variable.changed else "no"


def _sentences(
    when: str, step: StepReport, whereabouts: Whereabouts, verdict_reason: str | None
) -> list[RenderableType]:
    prefix = f"  {when}: "
    drawn: list[RenderableType] = []
    if step.reason is not None and step.reason == verdict_reason:
        # The verdict below says it.
        return _observations(prefix, step, whereabouts)
    if step.outcome is not Outcome.STEPPED or step.exception:
        drawn.append(styled(prefix + ending_words(step, whereabouts), "red" if step.exception else "yellow"))
        if step.exception and step.reason and step.exception.rstrip(".") not in step.reason:
            drawn.append(styled(f"    {step.reason}"))
    return drawn + _observations(prefix, step, whereabouts)


def _observations(prefix: str, step: StepReport, whereabouts: Whereabouts) -> list[RenderableType]:
    drawn: list[RenderableType] = []
    for symptom in step.symptoms:
        drawn.append(styled(prefix + symptom_words(symptom), "yellow"))
    for cut in step.cuts:
        where = whereabouts.line(cut.location.path, cut.location.span.start.line)
        lost = f" (lost: {', '.join(cut.variables)})" if cut.variables else ""
        drawn.append(styled(f"{prefix}the path ends at {where}: {cut_words(cut)}{lost}"))
    told = {(cut.location.path, cut.location.span.start.line) for cut in step.cuts}
    for other in step.places:
        if (other.path, other.line) not in told and (step.outcome is not Outcome.STEPPED or step.symptoms or step.cuts):
            where = whereabouts.line(other.path, other.line)
            drawn.append(styled(f"{prefix}look at {where}: {other.what}", "dim"))
    return drawn


def _data_line(data: str | None, supplied: tuple[str, ...], step: StepReport, signs: Glyphs) -> Text:
    words = data_words(data, supplied)
    versions = ", ".join(
        f"{name} {version}" for name, version in (("TensorFlow", step.tensorflow), ("Keras", step.keras)) if version
    )
    return styled("  " + "; ".join(part for part in (words, versions) if part), "dim")
