"""The extension in a real IPython kernel: what stands under a cell, and what `%%regrad` says before one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

SETUP = """\
import tensorflow as tf
x = tf.random.normal((8, 3))
y = tf.random.normal((8, 1))
model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.SGD()"""
BROKEN = """\
prediction = model(x)
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((y - prediction) ** 2)
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))"""
MENDED = """\
with tf.GradientTape() as tape:
    prediction = model(x)
    loss = tf.reduce_mean((y - prediction) ** 2)
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))"""
FROZEN = """\
model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.trainable = False
model.compile("sgd", "mse")
history = model.fit(x, y, verbose=0)"""


def ran(folder: Path, *cells: str) -> list[Any]:
    """The code cells after a real kernel has run them; those that fail do not stop the rest."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return list(notebook.cells)


def said(cell: Any) -> str:
    """What regrad displayed under the cell, as plain text."""
    return "\n".join(
        output["data"]["text/plain"] for output in cell.outputs if "text/markdown" in output.get("data", {})
    )


def printed(cell: Any) -> str:
    return "".join(output["text"] for output in cell.outputs if output["output_type"] == "stream")


def test_a_cell_is_checked_before_it_runs(tmp_path: Path) -> None:
    magic, sound, mistaken, run, failing, unloaded = ran(
        tmp_path,
        "%load_ext regrad",
        f"%%regrad --no-run\n{SETUP}\n{MENDED}",
        "%%regrad --norun\npass",
        "%%regrad\nvalue = 6 * 7\nprint(value)",
        "%%regrad\nvalue / 0",
        "%unload_ext regrad",
    )[0:6]
    assert not magic.outputs
    assert printed(sound) == "regrad: no findings in this cell.\n"
    assert "--norun" in printed(mistaken) + "".join(str(each) for each in mistaken.outputs)
    assert printed(run) == "regrad: no findings in this cell.\n42\n"
    assert any("ZeroDivisionError" in str(output) for output in failing.outputs)
    assert not unloaded.outputs


def test_a_finding_is_shown_with_the_mended_cell_and_nothing_runs(tmp_path: Path) -> None:
    _, checked, unknown = ran(
        tmp_path, "%load_ext regrad", f"%%regrad --no-run\n{SETUP}\n{BROKEN}", "print('optimizer' in globals())"
    )
    text = said(checked)
    assert "RG401 forward-outside-tape, this cell, line 6:" in text
    assert text.endswith(f"{SETUP}\n{MENDED}")
    assert printed(unknown) == "False\n"


@pytest.mark.tensorflow
def test_what_stands_under_a_cell_that_lost_its_gradients(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    _, setup, broken, unrelated, mended, frozen = ran(
        tmp_path, "%load_ext regrad", SETUP, BROKEN, "undefined_name", MENDED, FROZEN
    )
    assert not said(setup)
    assert [output["output_type"] for output in broken.outputs][-2:] == ["error", "display_data"]
    text = said(broken)
    assert text.startswith("regrad: Not one variable received a gradient")
    assert "RG401 forward-outside-tape, In [3], line 1:" in text
    assert text.endswith(MENDED)
    assert f"```python\n{MENDED}\n```" in broken.outputs[-1]["data"]["text/markdown"]
    assert not said(unrelated)
    assert not said(mended)
    assert said(frozen).startswith("regrad: Everything is frozen")
    assert "RG201 nothing-trainable, In [6], line" in said(frozen)
