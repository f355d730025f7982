"""Our end of a warm server: starts it with the worker's source, sends jobs, and notices when it is gone."""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from regrad.verify.scratch_folders import ScratchFolder
from regrad.verify.worker.frames import LENGTH, read_exactly, write_frame

# The worker's modules are handed over as text, so that the user's interpreter needs nothing of ours and keeps nothing.
BOOT = """
import importlib.abc, importlib.util, json, os, sys
sys.path[:] = [entry for entry in sys.path if entry != ""]
control, reply = int(sys.argv[1]), int(sys.argv[2])
def take(count):
    data = b""
    while len(data) < count:
        piece = os.read(control, count - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data
start = json.loads(take(int.from_bytes(take(4), "big")).decode())
class Texts(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name in start["texts"] else None
    def is_package(self, name):
        return name == start["package"]
    def get_source(self, name):
        return start["texts"][name]
sys.meta_path.insert(0, Texts())
importlib.import_module(start["package"] + ".server").serve(control, reply, start["warm"], start["scratch"])
"""

PACKAGE = "regrad_worker"
IMPORT_LIMIT = 180.0


class ServerGone(Exception):
    """The server ended, or did not answer."""


def worker_texts() -> dict[str, str]:
    """Every module of the worker by the name it gets over there."""
    texts = {}
    for item in importlib.resources.files("regrad.verify.worker").iterdir():
        if item.name.endswith(".py"):
            name = PACKAGE if item.name == "__init__.py" else f"{PACKAGE}.{item.name[:-3]}"
            texts[name] = item.read_text(encoding="utf-8")
    return texts


class ServerProcess:
    """One warm (or cold) server of one interpreter with one set of environment flags."""

    def __init__(self, python: str, flags: Mapping[str, str], warm: bool = True) -> None:
        self.python = python
        self.folder = ScratchFolder()
        self.scratch = self.folder.path
        self.count = 0
        self.hello: dict[str, Any] = {}
        control_read, self.control = os.pipe()
        self.reply, reply_write = os.pipe()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self.process = subprocess.Popen(
                [python, "-B", "-c", BOOT, str(control_read), str(reply_write)],
                pass_fds=(control_read, reply_write),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                env=environment(flags, self.scratch),
                cwd=self.scratch,
                start_new_session=True,
            )
        except OSError as error:
            for descriptor in (control_read, reply_write, self.control, self.reply):
                os.close(descriptor)
            self.errors.close()
            self.folder.close()
            raise ServerGone(f"{python} cannot be started: {error.strerror}") from error
        os.close(control_read)
        os.close(reply_write)
        # An interpreter that ended already has said why, and that is read below.
        with contextlib.suppress(BrokenPipeError):
            write_frame(
                self.control, {"package": PACKAGE, "texts": worker_texts(), "warm": warm, "scratch": self.scratch}
            )
        self.hello = self.answer(IMPORT_LIMIT)
        if "error" in self.hello:
            said = str(self.hello["error"])
            self.close()
            raise ServerGone(said)

    def answer(self, patience: float) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        while True:
            ready, _, _ = select.select([self.reply], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self.close()
                raise ServerGone(f"no answer in {patience:.0f} s")
            head = read_exactly(self.reply, LENGTH.size)
            body = read_exactly(self.reply, LENGTH.unpack(head)[0]) if head else b""
            if not body:
                said = self.last_words()
                self.close()
                raise ServerGone(said or "it ended without a word")
            message: dict[str, Any] = json.loads(body)
            return message

    def last_words(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def run(self, job: Mapping[str, Any]) -> dict[str, Any]:
        self.count += 1
        folder = os.path.join(self.scratch, f"run-{self.count}")
        try:
            write_frame(self.control, {**job, "scratch": folder})
        except OSError as error:
            self.close()
            raise ServerGone("it ended between two runs") from error
        return self.answer(float(job["timeout"]) + 30.0)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        """Closing our end is what tells the server to kill what it runs and to leave."""
        for descriptor in (self.control, self.reply):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.control = self.reply = -1
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.errors.close()
        self.folder.close()


def environment(flags: Mapping[str, str], scratch: str) -> dict[str, str]:
    """The user's environment, with one thread for the fork, no GPU, and every cache in the scratch folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGRAD_")}
    keras_home = os.path.join(scratch, "keras")
    os.makedirs(keras_home, exist_ok=True)
    settings = os.path.join(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"), "keras.json")
    if os.path.isfile(settings):
        shutil.copy(settings, keras_home)
    kept.update(
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
        TF_CPP_MIN_LOG_LEVEL="3",
        CUDA_VISIBLE_DEVICES="-1",
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONHASHSEED="0",
        KERAS_HOME=keras_home,
        MPLBACKEND="Agg",
        MPLCONFIGDIR=scratch,
    )
    kept.update(flags)
    return kept
