"""Scoring: recall by cause, false alarms, what counts as mended, what a judged report is worth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from regrad.bench import detection, repair, silence
from regrad.bench.cases import Program, copied, laid_out, programs
from regrad.bench.repair import OURS, Attempt

CAUSES = {"RG401": frozenset({"forward-outside-tape"}), "RG105": frozenset({"singleton-softmax"})}


def program(case: str, kind: str, side: str) -> Program:
    return Program(case, kind, side, Path(case, f"{side}.py"), {})


def scored(*found: tuple[Program, set[str]]) -> detection.Score:
    return detection.score([each for each, _ in found], [frozenset(rules) for _, rules in found], CAUSES)


def test_only_the_right_cause_counts() -> None:
    score = scored(
        (program("a", "forward-outside-tape", "buggy"), {"RG401"}),
        (program("b", "forward-outside-tape", "buggy"), {"RG105"}),
        (program("c", "singleton-softmax", "buggy"), set()),
    )
    assert (score.named, score.broken) == (1, 3)
    assert dict(score.right) == {"forward-outside-tape": 1}
    assert dict(score.total) == {"forward-outside-tape": 2, "singleton-softmax": 1}
    assert [case for case, *_ in score.missed] == ["b", "c"]


def test_every_report_on_a_sound_program_is_an_alarm() -> None:
    score = scored(
        (program("a", "forward-outside-tape", "buggy"), {"RG401"}),
        (program("a", "forward-outside-tape", "fixed"), {"RG105"}),
        (program("b", "correct", "ok"), set()),
        (program("c", "correct", "ok"), {"RG401"}),
    )
    assert (score.alarms, score.sound) == (2, 3)
    assert [(case, side) for case, side, _ in score.alarmed] == [("a", "fixed"), ("c", "ok")]


def test_a_rule_that_speaks_about_both_twins_tells_nothing_apart() -> None:
    score = scored(
        (program("a", "forward-outside-tape", "buggy"), {"RG401"}),
        (program("a", "forward-outside-tape", "fixed"), {"RG401"}),
        (program("b", "forward-outside-tape", "buggy"), {"RG401", "style"}),
        (program("b", "forward-outside-tape", "fixed"), {"RG401"}),
    )
    assert (score.named, score.told_apart) == (2, 1)


def test_comparisons_name_each_rival() -> None:
    ours = scored((program("a", "forward-outside-tape", "buggy"), {"RG401"}))
    words = scored((program("a", "forward-outside-tape", "buggy"), set()))
    made = {each.key: each for each in detection.comparisons_of("set", {"regrad": ours, "words": words})}
    assert made["recall.set.words"].ours == 1 and made["recall.set.words"].theirs == 0
    assert all(each.ahead for each in made.values())


def attempt(contender: str = OURS, **changes: object) -> Attempt:
    usual: dict[str, object] = {
        "contender": contender,
        "case": "a",
        "kind": "tape-exhausted",
        "changed": True,
        "silent": False,
        "sound": True,
        "proved": True,
        "claimed": "mended" if contender == OURS else None,
        "seconds": 1.0,
    }
    return Attempt(**{**usual, **changes})  # type: ignore[arg-type]


def test_mended_is_changed_and_runs_and_is_proved() -> None:
    assert attempt().mended
    assert not attempt(changed=False).mended
    assert not attempt(sound=False).mended
    assert not attempt(proved=False).mended


def test_a_claim_is_wrong_where_the_program_still_complains() -> None:
    assert attempt(sound=False).wrongly_called_mended
    assert not attempt().wrongly_called_mended
    assert not attempt(sound=False, claimed="unchanged").wrongly_called_mended


def test_repair_tables_and_comparisons_count_alike() -> None:
    attempts = [
        attempt(case="a"),
        attempt(case="b", sound=False, problem="status 1"),
        attempt("doing nothing", case="a", changed=False, sound=False, proved=False),
        attempt("doing nothing", case="b", changed=False, sound=False, proved=False),
    ]
    overview, kinds, left = repair.tables_of("set", attempts)
    assert [row["mended"] for row in overview.rows] == ["1 of 2", "0 of 2"]
    assert overview.rows[0]["wrongly"] == 1 and overview.rows[1]["wrongly"] is None
    assert kinds.rows[0]["mended"] == "1 of 2"
    assert [row["case"] for row in left.rows] == ["b"]
    made = {each.key: each for each in repair.comparisons_of("set", attempts)}
    assert made["runs.set"].ours == 0.5
    assert not made["wrongly.set"].ahead
    assert made["mended.set.doing nothing"].ahead


def test_contenders_are_compared_on_what_both_tried() -> None:
    attempts = [attempt(case="a", sound=False), attempt(case="b"), attempt("words", case="b", proved=False)]
    made = {each.key: each for each in repair.comparisons_of("set", attempts)}
    assert (made["mended.set.words"].ours, made["mended.set.words"].theirs) == (1.0, 0.0)


def test_attempts_are_kept_and_found_again(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    repair._keep(journal, "set", attempt())
    repair._keep(journal, "another", attempt(case="b"))
    assert repair._journal(journal, "set") == {(OURS, "a"): attempt()}


def tree(name: str, *reports: tuple[str, int, str]) -> silence.Tree:
    made = silence.Tree(name, files=10, relevant=5)
    made.reports = [silence.Report(path, line, code, "message", "source") for path, line, code in reports]
    return made


def test_reports_are_worth_what_was_judged() -> None:
    judged = {("c", "a.py", 1, "RG401"): "defect", ("c", "a.py", 2, "RG401"): "false"}
    found = [tree("c", ("a.py", 1, "RG401"), ("a.py", 2, "RG401"), ("b.py", 3, "RG105")), tree("quiet")]
    figures = silence.figures_of(found, {"c": {"repository": "some/c", "revision": "abc"}}, judged)
    together = figures.tables[1].rows[-1]
    assert (together["reports"], together["defects"], together["false"], together["open"]) == (3, 1, 1, 1)
    assert figures.tables[1].rows[0]["collection"] == "some/c"
    made = {each.key: each for each in figures.comparisons}
    assert made["precision"].ours == 0.5 and not made["precision"].ahead
    assert made["not_judged"].ours == 1 and not made["not_judged"].ahead


def test_nothing_judged_gives_no_precision() -> None:
    figures = silence.figures_of([tree("c", ("a.py", 1, "RG401"))], {}, {})
    assert "precision" not in {each.key for each in figures.comparisons}


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    folder = tmp_path / "cases"
    for case, kind, names in (
        ("one", "tape-exhausted", ("buggy.py", "fixed.py")),
        ("two", "correct", ("ok.py",)),
        ("three", "left-tensorflow", ("buggy/train.py", "buggy/model.py", "fixed/train.py")),
    ):
        for name in names:
            place = folder / case / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("pass\n", encoding="utf-8")
        (folder / case / "case.json").write_text(f'{{"kind": "{kind}", "entry": "train.py"}}', encoding="utf-8")
    return folder


def test_all_sides_of_all_cases_are_read(cases: Path) -> None:
    found = [(each.case, each.side) for each in programs(cases)]
    assert found == [("one", "buggy"), ("one", "fixed"), ("three", "buggy"), ("three", "fixed"), ("two", "ok")]
    assert [each.case for each in programs(cases, "left-tensorflow")] == ["three", "three"]


def test_a_copy_has_nothing_of_the_case_beside_it(cases: Path, tmp_path: Path) -> None:
    laid = laid_out(programs(cases), tmp_path / "laid")
    assert not list((tmp_path / "laid").rglob("case.json"))
    package = next(each for each in laid if each.case == "three" and each.broken)
    assert [path.name for path in package.files] == ["model.py", "train.py"]
    assert package.entry.name == "train.py"
    assert copied(package, tmp_path / "again").place.is_dir()


def test_a_collection_is_kept_and_found_again(tmp_path: Path) -> None:
    made = tree("c", ("a.py", 1, "RG401"))
    made.rivals["words"] = 3
    (tmp_path / "c.json").write_text(json.dumps(asdict(made)), encoding="utf-8")
    assert silence._kept(tmp_path, "c") == made
    assert silence._kept(tmp_path, "d") is None
    assert silence._kept(None, "c") is None
