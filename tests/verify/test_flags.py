"""Environment flags are read from the program's text: a server has to have them before TensorFlow is imported."""

from __future__ import annotations

import pytest
from regrad.verify.flags import flags_set_by


@pytest.mark.parametrize(
    "text",
    [
        'import os\nos.environ["TF_USE_LEGACY_KERAS"] = "1"\nimport tensorflow',
        'import os\nos.environ.setdefault("TF_USE_LEGACY_KERAS", "1")',
        'from os import environ\nenviron["TF_USE_LEGACY_KERAS"] = "1"',
        'import os\nos.putenv("TF_USE_LEGACY_KERAS", "1")',
        'import os\nos.environ.update({"TF_USE_LEGACY_KERAS": "1"})',
        "#%env TF_USE_LEGACY_KERAS=1\nimport os",
    ],
)
def test_each_spelling_is_seen(text: str) -> None:
    assert flags_set_by(text) == {"TF_USE_LEGACY_KERAS": "1"}


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        'import os\nos.environ["CUDA_VISIBLE_DEVICES"] = "0"',
        'os.environ["KERAS_BACKEND"] = name',
        "os.environ[(",
    ],
)
def test_what_is_not_literal_or_not_read_at_import_is_left_alone(text: str) -> None:
    assert flags_set_by(text) == {}
