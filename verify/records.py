"""Reads what a server answered into a step report, also when the program never got to report."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.verify.evidence import Gradient, Outcome, Place, StepReport, Symptom, Terms, VariableReport


@dataclass(frozen=True, slots=True)
class Pass:
    """One run in one mode: the report, and what only the verifier needs to know."""

    report: StepReport
    sensitive: tuple[str, ...] = ()
    """What the run met that could differ in the program's own mode."""
    hypothesis: Mapping[str, Any] = field(default_factory=dict)
    """How missing data was made up, so that the other side of a comparison gets the same."""
    unseen: frozenset[str] = frozenset()
    """Variables whose value before the step could not be read, so that `changed` says nothing."""
    retry: Mapping[str, Any] | None = None
    """A better guess at the missing data: this pass is void, the next uses it."""
    output: str = ""


def read_pass(answer: Mapping[str, Any], hello: Mapping[str, Any], timeout: float, memory: int | None) -> Pass:
    messages = answer.get("messages") or [{}]
    return Pass(
        read_report(answer, hello, timeout, memory),
        tuple(messages[-1].get("sensitive") or ()),
        messages[-1].get("hypothesis") or {},
        frozenset(item["name"] for item in messages[-1].get("variables") or () if not item.get("moved")),
        messages[-1].get("retry"),
        str(answer.get("output") or ""),
    )


def read_report(answer: Mapping[str, Any], hello: Mapping[str, Any], timeout: float, memory: int | None) -> StepReport:
    messages = answer.get("messages") or []
    versions: dict[str, Any] = {"tensorflow": hello.get("tensorflow"), "keras": hello.get("keras")}
    seconds = float(answer.get("seconds") or 0.0)
    if messages:
        try:
            return read_message(messages[-1], versions, seconds)
        except (KeyError, ValueError, TypeError) as error:
            return StepReport(Outcome.CRASHED, reason=f"The report of the run cannot be read: {error}", **versions)
    outcome, reason = how_it_ended(answer, timeout, memory)
    return StepReport(outcome, reason=reason, seconds=seconds, **versions)


def how_it_ended(answer: Mapping[str, Any], timeout: float, memory: int | None) -> tuple[Outcome, str]:
    if answer.get("killed") == "timeout":
        return Outcome.TIMEOUT, (
            f"No training step ended within {timeout:g} s: the program loops, waits, or needs a longer --timeout."
        )
    if answer.get("killed") == "memory":
        limit = (memory or 0) / 2**30
        return Outcome.CRASHED, f"The program used more than {limit:.1f} GiB of memory before its training step."
    if answer.get("signal") is not None:
        return (
            Outcome.CRASHED,
            f"The process died of {signal_name(int(answer['signal']))} before its training step was reported.",
        )
    return Outcome.CRASHED, (
        f"The process left with status {answer.get('code')} (os._exit, or its channels were closed)"
        " before its training step was reported."
    )


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def read_message(message: Mapping[str, Any], versions: Mapping[str, Any], seconds: float) -> StepReport:
    made = tuple(str(item) for item in message.get("supplied") or ())
    own = tuple(str(item) for item in message.get("own_data") or ())
    outcome = Outcome(message["outcome"])
    return StepReport(
        outcome=outcome,
        exception=message.get("exception"),
        exception_line=message.get("exception_line"),
        reason=message.get("reason"),
        loss=message.get("loss"),
        variables=tuple(read_variable(item) for item in message.get("variables") or ()),
        cuts=tuple(read_cut(item) for item in message.get("cuts") or ()),
        places=tuple(
            Place(str(item["what"]), str(item["path"]), int(item["line"])) for item in message.get("places") or ()
        ),
        symptoms=tuple(dict.fromkeys(Symptom(item) for item in message.get("symptoms") or ())),
        warnings=tuple(message.get("warnings") or ()),
        data=None if outcome is Outcome.UNAVAILABLE else ("synthetic" if made else "real"),
        supplied=(*made, *own),
        tensorflow=versions.get("tensorflow"),
        keras=versions.get("keras"),
        seconds=seconds,
        random=bool(message.get("random")),
        terms=Terms(*message["terms"]) if message.get("terms") else None,
        swallowed=message.get("swallowed"),
    )


def read_variable(item: Mapping[str, Any]) -> VariableReport:
    return VariableReport(
        name=item["name"],
        shape=tuple(item["shape"]),
        gradient=Gradient(item["gradient"]),
        norm=item.get("norm"),
        changed=bool(item["changed"]),
        trainable=bool(item["trainable"]),
        model=item.get("model"),
        optimizer=item.get("optimizer"),
        surplus=bool(item.get("surplus")),
    )


def read_cut(item: Mapping[str, Any]) -> Cut:
    span = Span(Position(item["line"], item["column"]), Position(item["end_line"], item["end_column"]))
    return Cut(
        CutKind(item["kind"]), Location(item["path"], span), item["operation"], tuple(item.get("variables") or ())
    )
