"""Pretrained weights of `keras.applications` become fresh ones, without a download; the layers count as loaded."""

from __future__ import annotations

import sys
from typing import Any

from .holders import weights_of
from .recorder import Recorder

SENTINEL = "regrad-fresh-weights"


class FreshWeights(str):
    """The path of a file that does not exist; `load_weights` knows what is meant."""


def make_weights_fresh(recorder: Recorder) -> None:
    for name in list(sys.modules):
        if name.split(".")[0] not in ("keras", "tf_keras", "tensorflow") or not name.endswith(
            ("file_utils", "data_utils")
        ):
            continue
        module = sys.modules[name]
        plain = getattr(module, "get_file", None)
        if plain is None:
            continue

        def get_file(*args: Any, _plain: Any = plain, **options: Any) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if ".applications" in caller and "imagenet_utils" not in caller:
                return FreshWeights(SENTINEL)
            return _plain(*args, **options)

        module.get_file = get_file  # type: ignore[attr-defined]
    for model_type in recorder.model_types:
        for kind in [one for one in model_type.__mro__ if "load_weights" in vars(one)]:
            plain_load = vars(kind)["load_weights"]
            if hasattr(plain_load, "regrad_plain"):
                continue

            def load_weights(
                self: Any, filepath: Any = None, *args: Any, _plain: Any = plain_load, **options: Any
            ) -> Any:
                if isinstance(filepath, FreshWeights):
                    recorder.supplied.append(
                        f"{getattr(self, 'name', 'model')}: fresh weights instead of pretrained ones"
                    )
                    recorder.touched.update(id(recorder.raw(variable)) for variable in weights_of(self))
                    return None
                result = _plain(self, filepath, *args, **options)
                recorder.touched.update(id(recorder.raw(variable)) for variable in weights_of(self))
                return result

            load_weights.regrad_plain = plain_load  # type: ignore[attr-defined]
            kind.load_weights = load_weights  # type: ignore[attr-defined]
