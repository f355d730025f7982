# Multi-task face model: age, gender and emotion from one trunk.
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
import keras
from keras import layers


@dataclass
class Task:
    name: str
    kind: str
    head: Callable[[], Any]
    loss: Any
    weight: float = 1.0


TASKS = [
    Task("age", "regression", lambda: layers.Dense(1, name="age"), "mae", 0.1),
    Task("gender", "binary", lambda: layers.Dense(1, activation="sigmoid", name="gender"), "binary_crossentropy"),
    Task(
        "emotion",
        "categorical",
        lambda: layers.Dense(5, activation="softmax", name="emotion"),
        "sparse_categorical_crossentropy",
    ),
]
OBJECTIVES = ("regression", "binary")


def conv_trunk(x):
    for f in (6, 12):
        x = layers.Conv2D(f, 3, activation="relu", padding="same")(x)
        x = layers.MaxPooling2D()(x)
    return layers.Flatten()(x)


def assemble(tasks, side=16):
    faces = keras.Input((side, side, 1), name="faces")
    z = layers.Dense(24, activation="relu")(conv_trunk(faces))
    outputs = {t.name: t.head()(z) for t in tasks}
    return keras.Model(faces, outputs, name="face_mtl")


def compile_for(model, tasks, lr=2e-3):
    used = [t for t in tasks if t.kind in OBJECTIVES]
    model.compile(
        optimizer=keras.optimizers.Adam(lr),
        loss={t.name: t.loss for t in used},
        loss_weights={t.name: t.weight for t in used},
    )


def fake_faces(n, side=16, seed=5):
    rng = np.random.default_rng(seed)
    age = rng.uniform(1, 8, n)
    gender = rng.integers(0, 2, n)
    emotion = rng.integers(0, 5, n)
    img = 0.3 * rng.normal(size=(n, side, side))
    img[:, :4, :] += (age / 8)[:, None, None]
    img[:, 6:9, 2:6] += gender[:, None, None]
    for i, e in enumerate(emotion):
        img[i, 11:15, 3 * e : 3 * e + 3] += 1.5
    labels = {
        "age": age.astype("float32")[:, None],
        "gender": gender.astype("float32")[:, None],
        "emotion": emotion[:, None],
    }
    return img.astype("float32")[..., None], labels


def report(model, x, labels):
    pred = model.predict(x, verbose=0)
    print("age mae       ", float(np.abs(pred["age"] - labels["age"]).mean()))
    print("gender accuracy", float(((pred["gender"] > 0.5) == labels["gender"]).mean()))
    print("emotion accuracy", float((pred["emotion"].argmax(1) == labels["emotion"][:, 0]).mean()))


if __name__ == "__main__":
    keras.utils.set_random_seed(17)
    x, labels = fake_faces(240)
    model = assemble(TASKS)
    compile_for(model, TASKS)
    model.fit(x, labels, epochs=6, batch_size=24, verbose=0)
    report(model, x, labels)
