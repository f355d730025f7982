"""The command of all benchmarks, on smoke runs that need no TensorFlow, and what runs cost."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from regrad.bench import __main__ as command
from regrad.bench import inputs, machine, measuring
from regrad.bench.growth import BROKEN, SOUND, model_of, repeated
from regrad.bench.page import PAGE
from regrad.bench.result import Missing, read
from regrad.bench.rivals import linters


def test_a_smoke_run_gives_figures_and_leaves_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = PAGE.read_bytes()
    assert command.main(["start_up", "--quick", "--results", str(tmp_path)]) == 0
    result = read(tmp_path / "start_up.json")
    (table,) = result.tables
    ratios = {row["command"]: row["ratio"] for row in table.rows if row["state"] == "never seen before"}
    assert ratios["Python that imports typer"] == 1.0
    assert float(str(ratios["an empty Python"])) < 1.0 < float(str(ratios["regrad check"]))
    assert result.command == "python -m bench start_up --quick"
    assert "A file of about 300 lines" in capsys.readouterr().out
    assert PAGE.read_bytes() == before


def test_what_a_benchmark_lacks_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command.main(["detection", "--results", str(tmp_path)]) == 2
    assert "give their folders with --cases" in capsys.readouterr().err
    assert command.main(["silence", "--results", str(tmp_path)]) == 2
    assert "--collections" in capsys.readouterr().err
    assert command.main(["detection", "--cases", str(tmp_path), "--results", str(tmp_path)]) == 2
    assert "holds no cases" in capsys.readouterr().err


def test_how_to_get_a_missing_tool_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(linters.PACKAGES, "torchfix", "a-package-that-nobody-has")
    with pytest.raises(Missing, match="pip install torchfix fixit ruff libcst"):
        linters.version(Path(sys.executable), "torchfix")


def test_the_command_is_told_without_places(tmp_path: Path) -> None:
    parser = command.parser()
    words = ["reading", "--collections", str(tmp_path / "collections"), "--named", "docs", "keras-io", "--files", "50"]
    options = parser.parse_args(words)
    told = inputs.told(options.parser, options, options.name)
    assert told == "python -m bench reading --collections .../collections --named docs keras-io --files 50"


def test_collections_are_named_or_left_out(tmp_path: Path) -> None:
    for name in ("docs", "keras", "keras-io"):
        (tmp_path / name).mkdir()

    def chosen(*words: str) -> list[str]:
        options = command.parser().parse_args(["silence", "--collections", str(tmp_path), *words])
        return [path.name for path in inputs.collection_folders(options)]

    assert chosen() == ["docs", "keras", "keras-io"]
    assert chosen("--named", "docs", "keras") == ["docs", "keras"]
    assert chosen("--omit", "docs") == ["keras", "keras-io"]
    with pytest.raises(Missing, match="has no tensorflow"):
        chosen("--omit", "tensorflow")


def test_all_takes_the_arguments_of_all(tmp_path: Path) -> None:
    options = command.parser().parse_args(
        ["all", "--quick", "--cases", str(tmp_path), "--lines", "100", "--tools", sys.executable, "--except", "repair"]
    )
    assert options.cases == [tmp_path] and options.lines == [100] and options.left_out == ["repair"]


def test_processor_time_counts_children(tmp_path: Path) -> None:
    busy = "sum(number * number for number in range(3_000_000))"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    alone = measuring.cost([sys.executable, "-c", busy], accepted=[0])
    inside = measuring.cost([sys.executable, "-c", nested], accepted=[0])
    idle = measuring.cost([sys.executable, "-c", "pass"], accepted=[0])
    assert inside.seconds > idle.seconds + (alone.seconds - idle.seconds) / 2


def test_the_peak_is_that_of_the_command() -> None:
    small = measuring.cost([sys.executable, "-I", "-S", "-c", "pass"], accepted=[0])
    large = measuring.cost([sys.executable, "-I", "-S", "-c", "text = bytearray(100_000_000)"], accepted=[0])
    assert small.peak < 50 * 2**20
    assert large.peak > small.peak + 90 * 2**20


def test_what_hangs_is_stopped() -> None:
    with pytest.raises(measuring.TooLong):
        measuring.cost([sys.executable, "-c", "import time; time.sleep(60)"], limit=0.5)


def test_a_failure_is_told_with_what_was_printed() -> None:
    with pytest.raises(SystemExit, match="no such thing"):
        measuring.cost([sys.executable, "-c", "raise SystemExit('no such thing')"], accepted=[0])


@pytest.mark.parametrize("text", [repeated(SOUND, lines=100), repeated(BROKEN, pieces=3), model_of(10)])
def test_generated_programs_are_programs(text: str) -> None:
    compile(text, "generated.py", "exec")


def test_generated_sizes_are_those_asked_for() -> None:
    assert 1_000 <= repeated(SOUND, lines=1_000).count("\n") < 1_050
    assert repeated(BROKEN, pieces=7).count("def train_") == 7
    assert model_of(10).count("keras.layers.Dense(") == 5


def test_parts_of_other_versions_are_told() -> None:
    now = machine.regrad_version()
    assert machine.measured_with([]) == {}
    assert machine.measured_with([now, now]) == {}
    assert machine.measured_with([now, "0.0.1"])["regrad that measured the parts"] == "; ".join(sorted([now, "0.0.1"]))


def test_every_benchmark_says_what_it_is() -> None:
    titles = command.titles()
    assert len(set(titles.values())) == len(command.NAMES)
    for name in command.NAMES:
        assert command.module(name).__doc__ and json.dumps(list(command.module(name).PACKAGES))
