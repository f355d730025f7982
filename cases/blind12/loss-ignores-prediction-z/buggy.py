"""Hash codes from image triplets (query, similar, dissimilar), one network with tied weights for the three."""
import numpy as np
import keras
from keras import layers, ops

keras.utils.set_random_seed(30)

SIDE = 12
BITS = 8
N_TRIPLETS = 120


def shape_image(kind):
    img = 0.1 * np.random.rand(SIDE, SIDE, 1)
    r, c = np.random.randint(1, 5, size=2)
    if kind == 0:
        img[r:r + 6, c:c + 2] += 1
    elif kind == 1:
        img[r:r + 2, c:c + 6] += 1
    else:
        img[r:r + 4, c:c + 4] += 1
    return img


def make_triplets(n):
    out = [[], [], []]
    for _ in range(n):
        a, b = np.random.choice(3, size=2, replace=False)
        for column, kind in zip(out, (a, a, b)):
            column.append(shape_image(kind))
    return [np.array(column, dtype="float32") for column in out]


def shared_pipeline():
    return keras.Sequential([
        layers.Input((SIDE, SIDE, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(BITS, activation="sigmoid"),
    ], name="pipeline")


def ranking_loss(codes, unused=None):
    # rows of the merge layer: [embedding_1, embedding_2, embedding_3], there is no need for a Y
    e1 = codes[:, :BITS]
    e2 = codes[:, BITS:2 * BITS]
    e3 = codes[:, 2 * BITS:]
    similar = ops.sum(ops.square(e1 - e2), axis=-1)
    dissimilar = ops.sum(ops.square(e1 - e3), axis=-1)
    return ops.maximum(0.0, similar - dissimilar + 1.0)


pipeline = shared_pipeline()
images = [layers.Input((SIDE, SIDE, 1), name=n) for n in ("query", "positive", "negative")]
merged = layers.Concatenate(axis=-1)([pipeline(i) for i in images])
graph = keras.Model(images, merged)
graph.compile(optimizer=keras.optimizers.Adam(0.01), loss=ranking_loss)

triplets = make_triplets(N_TRIPLETS)
dummy_y = np.zeros((N_TRIPLETS, 3 * BITS), dtype="float32")
history = graph.fit(triplets, dummy_y, batch_size=20, epochs=6, verbose=0)
print("loss", np.round(history.history["loss"], 3))

codes = (pipeline.predict(triplets[0][:5], verbose=0) > 0.5).astype(int)
print(codes)
