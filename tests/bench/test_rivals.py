"""The rules of others, as they are re-run here: each speaks up where its publication says, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.bench.cases import CAUSES
from regrad.bench.rivals import advice
from regrad.bench.rivals.keras_source import see
from regrad.bench.rivals.linters import Linter
from regrad.bench.rivals.naive import Naive
from regrad.bench.rivals.neuralint import NeuraLint
from regrad.bench.rivals.umlaut import Umlaut

HEAD = "from keras import layers\nimport keras\n"


def rules(folder: Path, body: str) -> frozenset[str]:
    path = folder / "train.py"
    path.write_text(HEAD + body, encoding="utf-8")
    return NeuraLint().rules(path)


def model(*made: str, loss: str = '"mse"') -> str:
    listed = ", ".join(f"layers.{each}" for each in made)
    return f"model = keras.Sequential([{listed}])\nmodel.compile(loss={loss})\nmodel.fit(x, y)\n"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (model("Dense(3)", loss='"categorical_crossentropy"'), "last layer activation missing"),
        (model("Dense(1)", loss='"binary_crossentropy"'), "last layer activation missing"),
        (model('Dense(1, "softmax", activation="softmax")', loss='"binary_crossentropy"'),
         "binary classification without sigmoid"),
        (model('Dense(3, activation="softmax")', loss="keras.losses.CategoricalCrossentropy(from_logits=True)"),
         "loss connected before or after the activation"),
        (model('Dense(1, activation="softmax")', loss='"categorical_crossentropy"'),
         "loss connected before or after the activation"),
        (model('Dense(3, kernel_initializer="zeros", activation="relu")', "Dense(1)"), "constant weights"),
        (model('Dense(3, bias_initializer="ones", activation="relu")', "Dense(1)"), "biases not zero"),
        (model('Dense(3, activation="relu")', 'Activation("relu")', "Dense(1)"), "repeated activation"),
        (model("Dense(3)", "Dense(1)"), "no non-linear activation"),
        (model("Dense(3)", "BatchNormalization()", "ReLU()", "Dense(1)"), "bias before batch normalisation"),
        (model("Dropout(0.5)", "BatchNormalization()", "Dense(1)"), "dropout before batch normalisation"),
        (model("Dropout(0.5)", "MaxPooling2D()", "Flatten()", "Dense(1)"), "dropout before pooling"),
        (model('Conv2D(8, 3, activation="relu")', "Dense(1)"), "missing flatten"),
        (model('Conv2D(8, 3, activation="relu")', 'Conv2D(4, 3, activation="relu")'), "fewer filters"),
        (model('Conv2D(8, 5, activation="relu")', 'Conv2D(8, 3, activation="relu")'), "smaller windows"),
        (model('Dense(3, activation="relu")', 'Dense(9, activation="relu")'), "wider dense layers"),
        ("model = keras.Sequential([layers.Dense(1)])\nmodel.compile()\n", "not minimised step by step"),
    ],
    ids=lambda value: value if "\n" not in value else "",
)  # fmt: skip
def test_neuralint_speaks_up(tmp_path: Path, body: str, rule: str) -> None:
    assert rule in rules(tmp_path, body)


@pytest.mark.parametrize(
    "body",
    [
        model('Dense(16, activation="relu")', 'Dense(3, activation="softmax")', loss='"categorical_crossentropy"'),
        model(
            'Dense(16, activation="relu")', "Dense(3)", loss="keras.losses.CategoricalCrossentropy(from_logits=True)"
        ),
        model('Dense(16, activation="relu")', 'Dense(1, activation="sigmoid")', loss='"binary_crossentropy"'),
        model("Dense(16, use_bias=False)", "BatchNormalization()", "ReLU()", "Dropout(0.5)", "Dense(1)"),
        model('Conv2D(8, 3, activation="relu")', "MaxPooling2D()", "Dropout(0.5)", "Flatten()", "Dense(1)"),
        "print('no layers at all')\n",
        "this does not parse(\n",
    ],
    ids=str,
)
def test_neuralint_is_silent(tmp_path: Path, body: str) -> None:
    assert rules(tmp_path, body) == frozenset()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (model("Dense(3)", loss='"categorical_crossentropy"'), 'layers.Dense(3, activation="softmax")'),
        (model('Dense(1, activation="tanh")', loss='"binary_crossentropy"'), 'layers.Dense(1, activation="sigmoid")'),
        (model('Dense(3, kernel_initializer="zeros")', loss='"mse"'), 'kernel_initializer="glorot_uniform"'),
        (model('Dense(3, activation="softmax")', loss="keras.losses.CategoricalCrossentropy(from_logits=True)"),
         "from_logits=False"),
    ],
)  # fmt: skip
def test_its_advice_is_written_where_it_says(tmp_path: Path, body: str, expected: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(HEAD + body, encoding="utf-8")
    assert advice.follow(path)
    assert expected in path.read_text(encoding="utf-8")
    assert see(path) is not None
    assert not advice.follow(path)


def test_without_advice_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(HEAD + "y = 1\n", encoding="utf-8")
    assert not advice.follow(path)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("loss = float(prediction.numpy())", "numpy()"),
        ("c = tf.argmax(prediction)", "argmax"),
        ("layer.trainable = False", "trainable = False"),
        ("model.compile(optimizer='adam')", "compile without loss"),
        ("optimizer.apply_gradients(gradients)", "apply_gradients without zip"),
    ],
)
def test_words_are_found_wherever_they_stand(tmp_path: Path, line: str, rule: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(line + "\n", encoding="utf-8")
    assert rule in Naive().rules(path)


def test_rivals_claim_only_causes_that_there_are() -> None:
    for rival in (Naive, NeuraLint, Umlaut):
        claimed: frozenset[str] = frozenset().union(*rival.causes.values())
        assert claimed <= set(CAUSES), rival.name


def test_what_linters_print_is_read() -> None:
    printed = {
        "torchfix": "a.py:2:3: TOR001 Use of removed function\nFinished checking 1 files.\n",
        "fixit": "a.py@5:6 UseFstring: Do not use printf\n1 file clean\n",
        "ruff": '[{"filename": "/x/a.py", "code": "F401"}]',
    }
    codes = {"torchfix": "TOR001", "fixit": "UseFstring", "ruff": "F401"}
    for tool, output in printed.items():
        linter = object.__new__(Linter)
        linter._tool = tool
        assert linter._parsed(output, Path("/x")) == {Path("/x/a.py").resolve(): {codes[tool]}}
