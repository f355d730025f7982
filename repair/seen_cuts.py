"""From a run that lost gradients to what can be mended: its cuts with the texts that were run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from regrad.analysis.cut import CutKind
from regrad.analysis.location import Location

if TYPE_CHECKING:
    from regrad.analysis.source import SourceFile
    from regrad.codemods.engine.seen import Seen
    from regrad.verify.evidence import StepReport

TAPE_OPENED = "the tape is opened here"
VARIABLE_MADE = "the variable is made here"
ASKED = "the gradients are asked for here"


def seen_in(report: StepReport, files: Mapping[str, SourceFile]) -> tuple[Seen, ...]:
    """The cuts of a run that was not sound, by the paths under which the program was read."""
    from regrad.codemods.engine.seen import CODES, WHERE_MADE, Seen
    from regrad.codemods.engine.seen_infinite import OPERATIONS
    from regrad.verify.faults import sound

    if sound(report):
        return ()
    known = {os.path.realpath(path): path for path in files}
    tape = next((place.line for place in report.places if place.what == TAPE_OPENED), None)
    found = []
    for cut in report.cuts:
        if cut.kind in WHERE_MADE or cut.kind is CutKind.NOT_WATCHED:
            what = ASKED if cut.kind is CutKind.NOT_WATCHED else VARIABLE_MADE
            for place in report.places:
                path = known.get(os.path.realpath(place.path))
                if place.what == what and path is not None:
                    own = replace(cut, location=Location(path, cut.location.span))
                    found.append(Seen(own, files[path].text, tape, place.line))
            continue
        path = known.get(os.path.realpath(cut.location.path))
        if cut.kind is CutKind.NON_FINITE and (report.data != "real" or cut.operation not in OPERATIONS):
            # What was put in the place of missing data may be what is infinite, as a negative number under a root.
            continue
        if path is not None and (cut.kind in CODES or cut.kind is CutKind.NEVER_USED):
            outside = cut.kind in (CutKind.BEFORE_TAPE, CutKind.AFTER_TAPE)
            own = replace(cut, location=Location(path, cut.location.span))
            found.append(Seen(own, files[path].text, tape if outside else None))
    return tuple(found)
