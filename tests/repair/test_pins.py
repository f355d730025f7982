"""Which generation of Keras a project's requirements mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.repair import pins


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tensorflow<2.16\n", 2),
        ("tensorflow==2.15.0", 2),
        ("tensorflow==2.16.1", 3),
        ("tensorflow>=2.16,<3", 3),
        ("tensorflow>=2.10", None),
        ("tensorflow>=2.4,<=2.15", 2),
        ("tensorflow<=2.16", None),
        ("tensorflow<2.16.1", None),
        ("tensorflow<2.16.0", 2),
        ("tensorflow~=2.15.0", 2),
        ("tensorflow~=2.15", None),
        ("tensorflow-gpu==2.4.1", 2),
        ("tensorflow-cpu >= 2.17", 3),
        ("tensorflow", None),
        ("tensorflow-datasets==4.9", None),
        ("tensorflow_probability>=0.20", None),
        ("keras<3", 2),
        ("keras==2.15.*", 2),
        ("keras>=3", 3),
        ("keras>=3.0,<4", 3),
        ("keras>2", 3),
        ("keras>2.0.1", None),
        ("keras", None),
        ("keras-tuner==1.4.0", None),
        ("keras>=3\ntensorflow==2.15", 3),
        ("tf-keras\ntensorflow>=2.16", 2),
        ("tf_keras==2.17", 2),
        ("# tensorflow<2.16\nnumpy", None),
        ("numpy==1.26  # not keras<3", None),
        ('dependencies = ["numpy", "tensorflow>=2.16", "pandas"]', 3),
        ("install_requires=['tensorflow==2.10.0', 'numpy']", 2),
        ('tensorflow = "^2.12"', None),
        ('keras = "^2.12"', 2),
        ('keras = "==2.4.3"', 2),
        ('tensorflow = "2.8.0"', 2),
        ("dependencies:\n  - python=3.8\n  - tensorflow=2.3\n", 2),
        ("tensorflow[and-cuda]==2.18 ; python_version > '3.9'", 3),
        ("my-tensorflow==1.0", None),
        ("", None),
    ],
)
def test_what_a_file_says(text: str, expected: int | None) -> None:
    assert pins.generation_in(text) == expected


def test_the_nearest_folder_decides_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("keras>=3\n")
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "old").mkdir()
    (project / "new").mkdir()
    (project / "old" / "requirements-dev.txt").write_text("tensorflow==2.8\n")
    assert pins.Pins().generation_of(str(project / "old" / "train.py")) == 2
    assert pins.Pins().generation_of(str(project / "new" / "train.py")) is None
    assert pins.Pins().generation_of(str(tmp_path / "train.py")) == 3


def test_files_that_disagree_say_nothing(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "requirements.txt").write_text("keras>=3\n")
    (tmp_path / "requirements-legacy.txt").write_text("keras<3\n")
    assert pins.Pins().generation_of(str(tmp_path / "train.py")) is None
