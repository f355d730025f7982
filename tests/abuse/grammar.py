"""Programs that nobody would write and Python takes: trainings in odd arrangements, nested, decorated, commented and
dressed, as scripts and as notebooks."""

from __future__ import annotations

import ast
import json
import textwrap

from hypothesis import strategies as st


def parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip("\n") for part in text.strip("\n").split("\n---\n"))


HEADS = (
    "import tensorflow as tf\nfrom tensorflow import keras\nfrom tensorflow.keras import layers\nimport numpy as np\n",
    "import numpy as np, tensorflow as tf; from tensorflow import keras\nlayers = keras.layers\n",
    "from __future__ import annotations\nimport tensorflow as tf\nimport keras\nfrom keras import layers\n",
    '"""Doc."""\nfrom tensorflow import *\nimport tensorflow as tf, keras\nfrom keras import layers\n',
    "try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\nfinally:\n    import keras\n"
    "    from keras import layers\n",
)
DATA = (
    "x = tf.random.normal((8, 3)); y = tf.ones((8, 1))",
    "x, y = np.zeros((8, 3), 'float32'), np.arange(8)",
    "(x, y), (x_test, *rest) = keras.datasets.mnist.load_data()",
    "x = y = tf.constant([[1, 2, 3]])",
    "dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)",
    "num_classes: int = 10",
)
USUAL = """x, y = tf.ones((8, 3)), tf.ones((8, 1))
w = tf.Variable(tf.ones((3, 1))); params = [w]
model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
optimizer = keras.optimizers.Adam(); loss_fn = keras.losses.MeanSquaredError()
"""
MODELS = (
    "model = keras.Sequential([layers.Dense(4), layers.Dense(1, activation='softmax')])",
    "model = keras.Sequential()\nmodel.add(layers.Dense(4, kernel_initializer='zeros'))\nmodel.add(layers.Dense(10))",
    "inputs = keras.Input((3,))\nouts = layers.Dense(1, activation='sigmoid')(layers.Flatten()(inputs))\n"
    "model = keras.Model(inputs, outs)",
    "class Net(keras.Model):\n    def __init__(self, *args, units=4, **kwargs):\n"
    "        super().__init__(*args, **kwargs)"
    "\n"
    "        self.w = tf.Variable(tf.zeros((3, units)))\n        self.d = [layers.Dense(n) for n in range(1, 3)]\n"
    "    def call(self, x, training=None):\n        return tf.argmax(self.d[0](x) @ self.w, axis=-1)\n"
    "model = Net(units=2)",
    "model = (lambda n: keras.Sequential([layers.Dense(n)]))(1)",
    "w = tf.Variable([[1.0], [2.0], [3.0]]); b = tf.Variable(0, dtype=tf.int32)",
    "model.trainable = False",
    "for layer in model.layers[:-1]: layer.trainable = False",
    "model.layers[0].trainable, model.name_ = False, 'n'",
    "base = keras.applications.ResNet50(weights=None)\nbase.trainable = False",
)
SETTINGS = (
    "optimizer = keras.optimizers.Adam(1e-3)",
    "opt = optimizer = tf.keras.optimizers.SGD(learning_rate=0.1, momentum=.9)",
    "loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)",
    "loss_fn = lambda y_true, y_pred: tf.reduce_mean(tf.round(y_pred) - y_true)",
    "def loss_fn(y_true, y_pred, /, *, k=1):\n    y_pred = np.asarray(y_pred)\n"
    "    return tf.sqrt(tf.reduce_sum((y_true - y_pred) ** 2))",
    "variables = model.trainable_variables",
    "params = [w, b]",
)
TRAININGS = (
    "model.compile(optimizer, {loss})\nmodel.fit(x, y, epochs=2)",
    "model.compile('adam', loss={loss}, metrics=['accuracy'])\nhistory = model.fit([x, y])",
    "model.compile(optimizer='adam')\nmodel.fit(dataset)\nmodel.trainable = True",
    "model.fit(x, y, validation_data=(x, y))",
    "with tf.GradientTape() as tape:\n    pred = model(x)\n    loss = {tensor}\n"
    "grads = tape.gradient(loss, {sources})\noptimizer.apply_gradients(zip(grads, {sources}))",
    "pred = model(x)\nwith tf.GradientTape() as tape:\n    loss = {tensor}\ngrads = tape.gradient(loss, {sources})\n"
    "optimizer.apply_gradients(zip(grads, {sources}))",
    "with tf.GradientTape() as tape:\n    pred = model(x)  # forward\nloss = {tensor}\n"
    "optimizer.apply_gradients(zip(tape.gradient(loss, {sources}), {sources}))",
    "with tf.GradientTape() as a, tf.GradientTape() as b:\n    pred = model.predict(x)\n    loss = {tensor}\n"
    "ga = a.gradient(loss, {sources}); gb = b.gradient(loss, {sources})\nga2 = a.gradient(loss, {sources})",
    "with tf.GradientTape() as outer:\n    with tf.GradientTape() as inner:\n        loss = {tensor}\n"
    "    g = inner.gradient(loss, x)\nh = outer.gradient(g, {sources})",
    "with tf.GradientTape(persistent=True) as tape:\n    loss = float({tensor})\nw = w - 0.1 * tape.gradient(loss, w)",
    "optimizer.minimize(lambda: {tensor}, var_list={sources})",
    "loss = {tensor}\noptimizer.minimize(loss, {sources})",
    "grads = tf.gradients({tensor}, {sources})",
)
LOSSES = (
    "'categorical_crossentropy'", "'binary_crossentropy'", "'mse'", "'accuracy'", "loss_fn", "loss_fn(y, x)", "None",
    "keras.losses.SparseCategoricalCrossentropy(from_logits=True)", "[loss_fn, 'mse']", "{'a': 'mse'}",
    "lambda t, p: tf.constant(0.)", "keras.metrics.Accuracy()",
)  # fmt: skip
TENSORS = (
    "tf.reduce_mean((pred - y) ** 2)", "loss_fn(y, pred)", "loss_fn(pred, y)", "tf.reduce_sum(tf.round(pred))",
    "tf.reduce_mean(tf.stop_gradient(pred))", "tf.reduce_sum(np.square(pred))", "tf.reduce_sum(tf.argmax(pred, -1))",
    "tf.where(x > 0, tf.sqrt(x @ w), 0.)", "(pred := model(x))[0, 0]", "sum(p for p in pred)", "tf.norm(w)",
    "tf.add_n([*model.losses, *(tf.nn.l2_loss(v) for v in params)])", "tf.cast(pred, tf.int32)", "pred.numpy().mean()",
    "tf.math.log(tf.nn.softmax(pred))", "loss_fn(*[y, pred])", "loss_fn(**{'y_true': y, 'y_pred': pred})",
)  # fmt: skip
SOURCES = (
    "model.trainable_variables", "model.trainable_weights", "variables", "[w, b]", "w", "model.variables", "params",
    "[*params]", "model.layers[-1].trainable_variables", "(w,)", "x",
)  # fmt: skip
ODD = parts(
    r"""pass
---
...
---
del pred
---
global_step = 0
---
assert x is not None, f'{x!r:>{10}} {{}}'
---
x: 'tf.Tensor'
---
if (n := len([1, 2])) > 1: print(n)
---
print(f"{'a' if x is y else 'b'}", end='')
---
print(*[1], **{'sep': ''})
---
s = rb'\x00\'' + b"\\"
---
lambda *a, **k: (yield)
---
t = '''three
  lines # no comment
'''
---
u = ('a'
     'b'  # inside
     )
---
v = x if y is None else \
    y
---
try: x
except (ValueError, TypeError) as e: raise
else: pass
finally: pass
---
match x:
    case [a, *rest] if rest: pass
    case {'k': v, **more}: pass
    case keras.Model(name=n) | None: pass
    case _: pass
---
def g(a, b=1, /, c=2, *args, d, e=3, **k) -> None: return (yield from a)
---
class C: x = [y for y in range(3)]
---
async def co():
    async with a as b: await b
    async for i in x: yield i
    return
---
@tf.function
def f(x): return x
---
@property
@(lambda f: f)
def prop(self): return self.__x
---
nums = {i: j for i, j in zip(x, y) if i for k in j}
---
for i, (j, *k) in enumerate(x): continue
else: pass
---
while True: break
---
with open('f') as f, open('g'): pass
---
with (open('f') as f,
      open('g') as g,):
    pass
---
x[..., None, 1:2, ::-1] += 1
---
a, *b = c = d = 1, 2
---
tf.keras.backend.clear_session()
---
model.summary()
---
not_ascii = 'é😀\N{BULLET}'  # ∂L/∂w
---
größe = 1
---
import os.path as p, sys
---
print(end='')  # type: ignore
---
if x:
    pass
elif y: pass
else:
    pass
---
type = match = case = 1
---
_ = 0xFF_FF + 1_0.5e-3j
---
x = x
---
print(tf.zeros(3)
      [0],
  end='')
---
@tf.custom_gradient
def h(x):
    def grad(upstream): return upstream * 2
    return tf.round(x), grad
---
tf.Variable.__setattr__(model, 'trainable', not 1)
---
exec('model = None') or eval("x")
---
[model := m for m in ()]
"""
)
COMMENTS = (
    "# plain",
    "#",
    "#!nothing",
    "# regrad: ignore[RG401]",
    "# noqa: RG1",
    "# %% cell",
    "# ünïcödé ∂",
    "#\ttab",
    "# fmt: off",
)
CONTAINERS = parts(
    """{body}
---
if True:
{inner}
---
for epoch in range(3):
{inner}
else:
    pass
---
while (n := 1):
{inner}
    break
---
def train(model=None, *args, w=1, **kwargs):
{inner}
train()
---
def train(x, y):
    global model
{inner}
train(x, y)
---
async def train():
{inner}
---
class Trainer:
    lr = 1
{inner}
---
try:
{inner}
finally:
    pass
---
class Trainer(keras.Model):
    def train_step(self, data):
        x, y = data; model = self
{inner2}
        return {}
---
@tf.function
def step(x, y):
{inner}
for x, y in dataset: step(x, y)
---
with tf.device('/CPU:0'):
{inner}
---
match 1:
    case 1:
{inner2}
---
def outer():
    model = None
    def inner():
        nonlocal model
{inner2}
    return inner()
---
if __name__ == '__main__':
{inner}
---
for epoch in range(2):
  for x, y in dataset:
{inner}
"""
)
PIECES = {"d": DATA, "m": MODELS, "s": SETTINGS, "t": TRAININGS, "o": ODD}
MOST = 5


def contained(container: str, inner: str) -> str:
    return (
        container.replace("{body}", inner)
        .replace("{inner2}", textwrap.indent(inner, "        "))
        .replace("{inner}", textwrap.indent(inner, "    "))
    )


@st.composite
def statements(draw: st.DrawFn, kind: str) -> str:
    """Statements of one kind, perhaps with a comment."""
    text = draw(st.sampled_from(PIECES[kind]))
    for name, choices in (("{loss}", LOSSES), ("{tensor}", TENSORS), ("{sources}", SOURCES)):
        if name in text:
            text = text.replace(name, draw(st.sampled_from(choices)))
    if draw(st.integers(0, 5)) == 5 and not text.endswith("\\") and "'''" not in text:
        comment = draw(st.sampled_from(COMMENTS))
        text = f"{text}  {comment}" if draw(st.booleans()) else f"{comment}\n{text}"
    return text


@st.composite
def blocks(draw: st.DrawFn, depth: int = 2) -> str:
    """Statements in any order, or in one that makes a training, some of them in a container."""
    kinds = "dmst" if draw(st.booleans()) else draw(st.text("dmsttto", min_size=1, max_size=MOST))
    made: list[str] = []
    for kind in kinds:
        if draw(st.integers(0, 2)) == 2:
            made.append(draw(statements("o")))
        text = draw(statements(kind))
        if kind == "t" and draw(st.booleans()):
            text = contained(draw(st.sampled_from(CONTAINERS)), text)
        made.append(text)
    if depth and draw(st.integers(0, 2)) == 2:
        made.append(contained(draw(st.sampled_from(CONTAINERS)), draw(blocks(depth=depth - 1))))
    joined = draw(st.sampled_from(("\n", "\n", "\n\n", "\n \n"))).join(made)
    return contained(draw(st.sampled_from(CONTAINERS)), joined) if draw(st.integers(0, 3)) == 3 else joined


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A program as text; nearly all of them are Python."""
    start = draw(st.sampled_from(HEADS)) + draw(st.sampled_from(("", "\n", USUAL, USUAL)))
    return start + draw(blocks()) + "\n"


@st.composite
def scripts(draw: st.DrawFn) -> bytes:
    """A program as the bytes of a file, in some dress."""
    text = draw(texts())
    dress = draw(st.integers(0, 255))
    if dress & 1:
        text = text.replace("    ", "\t") if "'''" not in text and '"""' not in text else text
    if dress & 2:
        text = text.replace("\n\n", "\n\x0c\n", 1)
    if dress & 4:
        text = text.rstrip("\n")
    if dress & 8:
        text = text.replace(" = ", "=").replace(", ", " ,")
    text = text.replace("\n", ("\n", "\r\n", "\n", "\r")[(dress >> 4) & 3])
    encoding = "utf-8"
    if dress & 64:
        try:
            content = ("# -*- coding: latin-1 -*-\n" + text).encode("latin-1")
        except UnicodeEncodeError:
            content = text.encode(encoding)
    else:
        content = text.encode(encoding)
    return b"\xef\xbb\xbf" + content if dress & 128 and not content.startswith(b"# -*-") else content


MAGICS = (
    "%matplotlib inline",
    "!pip install tensorflow",
    "%%time",
    "%load_ext tensorboard",
    "files = !ls",
    "model?",
    "%%bash\nls",
    "?tf.argmax",
)


@st.composite
def notebooks(draw: st.DrawFn) -> bytes:
    """A notebook whose cells make one program, with magics between."""
    cells: list[dict[str, object]] = []
    for number in range(draw(st.integers(1, 4))):
        text = (draw(st.sampled_from(HEADS)) if number == 0 else "") + draw(blocks(depth=1))
        if draw(st.integers(0, 3)) == 0:
            text = draw(st.sampled_from(MAGICS)) + "\n" + text
        lines = text.splitlines(keepends=True)
        source: object = draw(st.sampled_from((lines, text, [text], [*lines, ""])))
        kind = draw(st.sampled_from(("code", "code", "code", "markdown", "raw")))
        cell: dict[str, object] = {"cell_type": kind, "metadata": {}, "source": source}
        if kind == "code":
            cell.update(execution_count=draw(st.sampled_from((None, 1, 10**9))), outputs=[])
        cells.append(cell)
    book = {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    indent = draw(st.sampled_from((1, 2, 4, None, "\t")))
    text = json.dumps(book, indent=indent, ensure_ascii=draw(st.booleans()), sort_keys=draw(st.booleans()))
    text = text.replace("\n", draw(st.sampled_from(("\n", "\n", "\r\n"))))
    return (text + draw(st.sampled_from(("", "\n")))).encode()


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
