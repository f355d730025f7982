"""The loop for one program and the run over many, on an imagined world (see `imagined`)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

import pytest
from regrad.analysis.program import Program
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety
from regrad.repair.options import Options
from regrad.repair.outcome import Decision, FileOutcome, Status
from regrad.repair.session import Session
from regrad.verify.evidence import Verdict

from .imagined import ImaginedReader, ImaginedVerifier, by_count, renaming, unseen

HEAD = "import tensorflow\n"
UNVERIFIED = Options()
VERIFIED = Options(verify=True)


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(**files: str) -> list[str]:
    for name, text in files.items():
        Path(name + ".py").write_bytes((HEAD + text).encode())
    return [name + ".py" for name in files]


def run(
    paths: Sequence[str],
    rules: Sequence[Rule],
    options: Options = UNVERIFIED,
    judge: Callable[[str, str], Verdict] | None = None,
    *,
    write: bool = False,
    checking: bool = False,
    contents: Mapping[str, bytes] | None = None,
) -> tuple[dict[str, FileOutcome], ImaginedVerifier]:
    verifier = ImaginedVerifier(judge or by_count("bad"))
    with Session(options, rules=rules, reader=ImaginedReader, verifier=verifier, contents=contents) as session:
        outcomes = list(session.check(paths) if checking else session.fix(paths, write=write))
    assert len({outcome.path for outcome in outcomes}) == len(outcomes)
    return {outcome.path: outcome for outcome in outcomes}, verifier


def after(outcome: FileOutcome) -> str:
    assert outcome.after is not None
    return outcome.after.decode().removeprefix(HEAD)


def decisions(outcome: FileOutcome) -> list[Decision]:
    return [each.decision for each in outcome.findings]


def test_check_reports_and_changes_nothing() -> None:
    found, _ = run(put(a="bad = 1\n", b="fine = 1\n"), [renaming("T1", "bad", "good")], checking=True)
    assert decisions(found["a.py"]) == [Decision.REPORTED]
    assert found["a.py"].findings[0].mendings[0].title == "good"
    assert found["a.py"].findings[0].finding.evidence is None
    assert not found["a.py"].changed
    assert found["b.py"].findings == ()
    assert found["b.py"].before is None


def test_fix_without_a_run() -> None:
    found, verifier = run(put(a="bad = 1\nx = bad\n"), [renaming("T1", "bad", "good")], write=True)
    assert decisions(found["a.py"]) == [Decision.APPLIED] * 2
    assert after(found["a.py"]) == "good = 1\nx = good\n"
    assert Path("a.py").read_bytes() == found["a.py"].after
    assert found["a.py"].written
    assert not verifier.asked
    again, _ = run(["a.py"], [renaming("T1", "bad", "good")], write=True)
    assert again["a.py"].findings == ()


def test_preview_writes_nothing() -> None:
    found, _ = run(put(a="bad = 1\n"), [renaming("T1", "bad", "good")])
    assert found["a.py"].changed
    assert not found["a.py"].written
    assert "bad" in Path("a.py").read_text()


def test_rounds_go_on_until_nothing_is_left_and_places_are_those_on_disk() -> None:
    rules = [renaming("T1", "bad", "worse"), renaming("T2", "worse", "worst"), renaming("T3", "worst", "good")]
    found, _ = run(put(a="x = 1\nlonger_name = bad\n"), rules)
    assert after(found["a.py"]) == "x = 1\nlonger_name = good\n"
    assert [(each.finding.code, each.finding.location.span.start.line) for each in found["a.py"].findings] == [
        ("T1", 3),
        ("T2", 3),
        ("T3", 3),
    ]


def test_rules_that_undo_each_other_come_to_an_end() -> None:
    found, _ = run(put(a="bad = 1\n"), [renaming("T1", "bad", "good"), renaming("T2", "good", "bad")])
    assert after(found["a.py"]) == "good = 1\n"
    endless = renaming("T1", "bad", "[bad, bad]")
    found, _ = run(put(a="x = bad\n"), [endless], Options(max_rounds=4))
    assert after(found["a.py"]) == "x = [bad, bad]\n"


def following(*names: str) -> Rule:
    """A rule that has each of these names replaced by the next, so that its second finding stands in its first."""
    links = [renaming("T1", old, new) for old, new in pairwise(names)]

    def detect(program: Program) -> Iterable[Finding]:
        return chain.from_iterable(link.detect(program) for link in links)

    def mend(program: Program, finding: Finding) -> Mendings:
        return next(link for link in links if finding.name == link.name).mend(program, finding)

    return replace(links[0], detect=detect, mend=mend)


def test_what_follows_at_the_same_place_is_mended_in_the_same_run() -> None:
    for options in (UNVERIFIED, VERIFIED):
        found, _ = run(put(a="bad = 1\nfit()\n"), [following("bad", "worse", "good")], options)
        assert after(found["a.py"]) == "good = 1\nfit()\n"
        assert decisions(found["a.py"]) == [Decision.APPLIED] * 2
        assert {each.finding.location.span.start.line for each in found["a.py"].findings} == {2}


def test_what_follows_can_be_withdrawn_by_itself() -> None:
    def judge(before: str, after: str) -> Verdict:
        return Verdict.MENDED if "worse" in after else Verdict.IMPROVED

    found, _ = run(put(a="bad = 1\nfit()\n"), [following("bad", "worse", "good")], VERIFIED, judge)
    assert after(found["a.py"]) == "worse = 1\nfit()\n"
    assert decisions(found["a.py"]) == [Decision.APPLIED, Decision.WITHDRAWN]


def test_what_would_go_with_a_mending_is_withdrawn_with_it() -> None:
    rules = [renaming("T1", "bad", "good"), renaming("T2", "bad", "fine")]
    found, _ = run(put(a="bad = 1\nfit()\n"), rules, VERIFIED, lambda before, after: Verdict.UNCHANGED)
    assert not found["a.py"].changed
    assert decisions(found["a.py"]) == [Decision.WITHDRAWN] * 2
    assert "goes with the mending of T1, which is withdrawn" in (found["a.py"].findings[1].reason or "")


def test_unsafe_mendings_wait_for_the_flag() -> None:
    rules = [renaming("T1", "bad", "good", safety=Safety.UNSAFE)]
    found, _ = run(put(a="bad = 1\n"), rules)
    assert decisions(found["a.py"]) == [Decision.NEEDS_UNSAFE]
    assert not found["a.py"].changed
    found, verifier = run(put(a="bad = 1\nfit()\n"), rules, replace(VERIFIED, unsafe_fixes=True))
    assert decisions(found["a.py"]) == [Decision.APPLIED]
    assert verifier.asked[0][2] is False


def test_withheld_and_display_only_are_reported() -> None:
    rules = [renaming("T1", "bad"), renaming("T2", "poor", "rich", safety=Safety.DISPLAY_ONLY)]
    found, _ = run(put(a="bad = poor\n"), rules, Options(unsafe_fixes=True))
    assert decisions(found["a.py"]) == [Decision.REPORTED] * 2
    withheld = found["a.py"].findings[0].withheld
    assert withheld is not None
    assert withheld.reason == "nobody knows"


def test_a_run_confirms() -> None:
    found, verifier = run(put(a="bad = 1\nfit()\n"), [renaming("T1", "bad", "good")], VERIFIED)
    assert decisions(found["a.py"]) == [Decision.APPLIED]
    assert found["a.py"].evidence is not None
    assert found["a.py"].evidence.verdict is Verdict.MENDED
    assert found["a.py"].findings[0].evidence == found["a.py"].evidence
    ((before, later, same_loss),) = verifier.asked
    assert (before.overrides, same_loss) == ({}, True)
    assert "good" in later.overrides[os.path.realpath("a.py")]
    assert verifier.closed


@pytest.mark.parametrize("verdict", [Verdict.UNCHANGED, Verdict.WORSE, Verdict.WAS_NOT_BROKEN])
def test_what_is_not_confirmed_is_withdrawn(verdict: Verdict) -> None:
    found, _ = run(put(a="bad = 1\nfit()\n"), [renaming("T1", "bad", "good")], VERIFIED, lambda *_: verdict, write=True)
    outcome = found["a.py"]
    assert decisions(outcome) == [Decision.WITHDRAWN]
    assert not outcome.changed
    assert f"seen {verdict.value}" in (outcome.findings[0].reason or "")
    assert "bad" in Path("a.py").read_text()


def test_what_no_step_can_show_is_kept_and_said_so() -> None:
    sound = lambda *_: Verdict.WAS_NOT_BROKEN  # noqa: E731
    rules = [unseen(renaming("T1", "bad", "good")), renaming("T2", "poor", "rich")]
    found, _ = run(put(a="bad = poor\nfit()\n"), rules, VERIFIED, sound)
    first, second = found["a.py"].findings
    assert (first.decision, second.decision) == (Decision.APPLIED, Decision.WITHDRAWN)
    assert "not proved" in (first.reason or "")
    assert after(found["a.py"]) == "good = poor\nfit()\n"
    found, _ = run(put(a="bad = 1\nfit()\n"), rules[:1], replace(VERIFIED, require_verified=True), sound)
    assert decisions(found["a.py"]) == [Decision.WITHDRAWN]


def test_improved_is_kept_with_its_reason() -> None:
    found, _ = run(put(a="bad = bad2 = 1\nfit()\n"), [renaming("T1", "bad", "good")], VERIFIED)
    assert decisions(found["a.py"]) == [Decision.APPLIED]
    assert found["a.py"].findings[0].reason == "seen improved"


def test_what_cannot_be_verified_is_kept_and_said_so() -> None:
    judge = lambda *_: Verdict.NOT_VERIFIABLE  # noqa: E731
    rules = [renaming("T1", "bad", "good"), renaming("T2", "poor", "rich", "wealthy")]
    found, _ = run(put(a="bad = poor\nfit()\n"), rules, VERIFIED, judge)
    first, second = found["a.py"].findings
    assert (first.decision, first.reason) == (Decision.APPLIED, "not verified: seen not-verifiable")
    assert second.decision is Decision.AMBIGUOUS
    assert after(found["a.py"]) == "good = poor\nfit()\n"
    found, _ = run(put(a="bad = poor\nfit()\n"), rules, replace(VERIFIED, require_verified=True), judge)
    assert decisions(found["a.py"]) == [Decision.WITHDRAWN] * 2
    assert not found["a.py"].changed


def test_a_file_that_no_training_reaches_is_mended_unverified() -> None:
    found, verifier = run(put(a="bad = 1\n"), [renaming("T1", "bad", "good")], VERIFIED)
    assert decisions(found["a.py"]) == [Decision.APPLIED]
    assert "not verified: no training step" in (found["a.py"].findings[0].reason or "")
    assert not verifier.asked
    found, verifier = run(
        put(a="bad = 1\n"), [renaming("T1", "bad", "good")], replace(VERIFIED, entry="a.py --epochs 1")
    )
    assert verifier.asked[0][0].arguments == ("--epochs", "1")


def test_candidates_without_a_run_are_ambiguous() -> None:
    found, _ = run(put(a="bad = 1\n"), [renaming("T1", "bad", "good", "better")])
    assert decisions(found["a.py"]) == [Decision.AMBIGUOUS]
    assert not found["a.py"].changed


def test_the_first_candidate_that_is_mended_is_taken() -> None:
    rule = renaming("T1", "bad", "bad_too", "good", "better")
    found, verifier = run(put(a="bad = 1\nfit()\n"), [rule], VERIFIED)
    assert after(found["a.py"]) == "good = 1\nfit()\n"
    assert len(verifier.asked) == 2
    applied = found["a.py"].findings[0].applied
    assert applied is not None
    assert applied.title == "good"


def test_else_the_best_that_improves_is_taken() -> None:
    rule = renaming("T1", "bad", "bad_too", "good")
    found, _ = run(put(a="bad = bad_other = 1\nfit()\n"), [rule], VERIFIED)
    assert after(found["a.py"]) == "good = bad_other = 1\nfit()\n"


def test_of_several_mendings_only_those_that_hurt_are_withdrawn() -> None:
    rules = [renaming("T1", "bad", "good"), renaming("T2", "fine", "bad_now")]
    found, _ = run(put(a="bad = fine\nfit()\n"), rules, VERIFIED)
    assert after(found["a.py"]) == "good = fine\nfit()\n"
    assert decisions(found["a.py"]) == [Decision.APPLIED, Decision.WITHDRAWN]
    assert found["a.py"].evidence is not None
    assert found["a.py"].evidence.verdict is Verdict.MENDED


def test_when_nothing_helps_everything_is_withdrawn() -> None:
    rules = [renaming("T1", "bad", "bad1"), renaming("T2", "fine", "fair")]
    found, _ = run(put(a="bad = fine\nfit()\n"), rules, VERIFIED)
    assert decisions(found["a.py"]) == [Decision.WITHDRAWN] * 2
    assert not found["a.py"].changed


def test_the_number_of_runs_is_bounded() -> None:
    names = [f"n{number}" for number in range(40)]
    rules = [renaming(f"T{number:02}", name, "x" + name) for number, name in enumerate(names)]
    _, verifier = run(put(a=" = ".join(names) + " = bad\nfit()\n"), rules, VERIFIED)
    assert len(verifier.asked) <= 24


def test_a_finding_in_a_module_is_mended_once_and_verified_through_the_program_that_trains() -> None:
    paths = put(model="bad = 1\n", other="import model\nx = 1\n", train="import model\nfit(1)\n")
    found, verifier = run(paths, [renaming("T1", "bad", "good")], VERIFIED, write=True)
    assert len(found["model.py"].findings) == 1
    assert decisions(found["model.py"]) == [Decision.APPLIED]
    assert [before.path for before, _, _ in verifier.asked] == ["train.py"]
    assert set(verifier.asked[0][1].overrides) == {os.path.realpath("model.py")}
    assert found["train.py"].findings == ()
    # A module that was not asked for is reported where the mending must happen.
    put(model="bad = 1\n")
    found, _ = run(["train.py"], [renaming("T1", "bad", "good")])
    assert found["model.py"].changed


def test_several_files_are_one_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = put(model="bad = x\n", train="import model\nfit(1)\n")
    rule = renaming("T1", "bad", "good", also="2")
    found, _ = run(["train.py"], [rule], VERIFIED, write=True)
    assert after(found["model.py"]) == "good = x\n"
    assert after(found["train.py"]) == "import model\nfit(2)\n"
    assert found["train.py"].written
    put(model="bad = x\n", train="import model\nfit(1)\n")
    os.chmod("model.py", 0o444)
    # Root may write it all the same, and tests often run as root.
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("model.py"))
    before = [Path(path).read_bytes() for path in paths]
    found, _ = run(["train.py"], [rule], VERIFIED, write=True)
    assert [Path(path).read_bytes() for path in paths] == before
    assert "write-protected" in (found["model.py"].message or "")
    assert not any(outcome.written or outcome.changed for outcome in found.values())
    assert decisions(found["model.py"]) == [Decision.REPORTED]


def test_what_is_silenced_is_not_mended() -> None:
    paths = put(a="bad = 1  # regrad: ignore[T1]\nx = bad\n", b="bad = 1\n")
    options = Options(per_file_ignores=(("b.*", ("T1",)),))
    found, _ = run(paths, [renaming("T1", "bad", "good")], options)
    assert after(found["a.py"]) == "bad = 1  # regrad: ignore[T1]\nx = good\n"
    assert found["b.py"].findings == ()


def test_files_that_cannot_be_read() -> None:
    Path("syntax.py").write_text(HEAD + "x = = 1\n")
    Path("bytes.py").write_bytes(HEAD.encode() + b"\xff\n")
    Path("empty.py").touch()
    Path("a.ipynb").write_text('{"keras": 1')
    found, _ = run(["syntax.py", "bytes.py", "empty.py", "missing.py", "a.ipynb"], [renaming("T1", "bad", "good")])
    assert {path: outcome.status for path, outcome in found.items()} == {
        "syntax.py": Status.SYNTAX_ERROR,
        "bytes.py": Status.UNREADABLE,
        "empty.py": Status.OK,
        "missing.py": Status.UNREADABLE,
        "a.ipynb": Status.UNREADABLE,
    }
    assert all(outcome.message for path, outcome in found.items() if path != "empty.py")


def test_a_rule_that_fails_is_named_and_the_others_go_on() -> None:
    def detect(program: object) -> list[Finding]:
        raise KeyError("inside")

    def mend(program: object, finding: Finding) -> tuple[Mending, ...]:
        raise RecursionError

    broken = Rule("T8", "broken", "safe", "", detect, mend)
    found, _ = run(put(a="bad = 1\n"), [broken, renaming("T1", "bad", "good")])
    assert "T8" in (found["a.py"].message or "")
    assert decisions(found["a.py"]) == [Decision.APPLIED]
    half = replace(renaming("T1", "bad", "good"), mend=mend)
    found, _ = run(put(a="bad = 1\n"), [half])
    withheld = found["a.py"].findings[0].withheld
    assert withheld is not None
    assert "T1 failed" in withheld.reason


def test_a_mending_that_breaks_the_file_is_withheld() -> None:
    def mend(program: object, finding: Finding) -> tuple[Mending, ...]:
        return (Mending("x", Safety.SAFE, (Edit("a.py", finding.location.span, "("),)),)

    found, _ = run(put(a="bad = 1\n"), [replace(renaming("T1", "bad", "good"), mend=mend)])
    assert decisions(found["a.py"]) == [Decision.REPORTED]
    assert found["a.py"].findings[0].withheld is not None


def test_one_finding_that_goes_with_another_is_not_left_over() -> None:
    twin = replace(renaming("T2", "bad", "good"), name="twin")
    found, _ = run(put(a="bad = 1\n"), [renaming("T1", "bad", "good"), twin])
    assert decisions(found["a.py"]) == [Decision.APPLIED] * 2
    assert found["a.py"].findings[1].reason == "gone with the mending of T1"


def test_an_editors_text_is_mended_in_memory() -> None:
    content = (HEAD + "bad = 1\n").encode()
    found, _ = run([], [renaming("T1", "bad", "good")], write=True, contents={"no/such/a.py": content})
    assert after(found["no/such/a.py"]) == "good = 1\n"
    assert not os.path.exists("no")
    found, _ = run([], [renaming("T1", "bad", "good")], contents={"a.py": b"x = 1\n"})
    assert found["a.py"].after == b"x = 1\n"


def test_a_notebook_is_run_as_its_program_and_mended_in_its_cell() -> None:
    cells = ["import tensorflow\n", "%time\nbad = 1\nfit()"]
    document = json.dumps({"cells": [{"cell_type": "code", "source": cell, "id": "é"} for cell in cells]}, indent=2)
    Path("a.ipynb").write_text(document)
    found, verifier = run(["a.ipynb"], [renaming("T1", "bad", "good")], VERIFIED, write=True)
    assert decisions(found["a.ipynb"]) == [Decision.APPLIED]
    before, later, _ = verifier.asked[0]
    assert "bad = 1" in before.overrides[os.path.realpath("a.ipynb")]
    assert "good = 1" in later.overrides[os.path.realpath("a.ipynb")]
    assert Path("a.ipynb").read_text() == document.replace("bad", "good")


def test_line_breaks_and_encoding_survive() -> None:
    content = b"# coding: latin-1\r\nimport tensorflow\r\nbad = '\xe9'"
    Path("a.py").write_bytes(content)
    run(["a.py"], [renaming("T1", "bad", "good")], write=True)
    assert Path("a.py").read_bytes() == content.replace(b"bad", b"good")


def test_places_of_a_later_round_are_told_as_the_user_has_them(tmp_path: Path) -> None:
    """The second finding shows only in the text that the first mending made, where the line is longer."""
    program = tmp_path / "critic.py"
    goal = "goal = reward + 0.9 * (1 - ended) * slow(later)"
    program.write_text(
        "import numpy as np\n"
        "import tensorflow as tf\n\n"
        "now, later = np.random.rand(8, 3), np.random.rand(8, 3)\n"
        "reward, ended = np.random.rand(8), np.random.rand(8)\n"
        "fast = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])\n"
        "slow = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])\n"
        f"{goal}\n"
        "with tf.GradientTape() as tape:\n"
        "    loss = tf.reduce_mean((goal - fast(now)) ** 2)\n"
        "gradients = tape.gradient(loss, fast.trainable_variables)\n"
        "tf.keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, fast.trainable_variables))\n"
    )
    with Session(UNVERIFIED) as opened:
        (outcome,) = opened.fix([str(program)], write=False)
    spans = sorted(each.finding.location.span for each in outcome.findings)
    starts = [goal.index("reward") + 1, goal.index("0.9") + 1]
    assert [(span.start.line, span.start.column) for span in spans] == [(8, start) for start in starts]
    assert [(span.end.line, span.end.column) for span in spans] == [(8, len(goal) + 1)] * 2


def test_of_two_faults_on_one_way_neither_hides_the_other(tmp_path: Path) -> None:
    """The forward pass is outside of the tape, and the loss, in another file, is NumPy's."""
    (tmp_path / "losses.py").write_text(
        "import numpy as np\n\n\ndef cost(y, p):\n    return np.mean(np.square(y - p))\n"
    )
    program = tmp_path / "train.py"
    program.write_text(
        "import tensorflow as tf\n"
        "from losses import cost\n\n"
        "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n"
        "optimizer = tf.keras.optimizers.Adam()\n"
        "x, y = tf.random.normal((8, 3)), tf.random.normal((8, 1))\n"
        "p = model(x)\n"
        "with tf.GradientTape() as tape:\n"
        "    loss = cost(y, p)\n"
        "gradients = tape.gradient(loss, model.trainable_variables)\n"
        "optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
    )
    with Session(UNVERIFIED) as opened:
        outcomes = {Path(each.path).name: each for each in opened.fix([str(program)], write=True)}
    assert "    p = model(x)\n    loss = cost(y, p)\n" in program.read_text()
    assert "tf.reduce_mean(tf.square(y - p))" in (tmp_path / "losses.py").read_text()
    assert all(decision is Decision.APPLIED for each in outcomes.values() for decision in decisions(each))
    with Session(UNVERIFIED) as opened:
        assert not [finding for each in opened.check([str(program)]) for finding in each.findings]


def test_a_run_sees_what_was_mended_in_its_own_files_and_nothing_of_other_programs() -> None:
    texts = {"first": "bad = 1\nfit()\n", "second": "import part\nbad = 2\nfit()\n", "part": "bad = 3\n"}
    _, verifier = run(put(**texts), [renaming("T1", "bad", "good")], VERIFIED)
    laid = {Path(after.path).name: {Path(path).name for path in after.overrides} for _, after, _ in verifier.asked}
    assert laid["first.py"] == {"first.py"}
    assert laid["second.py"] <= {"second.py", "part.py"}
