"""Which files are worth reading."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.repair.relevance import worth_reading


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pkg" / "sub").mkdir(parents=True)
    (tmp_path / "model.py").write_text("import keras\n")
    (tmp_path / "between.py").write_text("from model import build\n")
    (tmp_path / "trainer.py").write_text("import tensorflow as tf\ndef fit(model):\n    tape.gradient(loss, model)\n")
    (tmp_path / "steps.py").write_text("from trainer import fit\n")
    (tmp_path / "plain.py").write_text("x = 1\n")
    (tmp_path / "cycle.py").write_text("import cycle, other\n")
    (tmp_path / "other.py").write_text("import cycle\n")
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "net.py").write_text("import tensorflow as tf\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", "import tensorflow", True),
        ("a.py", "from model import build\nbuild().fit(x, y)", True),
        ("a.py", "import plain, model as m\nm.build().fit(x, y)", True),
        ("a.py", "from between import build\nbuild().fit(x, y)", True),
        ("a.py", "from pkg import net\nnet.build().fit(x, y)", True),
        ("a.py", "import pkg.net\npkg.net.build().fit(x, y)", True),
        ("pkg/train.py", "from .net import build\nbuild().fit(x, y)", True),
        ("pkg/train.py", "from . import net\nnet.build().fit(x, y)", True),
        ("pkg/sub/train.py", "from ..net import build\nbuild().fit(x, y)", True),
        ("a.py", "from model import build\nbuild()", False),
        ("a.py", "import plain\nplain.fit(x)", False),
        ("a.py", "import cycle\ncycle.fit(x)", False),
        ("a.py", "from sklearn.svm import SVC\nSVC().fit(x)", False),
        ("a.py", "from trainer import fit\nfit(make())", True),
        ("a.py", "import steps\nresult = steps.fit(make())", True),
        ("a.py", "from steps import fit\n\ndef main():\n    fit(1)\n\nif __name__ == '__main__':\n    main()", True),
        ("a.py", "from trainer import fit\n\ndef again():\n    return fit(1)", False),
        ("a.py", "import numpy, json\njson.dumps(1)", False),
        ("a.py", "", False),
    ],
)
def test_worth_reading(path: str, text: str, expected: bool) -> None:
    assert worth_reading(path, text.encode()) is expected
