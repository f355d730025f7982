"""Makes what has nothing to do with the step harmless: plots, saving, summaries, questions at the keyboard."""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from typing import Any

from .recorder import Recorder

PICTURES = {
    "matplotlib",
    "seaborn",
    "plotly",
    "pydot",
    "graphviz",
    "IPython",
    "tqdm",
    "wandb",
    "mlflow",
    "visualkeras",
    "livelossplot",
}


class Nothing:
    """Answers everything with itself: a plot that nobody looks at."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *args: Any, **_: Any) -> Any:
        # A decorator, or `tqdm(iterable)`, must give back what it was given.
        return (
            args[0]
            if len(args) == 1 and (callable(args[0]) or hasattr(args[0], "__iter__")) and not isinstance(args[0], str)
            else self
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _: Any) -> Any:
        return self

    def __setitem__(self, *_: Any) -> None:
        pass

    def __iter__(self) -> Any:
        return iter((self, self))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0


class NothingModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()


class MissingPictures(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Only for plotting packages that are not installed."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.split(".")[0] in PICTURES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> Any:
        module = NothingModule(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module: Any) -> None:
        pass


def make_harmless(recorder: Recorder, families: list[Any]) -> None:
    def answer(*_: Any) -> str:
        recorder.supplied.append("input(): 1")
        return "1"

    builtins.input = answer
    sys.meta_path.append(MissingPictures(recorder))
    for family in families:
        silence_saving(family)
    silence_writers(recorder)


def nothing(*_: Any, **__: Any) -> Any:
    return None


def silence_saving(family: Any) -> None:
    model = getattr(family, "Model", None)
    if isinstance(model, type):
        for name in ("save", "save_weights", "export"):
            for kind in [one for one in model.__mro__ if name in vars(one)]:
                setattr(kind, name, nothing)
    for holder, names in (
        (getattr(family, "utils", None), ("plot_model", "model_to_dot")),
        (getattr(family, "models", None), ("save_model",)),
        (getattr(family, "saving", None), ("save_model",)),
    ):
        for name in names:
            if holder is not None and hasattr(holder, name):
                try:
                    setattr(holder, name, nothing)
                except (AttributeError, TypeError):
                    continue


def silence_writers(recorder: Recorder) -> None:
    tensorflow = recorder.tf
    tensorflow.summary.create_file_writer = lambda *_, **__: tensorflow.summary.create_noop_writer()
    tensorflow.saved_model.save = nothing
    tensorflow.train.Checkpoint.save = nothing
    tensorflow.train.Checkpoint.write = nothing
    tensorflow.train.CheckpointManager.save = nothing
    tensorflow.compat.v1.train.Saver.save = nothing
