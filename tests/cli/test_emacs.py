"""The real Emacs, without a screen: Flymake on a buffer that is not saved, and the places of a compilation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .test_end_to_end import BROKEN

EMACS = shutil.which("emacs")
LIBRARY = Path(__file__).resolve().parents[2] / "editors" / "emacs" / "regrad.el"
LINE = next(number for number, text in enumerate(BROKEN.splitlines(), 1) if "= model(" in text)

pytestmark = pytest.mark.skipif(EMACS is None, reason="there is no Emacs")


@pytest.fixture
def command(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "regrad"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m regrad.cli "$@"\n')
    path.chmod(0o755)
    return path


def driven(folder: Path, command: Path, lisp: str) -> list[str]:
    """What the program prints. `wait-for` is there for it, since everything runs beside Emacs."""
    script = folder / "drive.el"
    script.write_text(
        "(require 'flymake)\n(require 'json)\n"
        "(defmacro wait-for (condition)\n"
        '  `(with-timeout (100 (error "too slow")) (while (not ,condition) (accept-process-output nil 0.1))))\n'
        f"(setq regrad-command {json.dumps(str(command))})\n{lisp}"
    )
    done = subprocess.run(
        [str(EMACS), "-Q", "--batch", "-l", str(LIBRARY), "-l", str(script)],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_flymake_marks_a_buffer_that_is_not_saved(tmp_path: Path, command: Path) -> None:
    (tmp_path / "train.py").write_text(BROKEN)
    said = driven(
        tmp_path,
        command,
        """
(find-file "train.py")
(insert "# edited\\n")
(defvar answer nil)
(regrad-flymake (lambda (found &rest _) (setq answer (list found))))
(wait-for answer)
(dolist (each (car answer))
  (princ (format "%d %s\\n" (line-number-at-pos (flymake-diagnostic-beg each)) (flymake-diagnostic-text each))))
(erase-buffer)
(insert "x = 1\\n")
(setq answer nil)
(regrad-flymake (lambda (found &rest _) (setq answer (list found))))
(wait-for answer)
(princ (format "then %d\\n" (length (car answer))))
""",
    )
    assert said[0].startswith(f"{LINE + 1} RG401 ")
    assert said[1:] == ["then 0"]


def test_a_finding_of_a_compilation_is_a_place_to_jump_to(tmp_path: Path, command: Path) -> None:
    (tmp_path / "my train.py").write_text(BROKEN)
    said = driven(
        tmp_path,
        command,
        """
(find-file "my train.py")
(regrad-check)
(with-current-buffer "*compilation*"
  (wait-for (not (get-buffer-process (current-buffer))))
  (princ (if (string-match-p "\\e" (buffer-string)) "escapes\\n" "plain\\n"))
  (goto-char (point-min))
  (compilation-next-error 1)
  (let ((place (compilation--message->loc (get-text-property (point) 'compilation-message))))
    (princ (format "%d %d %s\\n" (compilation--loc->line place) (compilation--loc->col place)
                   (file-name-nondirectory (caar (compilation--loc->file-struct place)))))))
""",
    )
    assert said == ["plain", f"{LINE} 18 my train.py"]


def test_the_library_compiles_without_a_warning(tmp_path: Path) -> None:
    copied = shutil.copy(LIBRARY, tmp_path)
    done = subprocess.run(
        [str(EMACS), "-Q", "--batch", "-l", "flymake", "-f", "batch-byte-compile", copied],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
