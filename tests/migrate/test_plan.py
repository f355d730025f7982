"""A plan: written, read by people, edited, applied, and refused where a repository has moved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from regrad.migrate import plan
from regrad.migrate.plan import BadPlan, PlannedRepository
from regrad.migrate.request import Settings
from regrad.migrate.results import State, read_results
from regrad.repair.options import Options
from regrad.repair.outcome import Decision

from .repositories import BROKEN, FROZEN, LATE, SOUND, commit, git, planned, repository, request, run, state

FILES = {"a.py": BROKEN, "b.py": LATE, "c.py": FROZEN, "d.py": SOUND}


def written(tmp_path: Path, *tops: Path, **changes: object) -> dict[str, Any]:
    """The document of a plan for the repositories, written to `plan.json`."""
    found = planned(request(tmp_path / "planned", *tops, planning=True, **changes))
    assert all(isinstance(each, PlannedRepository) for each in found)
    plan.write(tmp_path / "plan.json", found, {"rules": "all"}, 2)  # type: ignore[arg-type]
    document: dict[str, Any] = json.loads((tmp_path / "plan.json").read_text())
    return document


def applied(tmp_path: Path, top: Path, document: dict[str, Any]) -> Any:
    (tmp_path / "plan.json").write_text(json.dumps(document))
    return run(request(tmp_path / "out", top, plan=plan.read(tmp_path / "plan.json")))[0]


def test_a_plan_says_what_would_be_done_and_does_nothing(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    before = state(top)
    document = written(tmp_path, top)
    (models,) = document["repositories"]
    assert models["revision"] == git(top, "rev-parse", "HEAD")
    assert models["target"] == str(top)
    programs = {program["files"][0]["path"]: program for program in models["programs"]}
    assert sorted(programs) == ["a.py", "b.py", "c.py"]
    (finding,) = programs["a.py"]["files"][0]["findings"]
    assert (finding["code"], finding["line"], finding["do"], finding["safety"]) == ("RG401", 10, True, "safe")
    assert finding["mending"] == "move it into the tape"
    assert programs["c.py"]["files"][0]["findings"][0]["do"] is False
    assert programs["c.py"]["verification"] == "nothing would be mended"
    assert state(top) == before
    assert git(top, "branch", "--list", "regrad/*") == ""
    (result,) = read_results(tmp_path / "planned").repositories()
    assert (result.state, result.totals.findings, result.totals.mended) == (State.PLANNED, 3, 0)


def test_how_each_would_be_verified_and_how_long_it_takes(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN, "b.py": LATE})

    def settings(top: str, start: str) -> Settings:
        return Settings(Options(root=top, verify=True, jobs=1), ("a.py --epochs 1",))

    document = written(tmp_path, top, settings=settings)
    programs = {each["files"][0]["path"]: each for each in document["repositories"][0]["programs"]}
    assert programs["a.py"]["verification"] == "one training step of a.py --epochs 1 before and after"
    assert programs["b.py"]["verification"] == "one training step of its own before and after"
    assert programs["a.py"]["estimated_seconds"] >= plan.SECONDS_A_PROGRAM
    assert document["estimated_seconds"] > 0


def test_what_the_plan_says_is_done_and_nothing_else(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    document = written(tmp_path, top)
    for program in document["repositories"][0]["programs"]:
        for file in program["files"]:
            for finding in file["findings"]:
                # The unsafe one is wanted, one safe one is not.
                finding["do"] = finding["code"] != "RG402"
    result = applied(tmp_path, top, document)
    assert result.commits == ("Mend RG202 untrained-layer-frozen", "Mend RG401 forward-outside-tape")


def test_what_is_deleted_from_the_plan_stays(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": BROKEN + "\n\n" + BROKEN, "b.py": LATE})
    document = written(tmp_path, top)
    programs = document["repositories"][0]["programs"]
    del programs[1]
    del programs[0]["files"][0]["findings"][0]
    result = applied(tmp_path, top, document)
    assert result.totals.mended == 1
    outcome = next(file.outcome for file in read_results(tmp_path / "out").files())
    assert [each.decision for each in outcome.findings] == [Decision.REPORTED, Decision.APPLIED]


def test_a_repository_that_has_moved_is_said_to_have(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    document = written(tmp_path, top)
    commit(top, {"d.py": SOUND + "\n"})
    result = applied(tmp_path, top, document)
    assert result.state is State.MOVED
    assert "moved since the plan was made" in (result.message or "")
    assert git(top, "branch", "--list", "regrad/*") == ""


def test_a_folder_that_has_changed_is_said_to_have(tmp_path: Path) -> None:
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / "a.py").write_text(BROKEN)
    document = written(tmp_path, folder)
    assert applied(tmp_path, folder, document).totals.mended == 1
    (folder / "a.py").write_text(BROKEN + "\n")
    assert applied(tmp_path, folder, document).state is State.MOVED


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda document: "{", "is not JSON"),
        (lambda document: "[]", "is not a plan"),
        (lambda document: json.dumps({**document, "version": 99}), "not a plan of this version"),
        (lambda document: json.dumps({**document, "repositories": [{"name": 1}]}), "not a plan as regrad writes it"),
        (lambda document: json.dumps(document).replace('"do": true', '"do": "yes"'), "must be true or false"),
    ],
)
def test_what_is_no_plan(edit: Any, message: str, tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    document = written(tmp_path, top)
    (tmp_path / "plan.json").write_text(edit(document))
    with pytest.raises(BadPlan, match=message):
        plan.read(tmp_path / "plan.json")


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", FILES)
    found = planned(request(tmp_path / "planned", top, planning=True))
    made = plan.write(tmp_path / "plan.json", found, {}, 1)  # type: ignore[arg-type]
    assert plan.read(tmp_path / "plan.json") == made
    assert replace(made, about="") != made
