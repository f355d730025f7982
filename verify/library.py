"""One training step of a model in the caller's own process: for test suites, notebooks and debuggers."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from regrad.verify.evidence import Gradient, Outcome, StepReport, Symptom, VariableReport
from regrad.verify.faults import faults_of, sound
from regrad.verify.wording import describe, sentence, told

RATE = 0.01
"""How far the weights are moved to see whether they move; they are put back."""


def one_step(
    model: Any, x: Any, y: Any = None, *, loss: Any = None, variables: Sequence[Any] | None = None
) -> StepReport:
    """What every variable of `model` receives in one training step on the batch `x`, `y`.

    With `loss` (a Keras loss, its name, or `loss(y, prediction)`) the step is: forward pass, loss, gradient. Without,
    the model's own `train_step` is carried out as it was compiled. The weights, and the state of the optimizer, are
    what they were before when this returns.

    Beside the gradients it asks what the verifier asks of a whole program, as far as a model and a batch can answer:
    what the loss and the output depend on, and of a model that is trained as it was compiled whether the loss of this
    batch falls (with `loss`, the step goes down the slope of whatever it is given, and falls by nature). A model that
    draws random numbers is not asked the last question, nor whether its trained weights have a part in its output: to
    compare two passes the seed would have to be set, and the random numbers of the caller are left alone. Whether a
    loss has the wrong sign is read off the operations of a program, and is not asked here.
    """
    import tensorflow as tf

    started = time.monotonic()
    inputs, targets = as_tensors(tf, x), as_tensors(tf, y)
    step = OneStep(tf, model, variables)
    try:
        if loss is not None:
            step.by_tape(inputs, targets, as_loss(tf, loss))
        elif hasattr(model, "train_step") and getattr(model, "optimizer", None) is not None:
            step.as_compiled(inputs, targets)
        else:
            raise TypeError("one_step needs a loss, or a model that has been compiled.")
    except TypeError as error:
        if step.began:
            return step.report(started, error)
        raise
    except Exception as error:
        return step.report(started, error)
    return step.report(started, None)


def assert_gradients_flow(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    loss: Any = None,
    variables: Sequence[Any] | None = None,
    allow: Iterable[str] = (),
) -> StepReport:
    """Fails where a variable receives no gradient, or the step shows that the model cannot learn from it.

    `allow` names variables (`*` and `?` stand for any letters) from which nothing is demanded. Gives the step, for more
    questions.
    """
    report = one_step(model, x, y, loss=loss, variables=variables)
    allowed = tuple(allow)
    demanded = replace(
        report, variables=tuple(v for v in report.variables if not any(fnmatch.fnmatch(v.name, p) for p in allowed))
    )
    if not sound(demanded):
        raise AssertionError(why_not(demanded))
    return report


def why_not(report: StepReport) -> str:
    """Why a step is not sound, one line for each variable that is concerned."""
    if report.outcome is not Outcome.STEPPED:
        reason = f" {report.reason}" if report.reason and report.outcome is not Outcome.RAISED else ""
        return f"{sentence(describe(report))}.{reason}"
    lines = [f"{sentence(told(report, faults_of(report)))}."]
    wrong = (Gradient.NONE, Gradient.ZERO, Gradient.NON_FINITE)
    lines += [f"  {v.name}: gradient {v.gradient.value}" for v in report.variables if v.gradient in wrong]
    return "\n".join(lines)


def as_tensors(tf: Any, data: Any) -> Any:
    """The batch as a model gets it from `fit`: tensors, and floats of the usual width."""
    if data is None:
        return None

    def one(leaf: Any) -> Any:
        tensor = tf.convert_to_tensor(leaf)
        return tf.cast(tensor, tf.keras.backend.floatx()) if tensor.dtype == tf.float64 else tensor

    if isinstance(data, list) and data and not hasattr(data[0], "shape"):
        return one(data)
    return tf.nest.map_structure(one, data)


def as_loss(tf: Any, loss: Any) -> Callable[[Any, Any], Any]:
    found: Callable[[Any, Any], Any] = tf.keras.losses.get(loss) if isinstance(loss, str) else loss
    return found


class OneStep:
    """The variables of one model before, during and after its step."""

    def __init__(self, tf: Any, model: Any, variables: Sequence[Any] | None) -> None:
        self.tf = tf
        self.model = model
        self.chosen = None if variables is None else list(variables)
        self.began = False
        self.loss: float | None = None
        self.gradients: dict[int, Any] = {}
        self.moved: set[int] = set()
        self.called: tuple[Any, Any, Any, Any] | None = None
        self.inputs: Any = None
        self.batch: Any = None

    def trainable(self) -> list[Any]:
        return list(self.model.trainable_variables) if self.chosen is None else self.chosen

    def everything(self) -> list[Any]:
        held = [*getattr(self.model, "variables", ()), *(self.chosen or ())]
        optimizer = getattr(self.model, "optimizer", None)
        state = getattr(optimizer, "variables", ()) if optimizer is not None else ()
        held += list(state() if callable(state) else state)
        return list({id(variable): variable for variable in held}.values())

    def forward(self, inputs: Any) -> Any:
        try:
            return self.model(inputs, training=True)
        except TypeError as error:
            if "training" not in str(error):
                raise
            return self.model(inputs)

    def by_tape(self, inputs: Any, targets: Any, loss: Callable[[Any, Any], Any]) -> None:
        self.began = True
        tf = self.tf
        self.inputs = inputs
        with tf.GradientTape() as tape:
            prediction = self.forward(inputs)
            value = loss(targets, prediction)
            self.called = (loss, targets, prediction, value)
        sources = self.trainable()
        self.loss = self.number(value)
        gradients = tape.gradient(value, sources)
        kept = self.values()
        try:
            for variable, gradient in zip(sources, gradients, strict=True):
                self.gradients[id(variable)] = gradient
                if gradient is not None:
                    variable.assign(variable - tf.cast(RATE * tf.convert_to_tensor(gradient), variable.dtype))
            self.compare(kept)
        finally:
            self.put_back(kept)

    def as_compiled(self, inputs: Any, targets: Any) -> None:
        self.began = True
        self.forward(inputs)
        self.inputs = inputs
        self.batch = inputs if targets is None else (inputs, targets)
        optimizer = self.model.optimizer
        if hasattr(optimizer, "build") and not getattr(optimizer, "built", False):
            optimizer.build(self.model.trainable_variables)
        tape_type = self.tf.GradientTape
        plain = tape_type.gradient
        kept = self.values()

        def gradient(tape: Any, target: Any, sources: Any, *args: Any, **options: Any) -> Any:
            found = plain(tape, target, sources, *args, **options)
            if self.loss is None:
                self.loss = self.number(target)
            pairs = zip(self.tf.nest.flatten(sources), self.tf.nest.flatten(found), strict=True)
            self.gradients.update({id(source): given for source, given in pairs})
            return found

        tape_type.gradient = gradient
        try:
            self.model.train_step(self.batch)
            self.compare(kept)
        finally:
            tape_type.gradient = plain
            self.put_back(kept)

    def values(self) -> list[tuple[Any, Any]]:
        return [(variable, self.tf.identity(variable)) for variable in self.everything()]

    def compare(self, kept: list[tuple[Any, Any]]) -> None:
        for variable, value in kept:
            if bool(self.tf.reduce_any(self.tf.not_equal(self.tf.convert_to_tensor(variable), value))):
                self.moved.add(id(variable))

    def put_back(self, kept: list[tuple[Any, Any]]) -> None:
        for variable, value in kept:
            variable.assign(value)

    def number(self, value: Any) -> float | None:
        try:
            return float(self.tf.reduce_mean(value))
        except (TypeError, ValueError):
            return None

    def report(self, started: float, error: Exception | None) -> StepReport:
        try:
            names = [self.of(variable) for variable in self.listed()]
        except Exception:  # a model that was never built has no variables to tell of
            names = []
        return StepReport(
            Outcome.STEPPED if error is None else Outcome.RAISED,
            exception=None if error is None else f"{type(error).__name__}: {error}",
            reason=None if error is None else "The step raised an exception.",
            loss=self.loss,
            variables=tuple(names),
            symptoms=self.symptoms() if error is None else (),
            data="real",
            tensorflow=self.tf.__version__,
            seconds=time.monotonic() - started,
        )

    def listed(self) -> list[Any]:
        held = [*getattr(self.model, "variables", ()), *(self.chosen or ())]
        trainable = {id(variable) for variable in self.trainable()}
        unique = {id(variable): variable for variable in held}
        return [
            variable
            for identity, variable in unique.items()
            if identity in trainable or identity in self.gradients or getattr(variable, "trainable", False)
        ]

    def of(self, variable: Any) -> VariableReport:
        gradient, norm = self.measured(variable)
        return VariableReport(
            name=str(getattr(variable, "path", None) or variable.name).partition(":")[0],
            shape=tuple(int(side) for side in variable.shape),
            gradient=gradient,
            norm=norm,
            changed=id(variable) in self.moved,
            trainable=bool(getattr(variable, "trainable", True)),
            model=str(getattr(self.model, "name", type(self.model).__name__)),
        )

    def measured(self, variable: Any) -> tuple[Gradient, float | None]:
        # Keras 3 hands its optimizers the TensorFlow variable behind its own.
        for identity in (id(variable), id(getattr(variable, "_value", None))):
            if identity in self.gradients:
                gradient = self.gradients[identity]
                if gradient is None:
                    return Gradient.NONE, None
                norm = float(self.tf.norm(self.tf.cast(self.tf.convert_to_tensor(gradient), "float64")))
                if norm != norm or norm == float("inf"):
                    return Gradient.NON_FINITE, None
                return (Gradient.FLOWS if norm > 0 else Gradient.ZERO), norm
        return Gradient.NOT_ASKED, None

    def symptoms(self) -> tuple[Symptom, ...]:
        """The questions that the verifier's worker asks of a step, as far as they need nothing but the model."""
        from regrad.verify.worker.loss_oracles import loss_symptoms
        from regrad.verify.worker.output_oracles import output_symptom
        from regrad.verify.worker.recorder import Recorder
        from regrad.verify.worker.values import careful

        recorder = Recorder(self.tf, None, "eager")
        found: list[str] = []
        if self.called is not None:
            recorder.loss_calls.append(self.called)
            found += careful(lambda: loss_symptoms(recorder)) or []
        symptom = careful(lambda: output_symptom(recorder, self.model, self.inputs))
        if symptom is not None:
            found.append(symptom)
        kept = self.values()
        try:
            if symptom is None and careful(lambda: self.output_is_fixed(recorder)):
                found.append(Symptom.OUTPUT_FIXED.value)
            if careful(lambda: self.does_not_fall(recorder)):
                found.append(Symptom.LOSS_DOES_NOT_FALL.value)
        finally:
            self.put_back(kept)
        return tuple(Symptom(name) for name in dict.fromkeys(found))

    def output_is_fixed(self, recorder: Any) -> bool:
        """Of what was trained: a model without targets, or with a loss of its own, is trained for something else."""
        from regrad.verify.worker.output_oracles import has_no_part
        from regrad.verify.worker.progress import own_step

        if self.called is None and (own_step(self.model) or not isinstance(self.batch, tuple)):
            return False
        weights = [
            variable
            for variable in self.trainable()
            if id(variable) in self.moved and self.measured(variable)[0] is Gradient.FLOWS
        ]
        return has_no_part(recorder, self.model, weights, self.inputs, same_noise=False)

    def does_not_fall(self, recorder: Any) -> bool:
        from regrad.verify.worker.progress import never_falls, own_step
        from regrad.verify.worker.values import as_array

        if not isinstance(self.batch, tuple) or own_step(self.model):
            return False
        passes = [self.tf.nest.flatten(self.model(self.inputs, training=True)) for _ in range(2)]
        if not all(bool((as_array(one) == as_array(other)).all()) for one, other in zip(*passes, strict=True)):
            return False
        return never_falls(recorder, self.model, self.batch, same_noise=False)
