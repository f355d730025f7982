"""`regrad test-rules`: tries rules on the programs that their author wrote for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from regrad.cli import parameters
from regrad.cli.exit_status import ExitStatus
from regrad.cli.mistake import Mistake, did_you_mean

if TYPE_CHECKING:
    from regrad.codemods.engine.rule import Rule
    from regrad.repair.fixtures import Case, Result
    from regrad.verify import Verifier


def test_rules(
    path: Annotated[
        Path,
        typer.Argument(metavar="[PATH]", help="The folder with the programs, or the one that holds `fixtures`."),
    ] = Path(),
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Run one training step of the mended and the sound programs.")
    ] = False,
    output_format: parameters.StepOutput = parameters.StepFormat.TEXT,
    python: parameters.Python = None,
    timeout: parameters.Timeout = None,
) -> None:
    """Try rules on their fixtures: broken programs, the same ones mended, and sound ones.

    PATH holds a folder for each rule, named after it (`zero_learning_rate`), with the folders `broken`, `mended` and
    `sound` in it. Exit status: 0 all is as it should be, 1 something is not, 2 usage error.
    """
    from regrad.cli.named_files import require_interpreter
    from regrad.codemods.engine.registry import registry
    from regrad.repair import fixtures

    folder = path / "fixtures" if (path / "fixtures").is_dir() else path
    if not folder.is_dir():
        raise Mistake(f"{path} is not a folder.", "Name the folder that holds your rule's fixtures.")
    for problem in registry().broken:
        typer.echo(f"regrad: {problem}", err=True)
    rules = _rules(folder)
    found = fixtures.cases(folder, rules)
    require_interpreter(python)
    if verify:
        with _verifier(python, timeout) as verifier:
            results = [result for case in found for result in fixtures.results(case, verifier)]
    else:
        results = [result for case in found for result in fixtures.results(case)]
    pages = {rule.code: _page_complaint(rule) for rule in rules}
    if output_format is parameters.StepFormat.JSON:
        typer.echo(json.dumps(_object(rules, results, pages), indent=2, ensure_ascii=False))
    else:
        _tell(rules, results, pages)
    wrong = any(pages.values()) or any(result.complaint for result in results)
    raise typer.Exit(ExitStatus.FINDINGS if wrong else ExitStatus.CLEAN)


def _rules(folder: Path) -> tuple[Rule, ...]:
    """The rules that have a folder of programs here."""
    from regrad.codemods.engine import registry
    from regrad.repair.fixtures import KINDS, folder_name

    by_folder = {folder_name(rule): rule for rule in registry.rules()}
    named = sorted(each.name for each in folder.iterdir() if any((each / kind).is_dir() for kind in KINDS))
    unknown = [name for name in named if name not in by_folder]
    if unknown:
        near = did_you_mean(unknown[0], by_folder)
        raise Mistake(
            f"{folder / unknown[0]}: there is no rule {unknown[0].replace('_', '-')}.",
            near or "Is the package that brings it installed here, with an entry point in the group regrad.rules?",
        )
    if not named:
        raise Mistake(
            f"{folder} holds no programs for rules.",
            "Expected: a folder named after the rule, with `broken`, `mended` and `sound` in it.",
        )
    return tuple(by_folder[name] for name in named)


def _verifier(python: str | None, timeout: float | None) -> Verifier:
    from regrad.cli.settings import TIMEOUT
    from regrad.verify import Verifier

    return Verifier(python, timeout=timeout or TIMEOUT)


def _page_complaint(rule: Rule) -> str:
    from regrad.codemods.engine.registry import missing_headings, page

    missing = missing_headings(page(rule))
    return f"its page (the docstring of its module) lacks: {', '.join(missing)}" if missing else ""


def _of(rule: Rule, results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.case.rule is rule]


def _tell(rules: Sequence[Rule], results: Sequence[Result], pages: dict[str, str]) -> None:
    for rule in rules:
        own = _of(rule, results)
        wrong = [result for result in own if result.complaint]
        programs = len({result.case.place for result in own})
        failed = len(wrong) + bool(pages[rule.code])
        typer.echo(
            f"{rule.code} {rule.name}: {programs} programs, {len(own) + 1} checks, "
            + (f"{failed} failed" if failed else "all passed")
        )
        if pages[rule.code]:
            typer.echo(f"  page: {pages[rule.code]}")
        for result in wrong:
            first, *rest = result.complaint.split("\n")
            typer.echo(f"  {_place(result.case)} {result.check}: {first}")
            for line in rest:
                typer.echo(f"    {line}")


def _place(case: Case) -> str:
    return f"{case.kind}/{case.place.name}"


def _object(rules: Sequence[Rule], results: Sequence[Result], pages: dict[str, str]) -> dict[str, object]:
    listed = [
        {
            "code": rule.code,
            "name": rule.name,
            "page": pages[rule.code] or None,
            "checks": [
                {"path": str(result.case.place), "check": result.check, "complaint": result.complaint or None}
                for result in _of(rule, results)
            ],
        }
        for rule in rules
    ]
    failed = sum(bool(result.complaint) for result in results) + sum(map(bool, pages.values()))
    return {"version": 1, "rules": listed, "summary": {"checks": len(results) + len(rules), "failed": failed}}
