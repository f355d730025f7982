"""What has been seen of the run so far: gradients, steps, variables; and when enough has been seen."""

from __future__ import annotations

import ast
import re
import sys
import time
import weakref
from typing import Any

from .holders import holders, weights_of

STEPS = 2
"""Two steps: `w = w - lr * g`, and many a NaN, only fail in the second."""
PATIENCE = 12
"""How often a place is passed while an optimizer that exists has not stepped yet (WGAN: five critic steps to one)."""
GATHERING = 16
"""How many steps of `fit` are made where a `train_step` may add gradients up before it applies them."""
PATIENT = 3
"""So many times the processor time that is granted may pass by the clock."""
ACCUMULATION = 64
"""How often a gradient may be taken before an optimizer that exists is thought never to be applied."""
EPISODES = 1024
"""How often where the program's text applies gradients at a place that was not passed yet (REINFORCE keeps those of
every step of several episodes)."""
COMPILER = re.compile(r"tensorflow.python.eager.(polymorphic_function|def_function)")
APPLYING_CALLS = frozenset({"apply_gradients", "apply", "minimize"})
TRAINING_CALLS = APPLYING_CALLS | {"fit", "fit_generator", "train_on_batch", "gradient", "gradients"}


class Track:
    """One variable: its value at first sight and the gradients that arrived."""

    def __init__(self, variable: Any, raw: Any) -> None:
        self.variable = variable
        self.raw = raw
        self.first: Any = None
        self.asked: list[tuple[str, float | None]] = []
        self.requests: dict[Any, list[str]] = {}
        self.applied: list[tuple[str, float | None]] = []
        self.optimizer: str | None = None
        self.label: str | None = None
        self.values: tuple[Any, Any] | None = None


class Recorder:
    def __init__(self, tensorflow: Any, program: Any, mode: str) -> None:
        self.tf = tensorflow
        self.program = program
        self.mode = mode
        self.tracks: dict[int, Track] = {}
        self.visits: dict[Any, int] = {}
        self.lines: set[tuple[str, int]] = set()
        self.optimizers: dict[int, Any] = {}
        self.labels: dict[int, str] = {}
        self.kept: list[Any] = []
        self.applications: dict[int, int] = {}
        self.stepped = 0
        self.gradient_calls = 0
        self.trained: list[Any] = []
        self.loss: float | None = None
        self.notes: set[str] = set()
        self.supplied: list[str] = []
        self.own_data: list[str] = []
        self.warnings: list[str] = []
        self.inside = 0
        self.paused = 0
        self.functions: list[Any] = []
        self.training_functions: dict[int, int] = {}
        self.touched: set[int] = set()
        self.idle: set[int] = set()
        """Variables to which exactly nothing was added after their gradient was asked for: steps made by hand."""
        self.stirred: set[int] = set()
        """Those to which something was added, or may have been."""
        self.loss_calls: list[Any] = []
        self.loss_pairs: list[Any] = []
        self.labels_and_logits: list[Any] = []
        self.errors: dict[int, tuple[Any, Any, Any]] = {}
        self.slopes: dict[Any, Any] = {}
        self.symptoms: set[str] = set()
        self.on_the_way: set[int] = set()
        self.model_calls: dict[int, tuple[Any, Any]] = {}
        self.batches: list[Any] = []
        self.cuts: list[dict[str, Any]] = []
        self.targets: list[Any] = []
        self.unapplied_gradients = 0
        self.finish: Any = None
        self.retry: Any = None
        self.trail: Any = None
        self.random = False
        self.terms: tuple[int, int] | None = None
        self.hypothesis: dict[str, Any] = {}
        self.given: dict[str, Any] = {}
        self.fixed_hypothesis = False
        self.made_in: dict[int, Any] = {}
        self.frozen_in: dict[int, Any] = {}
        self.exploring_until: float | None = None
        self.interrupted = False
        self.request_lines: dict[Any, int] = {}
        self.reached: dict[int, tuple[str, int]] = {}
        self.reported: list[int] = []
        self.several: list[Any] = []
        self.sites: Any = None
        self.raised: BaseException | None = None
        self.escaped: Exception | None = None
        """What a request for gradients or an optimizer raised last, whatever the program made of it."""
        self.left_aside: set[int] = set()
        self.flat_known = False
        self.told_eager: set[int] = set()
        """Models that the program itself tells to run eagerly."""
        self.compiled_for: dict[int, set[int]] = {}
        """The variables that a model had to train when it was first trained after it was compiled."""
        self.latecomers: list[tuple[Any, Any]] = []

    # -- places ---------------------------------------------------------------------------------------------------

    def site(self) -> tuple[str, int]:
        """The innermost line of the user's own that led here."""
        frame = sys._getframe(1)
        while frame is not None:
            if self.program.owns(frame.f_code.co_filename):
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return "", 0

    def visit(self, *key: Any) -> int:
        self.visits[key] = self.visits.get(key, 0) + 1
        return self.visits[key]

    def visited(self, *key: Any) -> int:
        return self.visits.get(key, 0)

    # -- variables ------------------------------------------------------------------------------------------------

    def raw(self, variable: Any) -> Any:
        """The TensorFlow variable behind a Keras 3 one."""
        inner = getattr(variable, "_value", None)
        return inner if inner is not None and isinstance(inner, self.tf.Variable) else variable

    def is_variable(self, thing: Any) -> bool:
        return isinstance(self.raw(thing), self.tf.Variable)

    def track(self, variable: Any) -> Track:
        raw = self.raw(variable)
        found = self.tracks.get(id(raw))
        if found is None:
            found = self.tracks[id(raw)] = Track(variable, raw)
            # A variable that comes to life while a function is traced gets its value only when the function runs.
            found.first = None if self.tracing() else self.value(raw)
        elif found.variable is raw and variable is not raw:
            found.variable = variable
        return found

    def value(self, raw: Any) -> Any:
        """A copy of its present value, or None where there is none to be had (graph mode, not yet initialised)."""
        if self.tf.compat.v1.get_default_graph().building_function or self.tf.executing_eagerly():
            self.paused += 1
            try:
                with self.tf.init_scope():
                    return raw.numpy().copy() if self.tf.executing_eagerly() else None
            except Exception:
                return None
            finally:
                self.paused -= 1
        return None

    def tracing(self) -> bool:
        return bool(self.tf.compat.v1.get_default_graph().building_function)

    def look_around(self) -> None:
        """Takes the variables of every model that exists now under observation."""
        for model in self.models():
            for variable in weights_of(model):
                self.track(variable)

    def models(self) -> list[Any]:
        """Keras models, and modules of the user's own making."""
        return holders(tuple(self.model_types), self.tf.Module)

    model_types: tuple[type, ...] = ()

    def label(self, optimizer: Any) -> str:
        known = self.labels.get(id(optimizer))
        if known is None:
            name = type(optimizer).__name__
            taken = set(self.labels.values())
            known = name
            count = 1
            while known in taken:
                known = f"{name}_{count}"
                count += 1
            self.labels[id(optimizer)] = known
            self.kept.append(optimizer)
        return known

    # -- gradients ------------------------------------------------------------------------------------------------

    def measure(self, gradient: Any) -> tuple[str, float | None]:
        if gradient is None:
            return "none", None
        self.paused += 1
        try:
            import numpy

            values = getattr(gradient, "values", gradient) if not hasattr(gradient, "numpy") else gradient
            if not hasattr(values, "numpy"):
                return "connected", None
            try:
                array = numpy.asarray(values.numpy())
            except Exception:
                return "connected", None
            if array.dtype.kind not in "fc":
                try:
                    array = array.astype("float64")
                except (TypeError, ValueError):
                    return "flows", None
            if not numpy.all(numpy.isfinite(array)):
                return "non-finite", None
            norm = float(numpy.sqrt(numpy.sum(numpy.square(numpy.abs(array).astype("float64")))))
            return ("flows" if norm > 0 else "zero"), norm
        finally:
            self.paused -= 1

    def scalar(self, tensor: Any) -> float | None:
        self.paused += 1
        try:
            import numpy

            if isinstance(tensor, (list, tuple)) and len(tensor) == 1:
                tensor = tensor[0]
            if not hasattr(tensor, "numpy"):
                return None
            array = numpy.asarray(tensor.numpy())
            # Adding 0 makes 0 of -0, which nobody wants to read.
            return float(array if array.size == 1 else array.mean()) + 0.0
        except Exception:
            return None
        finally:
            self.paused -= 1

    # -- enough? --------------------------------------------------------------------------------------------------

    def created(self, optimizer: Any) -> None:
        if id(optimizer) not in self.optimizers:
            try:
                self.optimizers[id(optimizer)] = weakref.ref(optimizer)
            except TypeError:
                return

    def applied(self, optimizer: Any) -> None:
        """Counts a step, for a wrapped optimizer too (loss scaling)."""
        for one in (optimizer, getattr(optimizer, "inner_optimizer", None), getattr(optimizer, "_optimizer", None)):
            if one is not None:
                self.applications[id(one)] = self.applications.get(id(one), 0) + 1
                self.kept.append(one)
        self.stepped += 1

    def prepare_fit(self, model: Any, arguments: dict[str, Any]) -> None:
        """Replaced where data had to be supplied."""

    def pending(self) -> bool:
        """Whether an optimizer exists that has not stepped yet."""
        return any(
            reference() is not None and not self.applications.get(identity)
            for identity, reference in self.optimizers.items()
        )

    def nothing_to_learn(self) -> bool:
        """Whether the loss was exactly 0 at first and nothing has flowed: an episode without a reward, a batch that is
        masked as a whole. Another step may show more.
        """
        if self.loss != 0:
            return False
        seen = [state for track in self.tracks.values() for state, _ in track.applied or track.asked]
        return "zero" in seen and not {"flows", "connected", "non-finite"}.intersection(seen)

    def seen_enough(self, count: int) -> bool:
        """Whether a place of training that was passed so many times need not be passed again."""
        return count >= STEPS and (count >= PATIENCE or not (self.pending() or self.nothing_to_learn()))

    def would_be_compiled(self) -> bool:
        """Whether what runs eagerly here is a part of a graph in the program's own mode."""
        if self.inside:
            return not self.batches or id(self.batches[-1][0]) not in self.told_eager
        frame: Any = sys._getframe(1)
        while frame is not None:
            if COMPILER.search(frame.f_code.co_filename):
                return True
            frame = frame.f_back
        return False

    def complete(self) -> bool:
        return self.stepped > 0 and not self.inside

    def more_training_ahead(self, calls: frozenset[str] = TRAINING_CALLS) -> bool:
        """Whether the program's text holds a training call that has not been passed."""
        for text in self.program.texts():
            try:
                tree = ast.parse(text)
            except (SyntaxError, ValueError, RecursionError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in calls:
                    last = getattr(node, "end_lineno", node.lineno) or node.lineno
                    if not any(node.lineno <= line <= last for _, line in self.lines):
                        return True
        return False

    def repeated_gradient(self) -> bool:
        return any(key[0] == "gradient" and count >= STEPS for key, count in self.visits.items())

    def program_called(self) -> bool:
        """Whether the call now being made stands in the user's own text (two frames up: past the wrapper)."""
        frame = sys._getframe(2)
        return bool(self.program.owns(frame.f_code.co_filename))

    def first_scalar(self, result: Any) -> float | None:
        for part in self.tf.nest.flatten(result):
            if getattr(part, "shape", None) == () and hasattr(part, "numpy"):
                return self.scalar(part)
        return None

    def mark_training_function(self) -> None:
        """A step traced into a `tf.function` is carried out by calls of that function, which Python does not see."""
        if self.functions and not self.inside:
            self.training_functions.setdefault(id(self.functions[0]), 0)

    def stop(self) -> None:
        self.finish("stepped")

    def interrupt(self) -> None:
        """What was traced and not carried out before the time was up has gradients, but its weights stand still."""
        self.interrupted = bool(self.inside or self.functions)
        self.stop()

    def explore(self, seconds: float) -> None:
        """The step is known; what follows may still train something else, but gets little time: so many seconds of the
        processor. On a busy machine the clock runs on meanwhile, and what a run shows must not depend on that.
        """
        import signal

        if self.exploring_until is None and hasattr(signal, "setitimer"):
            self.exploring_until = time.monotonic() + seconds
            for kind, timer, length in (
                (signal.SIGPROF, signal.ITIMER_PROF, seconds),
                (signal.SIGALRM, signal.ITIMER_REAL, PATIENT * seconds),
            ):
                signal.signal(kind, lambda *_: self.interrupt())
                signal.setitimer(timer, length)


def plain_name(name: str) -> str:
    return re.sub(r":\d+$", "", name)
