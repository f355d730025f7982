"""Every way of starting a program: arguments, flags, modules, functions; and the user's own data in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.verify import Job, Outcome, StepReport, Verifier
from regrad.verify.faults import sound
from regrad.verify.job import Entry, NoEntry, entry_of

FIT = """
import tensorflow as tf
def main():
    model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(tf.random.normal((16, 2)), tf.ones((16, 1)), epochs=5)
"""


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_spellings_of_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, pkg__train="", src__other__run="")
    (tmp_path / "pkg" / "__main__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert entry_of("train.py --epochs 1 'a b'") == Entry("train.py", ("--epochs", "1", "a b"))
    assert entry_of("-m pkg.train -x") == Entry("pkg/train.py", ("-x",), module="pkg.train")
    assert entry_of("-m pkg") == Entry("pkg/__main__.py", (), module="pkg.__main__")
    assert entry_of("pkg.train:main") == Entry("pkg/train.py", (), module="pkg.train", function="main")
    assert entry_of("other.run:main").path == "src/other/run.py"
    assert entry_of("a/train.py:main") == Entry("a/train.py", (), function="main")
    for wrong in ("", "-m pkg.nothing", "nothing:main"):
        with pytest.raises(NoEntry):
            entry_of(wrong)


@pytest.mark.tensorflow
@pytest.mark.parametrize("named", ["pkg.train:main", "pkg/train.py:main"])
def test_a_function_is_the_entry(
    verifier: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.chdir(
        put(tmp_path, pkg__train=FIT + "if __name__ == '__main__':\n    raise SystemExit('as a script')\n")
    )
    assert sound(verifier.step(entry_of(named).job()))
    nothing = verifier.step(entry_of(named.replace("main", "absent")).job())
    assert nothing.outcome is Outcome.UNAVAILABLE and "'absent'" in str(nothing.reason)


@pytest.mark.tensorflow
def test_a_module_is_run_from_where_its_package_lies(
    verifier: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        FIT
        + "from .sizes import WIDTH\nimport sys\nassert sys.argv[1:] == ['--fast'] and __package__ == 'pkg'\nmain()\n"
    )
    monkeypatch.chdir(put(tmp_path, pkg____init__="", pkg__sizes="WIDTH = 2\n", pkg__train=text))
    assert sound(verifier.step(entry_of("-m pkg.train --fast").job()))
    (tmp_path / "pkg" / "__main__.py").write_text("from pkg.train import main\n")
    assert entry_of("-m pkg").module == "pkg.__main__"


ABSL = """
from absl import app, flags
import tensorflow as tf
FLAGS = flags.FLAGS
flags.DEFINE_integer("units", None, "width", required=True)
flags.DEFINE_string("name", None, "name")
flags.DEFINE_enum("kind", None, ["sgd", "adam"], "optimizer")
flags.mark_flags_as_required(["name", "kind"])
def main(argv):
    model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(FLAGS.units, name=FLAGS.name)])
    model.compile(FLAGS.kind, "mse")
    model.fit(tf.random.normal((16, 2)), tf.ones((16, FLAGS.units)), epochs=5)
if __name__ == "__main__":
    app.run(main)
"""


@pytest.mark.tensorflow
def test_absl_flags_are_given_or_stood_in_for(verifier: Verifier, tmp_path: Path) -> None:
    path = put(tmp_path, train=ABSL) / "train.py"
    report = verifier.step(Job(str(path)))
    assert sound(report) and report.data == "synthetic"
    assert [item.split(":")[0] for item in report.supplied] == ["--units", "--name", "--kind"]
    given = verifier.step(Job(str(path), arguments=("--units=3", "--name", "wide", "--kind=adam")))
    assert sound(given) and given.supplied == () and given.variables[0].shape == (2, 3)


TFDS = """
import tensorflow as tf
import tensorflow_datasets as tfds
(train, test), info = tfds.load("mnist", split=["train[:80%]", "test"], as_supervised=True, with_info=True)
train = train.map(lambda image, label: (tf.cast(image, tf.float32) / 255.0, label)).cache()
train = train.shuffle(info.splits["train"].num_examples).batch(32).prefetch(1)
classes = info.features["label"].num_classes
model = tf.keras.Sequential([tf.keras.Input((28, 28, 1)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(classes)])
model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(train, epochs=2, validation_data=test)
"""


@pytest.mark.tensorflow
def test_tensorflow_datasets_are_made_up_or_named(verifier: Verifier, tmp_path: Path) -> None:
    path = put(tmp_path, train=TFDS) / "train.py"
    report = verifier.step(Job(str(path)))
    assert sound(report) and report.data == "synthetic" and report.variables[0].shape == (784, 10)
    path.write_text(TFDS.replace('"mnist"', '"my_own_set"'))
    unknown = verifier.step(Job(str(path)))
    assert unknown.outcome is Outcome.UNAVAILABLE and "my_own_set" in str(unknown.reason)
    assert "tool.regrad.verify.data" in str(unknown.reason)


HOOKED = """
import csv
import tensorflow as tf
from reading import download
def load_images(count):
    raise RuntimeError("a large file")
x = load_images(16)
y = download("labels")
with open("data/scale.csv") as file:
    scale = float(next(csv.reader(file))[0])
model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(width)])
model.compile("sgd", "mse")
model.fit(x * scale, y, epochs=5)
"""
SMALL = """
import numpy as np
width = 3
def images(count):
    return np.random.RandomState(0).randn(count, 2).astype("float32")
def labels(name):
    assert name == "labels"
    return np.ones((16, 3), "float32")
"""


def hooked(verifier: Verifier, folder: Path, **changed: str) -> StepReport:
    put(folder, train=HOOKED, reading="def download(name):\n    raise RuntimeError('network')\n", tests__small=SMALL)
    (folder / "tests" / "scale.csv").write_text("0.5\n")
    data = {
        "load_images": f"{folder}/tests/small.py:images",
        "reading.download": f"{folder}/tests/small.py:labels",
        "width": f"{folder}/tests/small.py:width",
        "data/scale.csv": f"{folder}/tests/scale.csv",
        **changed,
    }
    return verifier.step(Job(str(folder / "train.py"), data=data))


@pytest.mark.tensorflow
def test_own_data_stands_in_for_functions_names_and_files(verifier: Verifier, tmp_path: Path) -> None:
    report = hooked(verifier, tmp_path)
    assert sound(report), report.reason
    assert report.data == "real" and len(report.supplied) == 4 and report.variables[0].shape == (2, 3)
    assert not (tmp_path / "data").exists(), "files are laid into the scratch folder only"


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("key", "given", "said"),
    [
        ("load_images", "tests/small.py:nothing", "defines no 'nothing'"),
        ("load_images", "tests/absent.py:images", "cannot be imported"),
        ("data/scale.csv", "tests/absent.csv", "does not exist"),
        ("../scale.csv", "tests/scale.csv", "below the folder"),
    ],
)
def test_a_hook_that_cannot_be_used_is_named(
    verifier: Verifier, tmp_path: Path, key: str, given: str, said: str
) -> None:
    report = hooked(verifier, tmp_path, **{key: f"{tmp_path}/{given}"})
    assert report.outcome is Outcome.UNAVAILABLE and said in str(report.reason)
    assert "tool.regrad.verify.data" in str(report.reason)
