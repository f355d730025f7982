"""Growth: time and memory against lines per file, files per tree, findings per file and variables per model.

Each figure is one run of the command line over generated programs, without a cache: processor time of all processes,
and the peak of the largest. Growth is linear where the cost of one more stays what it was.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .measuring import Cost, TooLong, as_installed, cost, regrad, warm_up
from .result import Column, Comparison, Figures, Row, Table

TITLE = "Growth: lines, files, findings, variables"
PACKAGES = ("tensorflow", "keras", "libcst")
LINEAR = 1.25
"""The cost of a unit at the largest size over that at a smaller one, with a quarter to spare for noise."""
LINES = (100, 1_000, 10_000, 100_000)
FILES = (500, 2_000, 8_000)
FINDINGS = (1, 10, 100, 1_000)
VARIABLES = (10, 100, 1_000)
LINES_A_FILE = 60
HEAD = "import tensorflow as tf\nfrom tensorflow import keras\n"
SOUND = '''
def make_{n}(units):
    """Make a small network."""
    inputs = keras.Input((8,))
    x = keras.layers.Dense(units, activation="relu")(inputs)
    if units > {n}:
        x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


class Trainer_{n}:
    def __init__(self, model):
        self.model = model
        self.optimizer = keras.optimizers.Adam(1e-3)

    def step(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.model(x) - y))
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
        return loss


trainer_{n} = Trainer_{n}(make_{n}({n}))
for batch in range(10):
    loss_{n} = trainer_{n}.step(tf.random.normal((4, 8)), tf.random.normal((4, 1)))
'''
BROKEN = """
def train_{n}(x, y):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense({n}), keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam(1e-3)
    with tf.GradientTape() as tape:
        prediction = model(x)
    loss = tf.reduce_mean(tf.square(prediction - y))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))


train_{n}(tf.random.normal((4, 8)), tf.random.normal((4, 1)))
"""
TRAINING = """\
x, y = tf.random.normal((4, 8)), tf.random.normal((4, 1))
optimizer = keras.optimizers.SGD(1e-3)
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(tf.square(model(x) - y))
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", nargs="*", type=int, default=LINES, metavar="N", help="lengths of one program")
    parser.add_argument("--trees", nargs="*", type=int, default=FILES, metavar="N", help="numbers of files")
    parser.add_argument("--findings", nargs="*", type=int, default=FINDINGS, metavar="N", help="findings in one file")
    parser.add_argument("--variables", nargs="*", type=int, default=VARIABLES, metavar="N", help="variables of a model")
    parser.add_argument("--no-run", action="store_true", help="read the models with many variables, do not run them")
    parser.add_argument("--patience", type=float, default=400.0, metavar="SECONDS", help="the most for one command")


def measure(options: argparse.Namespace) -> Figures:
    sizes = (options.lines, options.trees, options.findings, options.variables)
    if options.quick:
        sizes = ((100, 1_000), (20, 40), (1, 10), (10,))
    lines, trees, findings, variables = sizes
    run = not (options.no_run or options.quick)
    with as_installed() as environment:
        warm_up(environment)
        tables = (
            of_lines(lines, environment, options.patience),
            of_files(trees, environment, options.patience),
            of_findings(findings, environment, options.patience),
            of_variables(variables, environment, options.patience, run=run),
        )
    return Figures(tables, () if options.quick else tuple(comparisons_of(*tables)))


def of_lines(sizes: Sequence[int], environment: Mapping[str, str], patience: float) -> Table:
    rows: list[Row] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as folder:
            text = repeated(SOUND, lines=size)
            Path(folder, "train.py").write_text(text, encoding="utf-8")
            started = time.process_time()
            ast.parse(text)
            parse = time.process_time() - started
            spent = _check(folder, environment, patience)
        rows.append({"size": size, "parse": parse, **_cost(spent, size), "ratio": _over(spent, parse)})
    columns = (
        Column("size", "lines", "count"),
        Column("parse", "ast.parse", "seconds"),
        Column("seconds", "check", "seconds"),
        Column("ratio", "over ast.parse", "ratio"),
        Column("each", "for one line", "microseconds"),
        Column("peak", "peak memory", "mebibytes"),
    )
    return Table("Lines of one program", columns, tuple(rows), _patience(patience))


def of_files(sizes: Sequence[int], environment: Mapping[str, str], patience: float) -> Table:
    rows: list[Row] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as folder:
            text = repeated(SOUND, lines=LINES_A_FILE)
            for number in range(size):
                Path(folder, f"program{number:05}.py").write_text(text + f"# {number}\n", encoding="utf-8")
            rows.append({"size": size, **_cost(_check(folder, environment, patience), size)})
    columns = (
        Column("size", "files", "count"),
        Column("seconds", "check", "seconds"),
        Column("each", "for one file", "milliseconds"),
        Column("peak", "peak memory", "mebibytes"),
    )
    return Table("Files of one tree", columns, tuple(rows), _patience(patience))


def of_findings(sizes: Sequence[int], environment: Mapping[str, str], patience: float) -> Table:
    rows: list[Row] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as folder:
            Path(folder, "train.py").write_text(repeated(BROKEN, pieces=size), encoding="utf-8")
            check = _check(folder, environment, patience)
            mend = _within(
                regrad("fix", "--diff", "--no-verify", "--isolated", "--output-format", "concise", folder),
                environment,
                patience,
            )
        rows.append(
            {
                "size": size,
                **_cost(check, size),
                **{f"mend_{key}": value for key, value in _cost(mend, size).items()},
            }
        )
    columns = (
        Column("size", "findings", "count"),
        Column("seconds", "check", "seconds"),
        Column("each", "for one finding", "milliseconds"),
        Column("peak", "peak memory", "mebibytes"),
        Column("mend_seconds", "fix --diff --no-verify", "seconds"),
        Column("mend_each", "for one finding", "milliseconds"),
        Column("mend_peak", "peak memory", "mebibytes"),
    )
    return Table("Findings in one file", columns, tuple(rows), _patience(patience))


def of_variables(sizes: Sequence[int], environment: Mapping[str, str], patience: float, *, run: bool) -> Table:
    rows: list[Row] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as folder:
            program = Path(folder, "train.py")
            program.write_text(model_of(size), encoding="utf-8")
            row: dict[str, float | None] = {"size": size, **_cost(_check(folder, environment, patience), size)}
            if run:
                bare = _within([sys.executable, program], environment, patience)
                seen = _within(regrad("verify", "--isolated", program), environment, patience)
                row |= {
                    "bare": None if bare is None else bare.wall,
                    "verify": None if seen is None else seen.wall,
                    "ratio": None if bare is None or seen is None else seen.wall / bare.wall,
                    "verify_peak": None if seen is None else seen.peak,
                }
        rows.append(row)
    columns = [
        Column("size", "variables", "count"),
        Column("seconds", "check", "seconds"),
        Column("each", "for one variable", "microseconds"),
        Column("peak", "peak memory", "mebibytes"),
    ]
    if run:
        columns += [
            Column("bare", "the script by itself, elapsed", "seconds"),
            Column("verify", "regrad verify, elapsed", "seconds"),
            Column("ratio", "over the script", "ratio"),
            Column("verify_peak", "peak memory", "mebibytes"),
        ]
    return Table("Variables of one model", tuple(columns), tuple(rows), _patience(patience))


def comparisons_of(lines: Table, files: Table, findings: Table, variables: Table) -> list[Comparison]:
    made = []
    for key, table, what, field in (
        ("lines", lines, "a line", "each"),
        ("files", files, "a file", "each"),
        ("findings", findings, "a finding, to check", "each"),
        ("mendings", findings, "a finding, to mend", "mend_each"),
    ):
        done = [(row["size"], value) for row in table.rows if isinstance(value := row.get(field), float)]
        # The start of the program is most of the cost of the smallest.
        if len(done) >= 3:
            (small, before), (large, after) = done[1], done[-1]
            title = f"cost of {what} among {large:,} over that among {small:,}"
            made.append(Comparison(f"linear.{key}", title, after / before, LINEAR, "linear growth, and noise", "ratio"))
        undone = [row["size"] for row in table.rows if row.get("seconds") is None]
        for size in undone:
            title = f"{size:,} of {what.partition(',')[0].removeprefix('a ')}s within the time given"
            made.append(Comparison(f"within.{key}", title, 0, 1, "all of them", "count", True))
    peaks = [row["peak"] for row in files.rows if isinstance(row["peak"], int)]
    if len(peaks) > 1:
        title = "peak memory at the largest number of files over that at the smallest"
        made.append(Comparison("memory.files", title, peaks[-1] / peaks[0], LINEAR, "flat memory, and noise", "ratio"))
    ratios = [ratio for row in variables.rows if isinstance(ratio := row.get("ratio"), float)]
    if ratios:
        title = "`regrad verify` over the bare script at the largest model, cold"
        made.append(Comparison("verify.variables", title, ratios[-1], 2.0, "twice the script", "ratio"))
    return made


def repeated(piece: str, *, lines: int = 0, pieces: int = 0) -> str:
    """A program of so many lines, or of so many pieces."""
    made = [HEAD]
    count = HEAD.count("\n")
    while count < lines or len(made) <= pieces:
        made.append(piece.replace("{n}", str(len(made))))
        count += piece.count("\n")
    return "".join(made)


def model_of(variables: int) -> str:
    """Layers that are written out, each with a kernel and a bias."""
    layers = "".join("    keras.layers.Dense(8),\n" for _ in range(variables // 2 - 1))
    model = f"model = keras.Sequential([\n    keras.Input((8,)),\n{layers}    keras.layers.Dense(1),\n])\n"
    return f"{HEAD}\n{model}{TRAINING}"


def _check(folder: str, environment: Mapping[str, str], patience: float) -> Cost | None:
    command = regrad("check", "--isolated", "--output-format", "concise", folder)
    return _within(command, environment, patience)


def _within(command: list[str | Path], environment: Mapping[str, str], patience: float) -> Cost | None:
    try:
        return cost(command, environment=environment, limit=patience, accepted=[0, 1])
    except TooLong:
        return None


def _cost(spent: Cost | None, size: int) -> dict[str, float | None]:
    if spent is None:
        return {"seconds": None, "each": None, "peak": None}
    return {"seconds": spent.seconds, "each": spent.seconds / size, "peak": spent.peak}


def _over(spent: Cost | None, parse: float) -> float | None:
    return None if spent is None else spent.seconds / parse


def _patience(seconds: float) -> str:
    return f"Nothing stands where {seconds:,.0f} s were not enough."
