"""What is said of a file that is not there, also where the exception names it in its text alone."""

from __future__ import annotations

import pytest
from regrad.verify.worker.missing_files import reason

HDF5 = (
    "[Errno 2] Unable to synchronously open file (unable to open file: name = 'my.weights.h5', errno = 2,"
    " error message = 'No such file or directory', flags = 0, o_flags = 0)"
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "data/train.csv"), "The file 'data/train.csv' is missing"),
        (FileNotFoundError(HDF5), "The file 'my.weights.h5' is missing"),
        (FileNotFoundError("No such file: vocabulary.txt"), "The file 'vocabulary.txt' is missing"),
        (FileNotFoundError("nothing\nwas found."), "A file (nothing was found) is missing"),
    ],
)
def test_the_file_is_named_and_never_none(error: OSError, said: str) -> None:
    words = reason(error)
    assert words.startswith(said)
    assert words.endswith("or name another in [tool.regrad.verify.data].")
    assert "None" not in words
