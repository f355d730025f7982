"""What is interpreted and what is not: programs that cannot come to a training are only parsed, the answer the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.analysis.events import GradientTaken, Trained
from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.values import Constant, Network

STEP = (
    "import tensorflow as tf\n\n"
    "def step(w, x):\n"
    "    with tf.GradientTape() as tape:\n"
    "        loss = w * x\n"
    "    return tape.gradient(loss, w)\n"
)
HEAD = "import tensorflow as tf\n"


def read(folder: Path, files: dict[str, str], entry: str = "main.py") -> Program:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return Reader().read(str(folder / entry))


def asked(program: Program) -> bool:
    return any(True for _ in program.of(GradientTaken))


@pytest.mark.parametrize(
    "main",
    [
        "from train import step\nstep(tf.Variable(1.0), 2.0)\n",
        "from train import step as go\ngo(tf.Variable(1.0), 2.0)\n",
        "import train\ntrain.step(tf.Variable(1.0), 2.0)\n",
        "from train import *\nstep(tf.Variable(1.0), 2.0)\n",
        "from between import through\nthrough(tf.Variable(1.0))\n",
        "from package import step\nstep(tf.Variable(1.0), 2.0)\n",
        "import package.inner\npackage.inner.step(tf.Variable(1.0), 2.0)\n",
    ],
)
def test_a_gradient_asked_for_in_another_file_is_seen_from_the_entry(tmp_path: Path, main: str) -> None:
    files = {
        "main.py": HEAD + main,
        "train.py": STEP,
        "between.py": "from train import step\n\ndef through(w):\n    return step(w, 2.0)\n",
        "package/__init__.py": "from .inner import step\n",
        "package/inner.py": STEP,
    }
    assert asked(read(tmp_path, files))


@pytest.mark.parametrize(
    "main",
    [
        "from train import OTHER\nprint(OTHER)\n",
        "import data\ndata.load()\n",
        '"""Used as `model.fit(x)`."""\n# tape.gradient(loss, w)\n',
    ],
)
def test_what_uses_nothing_that_trains_is_not_interpreted(tmp_path: Path, main: str) -> None:
    files = {"main.py": HEAD + main, "train.py": STEP + "\n\nOTHER = 3\n", "data.py": "def load():\n    return 1\n"}
    program = read(tmp_path, files)
    assert program.events == () and list(program.files) == [str(tmp_path / "main.py")]


def test_the_answer_rests_on_the_files_that_were_searched(tmp_path: Path) -> None:
    files = {"main.py": HEAD + "import data\nimport missing\n", "data.py": "def load():\n    return 1\n"}
    program = read(tmp_path, files)
    assert program.searched == (str(tmp_path / "data.py"),)
    assert str(tmp_path / "missing.py") in program.absent


def test_files_that_import_each_other_are_one(tmp_path: Path) -> None:
    files = {
        "main.py": HEAD + "from a import first\nfirst(tf.Variable(1.0), 1.0)\n",
        "a.py": "from b import second\n\ndef first(w, x):\n    return second(w, x)\n",
        "b.py": "import a\nfrom train import step\n\ndef second(w, x):\n    return step(w, x)\n",
        "train.py": STEP,
    }
    assert asked(read(tmp_path, files))


def test_a_module_is_interpreted_only_where_a_name_of_it_is_used(tmp_path: Path) -> None:
    files = {
        "main.py": STEP + "from used import W\nfrom unused import V\n\nstep(W, 1.0)\n",
        "used.py": HEAD + "W = tf.Variable(1.0)\n",
        "unused.py": HEAD + "V = tf.Variable(1.0)\n",
    }
    program = read(tmp_path, files)
    assert [Path(path).name for path in program.files] == ["main.py", "used.py"]


def test_a_module_that_acts_is_interpreted_at_its_import(tmp_path: Path) -> None:
    files = {
        "main.py": "import settings\nfrom models import model\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)\n",
        "models.py": "from tensorflow import keras\nmodel = keras.Sequential([keras.layers.Dense(1)])\n",
        "settings.py": "import models\nmodels.model.trainable = False\n",
    }
    (trained,) = read(tmp_path, files).of(Trained)
    assert isinstance(trained.model, Network)
    flag = trained.model.fields["trainable"]
    assert isinstance(flag, Constant) and flag.value is False


def test_a_module_used_in_a_branch_is_the_same_after_it(tmp_path: Path) -> None:
    files = {
        "main.py": STEP
        + "import values\nimport os\nif os.environ.get('A'):\n    step(values.W, 1.0)\nelse:\n    step(values.W, 2.0)\n"
        "step(values.W, 3.0)\n",
        "values.py": HEAD + "W = tf.Variable(1.0)\n",
    }
    sources = {id(event.sources) for event in read(tmp_path, files).of(GradientTaken)}
    assert len(sources) == 1
