"""Where the program made and set what matters: variables, layers, `compile`, switches, losses; one line each."""

from __future__ import annotations

import dis
import functools
import weakref
from typing import Any

from .holders import weights_of
from .recorder import Recorder

Site = tuple[str, int]
MOST_LAYERS = 3000


class Sites:
    """Lines of the program's own, by what happened there."""

    def __init__(self) -> None:
        self.births: dict[int, Site] = {}
        self.layers: list[tuple[Any, Site]] = []
        self.switches: dict[int, tuple[Any, Site]] = {}
        self.switched_on: dict[int, tuple[Any, Site]] = {}
        self.too_late: tuple[Site, list[Site]] | None = None
        """Where a step was made that some weights came too late for, and where they were switched on."""
        self.compiled: dict[int, Site] = {}
        self.losses: dict[int, Site] = {}
        """Losses that the program calls itself, latest call."""
        self.wiring: dict[str, list[Site]] = {}
        """What was seen in the trail of operations, by the symptom."""
        self.loss_made: Site | None = None
        self.flat: Site | None = None
        """Where the slope is exactly zero for a part of what is trained."""
        self.tapes: list[Site] = []
        self.datasets: list[Site] = []
        self.mapped: list[Site] = []
        """The last lines of the functions that make the samples of datasets."""

    def made(self, layer: Any, site: Site) -> None:
        if site[1] and len(self.layers) < MOST_LAYERS:
            self.layers.append((weakref.ref(layer), site))

    def switched(self, layer: Any, value: Any, site: Site) -> None:
        """The latest word counts: a layer that is switched on again was switched off nowhere."""
        if value:
            was_off = self.switches.pop(id(layer), None)
            if was_off and site[1]:
                self.switched_on[id(layer)] = (weakref.ref(layer), site)
        elif site[1]:
            self.switched_on.pop(id(layer), None)
            self.switches[id(layer)] = (weakref.ref(layer), site)

    def layer_of(self, recorder: Recorder, raw: int) -> Site | None:
        """Where the smallest layer that holds this variable was made."""
        best: tuple[int, Site] | None = None
        for reference, site in self.layers:
            layer = reference()
            weights = weights_of(layer) if layer is not None else []
            if any(id(recorder.raw(weight)) == raw for weight in weights) and (best is None or len(weights) < best[0]):
                best = len(weights), site
        return best[1] if best else None


def last_line(code: Any) -> int:
    """Where a function returns, in most of them."""
    return int(max(line for _, line in dis.findlinestarts(code) if line))


def watch_births(recorder: Recorder) -> None:
    from tensorflow.python.ops import resource_variable_ops

    kind = resource_variable_ops.BaseResourceVariable
    plain = kind.__init__

    @functools.wraps(plain)
    def born(self: Any, *args: Any, **options: Any) -> None:
        plain(self, *args, **options)
        site = recorder.site()
        if site[1]:
            recorder.sites.births[id(self)] = site

    kind.__init__ = born


def watch_datasets(recorder: Recorder) -> None:
    """Where a `tf.data` pipeline begins: a run that lacks its targets is mended there."""
    kind = recorder.tf.data.Dataset

    def wrap(name: str) -> None:
        plain = getattr(kind, name)

        @functools.wraps(plain)
        def made(*args: Any, **options: Any) -> Any:
            site = recorder.site()
            if site[1] and not recorder.paused and not recorder.inside and site not in recorder.sites.datasets:
                recorder.sites.datasets.append(site)
            return plain(*args, **options)

        made.autograph_info__ = {}  # type: ignore[attr-defined]
        setattr(kind, name, staticmethod(made))

    plain_map = kind.map

    @functools.wraps(plain_map)
    def mapped(self: Any, map_func: Any, *args: Any, **options: Any) -> Any:
        code = getattr(map_func, "__code__", None)
        if code is not None and recorder.program.owns(code.co_filename):
            recorder.sites.mapped.append((code.co_filename, last_line(code)))
        return plain_map(self, map_func, *args, **options)

    mapped.autograph_info__ = {}  # type: ignore[attr-defined]
    kind.map = mapped
    for name in ("from_tensor_slices", "from_tensors", "from_generator", "zip"):
        if isinstance(vars(kind).get(name), staticmethod):
            wrap(name)
