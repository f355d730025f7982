"""Programs of several files: what is imported is read, and each event knows the file in which it stands."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from regrad.analysis.events import Trained
from regrad.analysis.modules import FOLLOWED
from regrad.analysis.reader import Reader

from .programs import kinds, lost, read_files, sink

LOSSES = "import tensorflow as tf\n\n\ndef loss_of(y):\n    return tf.reduce_sum(tf.round(y))\n"
TRAIN = """
import tensorflow as tf
{imported}
w = tf.Variable(1.0, name="w")
with tf.GradientTape() as tape:
    loss = {call}(w * 2)
tape.gradient(loss, [w])
"""


@pytest.mark.parametrize(
    ("files", "entry", "imported", "call"),
    [
        ({"losses.py": LOSSES}, "train.py", "from losses import loss_of", "loss_of"),
        ({"losses.py": LOSSES}, "train.py", "from losses import loss_of as own", "own"),
        ({"losses.py": LOSSES}, "train.py", "from losses import *", "loss_of"),
        ({"losses.py": LOSSES}, "train.py", "import losses", "losses.loss_of"),
        ({"losses.py": LOSSES}, "train.py", "import losses as other", "other.loss_of"),
        ({"lib/losses.py": LOSSES}, "train.py", "from lib.losses import loss_of", "loss_of"),
        ({"lib/__init__.py": "", "lib/losses.py": LOSSES}, "train.py", "import lib.losses", "lib.losses.loss_of"),
        ({"lib/__init__.py": "", "lib/losses.py": LOSSES}, "train.py", "from lib import losses", "losses.loss_of"),
        (
            {"lib/__init__.py": "from .losses import loss_of", "lib/losses.py": LOSSES},
            "train.py",
            "from lib import loss_of",
            "loss_of",
        ),
        (
            {"lib/__init__.py": "", "lib/losses.py": LOSSES},
            "lib/train.py",
            "from .losses import loss_of",
            "loss_of",
        ),
        ({"lib/__init__.py": "", "lib/losses.py": LOSSES}, "lib/train.py", "from . import losses", "losses.loss_of"),
        (
            {"lib/__init__.py": "", "lib/losses.py": LOSSES, "lib/apps/__init__.py": ""},
            "lib/apps/train.py",
            "from ..losses import loss_of",
            "loss_of",
        ),
        (
            {"lib/__init__.py": "", "lib/losses.py": LOSSES, "lib/apps/__init__.py": ""},
            "lib/apps/train.py",
            "from lib.losses import loss_of",
            "loss_of",
        ),
        (
            {"lib/__init__.py": "", "lib/losses.py": "from .inner import *", "lib/inner.py": LOSSES},
            "train.py",
            "from lib.losses import loss_of",
            "loss_of",
        ),
    ],
)
def test_imports(tmp_path: Path, files: dict[str, str], entry: str, imported: str, call: str) -> None:
    program = read_files({**files, entry: TRAIN.format(imported=imported, call=call)}, entry, str(tmp_path))
    found = sink(program)
    assert found.dead and kinds(found) == ["non-differentiable"]
    (cut,) = found.cuts
    assert cut.frame is not None and cut.node is not None
    assert os.path.basename(cut.frame.path) in ("losses.py", "inner.py")
    assert program.source(cut.node, cut.frame.path) == "tf.round(y)"
    assert program.location(found.event.node, found.event.frame).path.endswith("train.py")


def test_a_model_in_one_file_and_its_loss_in_another(tmp_path: Path) -> None:
    program = read_files(
        {
            "model.py": "import keras\n\ndef build():\n"
            "    return keras.Sequential([keras.layers.Dense(1, name='head')])\n",
            "losses.py": LOSSES,
            "train.py": """
                import tensorflow as tf
                from model import build
                from losses import loss_of
                model = build()
                def step(x):
                    with tf.GradientTape() as tape:
                        loss = loss_of(model(x))
                    return tape.gradient(loss, model.trainable_variables)
                step(tf.ones((2, 2)))
            """,
        },
        "train.py",
        str(tmp_path),
    )
    assert {os.path.basename(path) for path in program.files} == {"model.py", "losses.py", "train.py"}
    assert lost(sink(program)) == ["head"]


def test_modules_that_import_each_other(tmp_path: Path) -> None:
    program = read_files(
        {
            "a.py": "import b\n\ndef f(x):\n    return b.g(x)\n",
            "b.py": "import tensorflow as tf\nimport a\n\ndef g(x):\n    return tf.round(x)\n",
            "train.py": TRAIN.format(imported="from a import f", call="f"),
        },
        "train.py",
        str(tmp_path),
    )
    assert sink(program).dead


def test_a_file_that_imports_itself(tmp_path: Path) -> None:
    program = read_files(
        {"train.py": "import train\n" + TRAIN.format(imported="", call="tf.round")}, "train.py", str(tmp_path)
    )
    assert sink(program).dead


def test_a_file_named_like_a_library(tmp_path: Path) -> None:
    program = read_files(
        {
            "keras.py": "def Sequential(*layers):\n    raise SystemExit\n",
            "train.py": TRAIN.format(imported="import keras", call="tf.round"),
        },
        "train.py",
        str(tmp_path),
    )
    assert list(program.files) == [str(tmp_path / "train.py")]


def test_modules_that_cannot_be_read_are_unknown(tmp_path: Path) -> None:
    program = read_files(
        {
            "losses.py": "def loss_of(y:\n",
            "train.py": TRAIN.format(imported="from losses import loss_of", call="loss_of"),
        },
        "train.py",
        str(tmp_path),
    )
    assert not sink(program).path.lost


def test_what_was_looked_for_and_is_not_there(tmp_path: Path) -> None:
    program = read_files(
        {"train.py": TRAIN.format(imported="import losses", call="losses.f")}, "train.py", str(tmp_path)
    )
    assert str(tmp_path / "losses.py") in program.absent
    assert not any("tensorflow" in path for path in program.absent)


def test_a_chain_of_modules_is_followed_only_so_far(tmp_path: Path) -> None:
    files = {f"m{n}.py": f"from m{n + 1} import f\n" for n in range(FOLLOWED + 10)}
    files[f"m{FOLLOWED + 10}.py"] = "def f(x):\n    return x\n"
    files["train.py"] = TRAIN.format(imported="from m0 import f", call="f")
    program = read_files(files, "train.py", str(tmp_path))
    assert len(program.files) <= FOLLOWED + 1
    assert not sink(program).path.lost


def test_one_reader_gives_each_program_its_own_modules(tmp_path: Path) -> None:
    read_files(
        {
            "shared.py": "import keras\nlayer = keras.layers.Dense(1, name='shared')\n",
            "a.py": "import keras\nfrom shared import layer\nlayer.trainable = False\n"
            "model = keras.Sequential([layer])\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)\n",
            "b.py": "import keras\nfrom shared import layer\n"
            "model = keras.Sequential([layer])\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)\n",
        },
        "a.py",
        str(tmp_path),
    )
    reader = Reader()
    first = reader.read(str(tmp_path / "a.py"))
    second = reader.read(str(tmp_path / "b.py"))
    assert len(sink(first).path.connected) == 0
    assert len(sink(second).path.connected) == 1


@pytest.mark.parametrize("own", ["from nets import heads", "from . import heads"])
def test_a_package_imports_its_own_modules(tmp_path: Path, own: str) -> None:
    files = {
        "nets/__init__.py": own,
        "nets/heads.py": "from keras import Sequential, layers\ndef make():\n    return Sequential([layers.Dense(3)])",
        "train.py": "from nets import heads\nmodel = heads.make()\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)\n",
    }
    program = read_files(files, "train.py", str(tmp_path))
    assert len(program.files) == 3 and any(True for _ in program.of(Trained))


def test_a_module_with_a_long_guarded_block_is_looked_through_at_once(tmp_path: Path) -> None:
    """Deeply indented lines without a call can be parted in many ways, and each must be tried once only."""
    block = "if flag:\n    table = [\n" + '            "a line of a long table without any call",\n' * 200 + "    ]\n"
    train = TRAIN.format(imported="from losses import loss_of", call="loss_of")
    started = time.process_time()
    program = read_files({"train.py": train, "losses.py": LOSSES + block}, "train.py", str(tmp_path))
    assert time.process_time() - started < 5
    assert sink(program).path.lost
