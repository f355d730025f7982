"""Changes of the contrast or saturation of images, written out as TensorFlow computes them, with a slope."""

from __future__ import annotations

import ast

from regrad.analysis.endings import Ending
from regrad.analysis.program import Program
from regrad.analysis.values import Constant
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument, operand
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.rule import Mending, Mendings, Safety, Withheld
from regrad.codemods.engine.surroundings import free_name
from regrad.codemods.engine.without_slope import is_probable

CONTRAST = "(image - tf.reduce_mean(image, axis=[-3, -2], keepdims=True)) * factor + mean"
SATURATION = (
    "brightest = tf.reduce_max(image, axis=-1, keepdims=True)\nimage = brightest + factor * (image - brightest)"
)
_WHY = "this is how TensorFlow computes it"


def contrast(program: Program, ending: Ending) -> Mendings:
    """`adjust_contrast` and `random_contrast`: away from the mean of each channel."""
    picture = _Picture(program, ending)
    try:
        mean = f"{picture.say('reduce_mean')}({picture.image()}, axis=[-3, -2], keepdims=True)"
        mean = picture.named(mean, "mean", "image_mean") if picture.statement is not None else mean
        return picture.mending(f"({picture.image()} - {mean}) * {operand(picture.factor())} + {mean}", "contrast")
    except CannotMove as problem:
        return Withheld(problem.reason, CONTRAST)


def saturation(program: Program, ending: Ending) -> Mendings:
    """`adjust_saturation` and `random_saturation`: away from the brightest channel of each pixel, and no channel
    below zero."""
    picture = _Picture(program, ending)
    try:
        if picture.statement is None:
            raise CannotMove("give the image that comes out a name first")
        image, factor = picture.image(), picture.factor()
        brightest = picture.named(f"{picture.say('reduce_max')}({image}, axis=-1, keepdims=True)", "brightest")
        if not _stays_a_colour(program, ending):
            darkest = picture.named(f"{picture.say('reduce_min')}({image}, axis=-1, keepdims=True)", "darkest")
            full = f"{picture.say('math.divide_no_nan')}({brightest}, {brightest} - {darkest})"
            full = picture.named(f"{picture.say('maximum')}({full}, 0.0)", "full_colour", "full_saturation")
            factor = f"{picture.say('minimum')}({factor}, {full})"
        return picture.mending(f"{brightest} + {operand(factor)} * ({image} - {brightest})", "saturation")
    except CannotMove as problem:
        return Withheld(problem.reason, SATURATION)


def _stays_a_colour(program: Program, ending: Ending) -> bool:
    """Whether no channel can come to lie below zero: the colours are none below it, and all factors are up to 1."""
    for each in (each for each in tensors(program) if each.operation.node is ending.node):
        inputs = each.operation.inputs
        image, factor = inputs[:2] if len(inputs) > 1 else (None, None)
        if not is_probable(image):
            return False
        value = factor.value if isinstance(factor, Constant) else None
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            return False
    return isinstance(ending.node, ast.Call) and isinstance(argument(ending.node, 1, "saturation_factor"), ast.Constant)


class _Picture:
    """The call, and the statement that its parts can be given names before."""

    def __init__(self, program: Program, ending: Ending) -> None:
        from regrad.codemods.engine.moving import Rewrite

        self.program, self.path = program, ending.frame.path
        self.tree = program.trees[self.path]
        self.rewrite = Rewrite(program.files[self.path], self.tree)
        node = ending.node
        self.call = node if isinstance(node, ast.Call) else None
        self.random = ending.operation is not None and ending.operation.name.startswith("random_")
        statement = program.statement(node, self.path)
        alone = isinstance(statement, (ast.Assign, ast.Return)) and statement.value is node
        self.statement = statement if alone else None
        self._image = ""

    def image(self) -> str:
        """The name of the image, which is given one where it has none."""
        if not self._image:
            given = argument(self.call, 0, "images", "image") if self.call is not None else None
            if given is None:
                raise CannotMove("the call is not written out here")
            self._image = self.program.source(given, self.path)
            if not isinstance(given, ast.Name):
                self._image = self.named(self._image, "image", "picture")
        return self._image

    def factor(self) -> str:
        """The text of the factor, which a random change draws."""
        if self.call is None:
            raise CannotMove("the call is not written out here")
        if not self.random:
            return self._text(argument(self.call, 1, "contrast_factor", "saturation_factor"))
        lower, upper = self._text(argument(self.call, 1, "lower")), self._text(argument(self.call, 2, "upper"))
        seed = argument(self.call, 3, "seed")
        rest = f", seed={self._text(seed)}" if seed is not None else ""
        return self.named(f"{self.say('random.uniform')}([], {lower}, {upper}{rest})", "factor", "drawn_factor")

    def named(self, text: str, *names: str) -> str:
        """Gives a value a name before the statement."""
        from regrad.codemods.engine.moving import before

        if self.statement is None:
            raise CannotMove("give the image a name first")
        name = free_name(self.program, self.path, self.tree, names)
        self.rewrite.insert(f"{name} = {text}", before(self.statement))
        return name

    def mending(self, text: str, what: str) -> tuple[Mending]:
        assert self.call is not None
        self.rewrite.replace(self.call, text)
        return (Mending(f"write the {what} out", Safety.SAFE, self.rewrite.edits(), _WHY),)

    def say(self, name: str) -> str:
        spelled = imports.spelled(self.tree, f"tensorflow.{name}", self.call)
        if spelled is None:
            raise CannotMove("the file does not say `tensorflow`")
        return spelled

    def _text(self, node: ast.expr | None) -> str:
        if node is None:
            raise CannotMove("the call does not spell its arguments out")
        return self.program.source(node, self.path)
