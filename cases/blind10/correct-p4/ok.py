"""Two phase transfer: pretrained-like backbone, warm up of the head, then thaw of the last block."""
import numpy as np
import keras
from keras import layers

keras.utils.set_random_seed(64)
SIZE = 20


def blobs(n, classes, seed):
    rng = np.random.RandomState(seed)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    y = rng.randint(0, classes, n)
    x = rng.uniform(0, 0.2, (n, SIZE, SIZE, 1))
    for k in range(n):
        cy, cx = rng.randint(6, SIZE - 6, 2)
        r = np.hypot(yy - cy, xx - cx) if y[k] % 2 == 0 else np.maximum(abs(yy - cy), abs(xx - cx))
        ring = (r < 5) & (r > 2) if y[k] > 1 else r < 4
        x[k, ring] += 0.8
    return x.astype("float32"), y


def make_backbone():
    inp = keras.Input((SIZE, SIZE, 1))
    h = inp
    for i, f in enumerate((8, 12, 16)):
        h = layers.Conv2D(f, 3, padding="same", use_bias=False, name=f"block{i}_conv")(h)
        h = layers.BatchNormalization(name=f"block{i}_bn")(h)
        h = layers.ReLU(name=f"block{i}_act")(h)
        h = layers.MaxPooling2D(name=f"block{i}_pool")(h)
    return keras.Model(inp, layers.GlobalAveragePooling2D()(h), name="backbone")


def pretrain(backbone):
    x, y = blobs(200, 2, seed=1)
    m = keras.Sequential([backbone, layers.Dense(2, activation="softmax")])
    m.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    m.fit(x, y, epochs=3, batch_size=25, verbose=0)


class WeightWatch(keras.callbacks.Callback):
    """Reports per epoch how far the backbone has moved."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def on_train_begin(self, logs=None):
        self.start = [w.copy() for w in self.layer.get_weights()]

    def on_epoch_end(self, epoch, logs=None):
        d = max(float(np.abs(a - b).max()) for a, b in zip(self.start, self.layer.get_weights()))
        print(f"  epoch {epoch} loss {logs['loss']:.3f} acc {logs['accuracy']:.2f} backbone moved {d:.5f}")


backbone = make_backbone()
pretrain(backbone)

x, y = blobs(240, 4, seed=2)
image = keras.Input((SIZE, SIZE, 1))
features = backbone(image, training=False)
model = keras.Model(image, layers.Dense(4, activation="softmax")(layers.Dropout(0.1)(features)))
watch = WeightWatch(backbone)

print("phase 1, head only")
backbone.trainable = False
model.compile(keras.optimizers.Adam(2e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, batch_size=24, verbose=0, callbacks=[watch])

print("phase 2, last block too")
backbone.trainable = True
for layer in backbone.layers:
    layer.trainable = layer.name.startswith("block2") and not layer.name.endswith("bn")
model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, batch_size=24, verbose=0, callbacks=[watch])
print("trainable weights at the end:", [w.path for w in model.trainable_weights])
