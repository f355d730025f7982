"""Plant disease classifier: train the head on a frozen backbone, then thaw the last block."""
import keras
import numpy as np
from keras import callbacks, layers


def leaf_images(n, side=20, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = 0.3 * rng.normal(size=(n, side, side, 3)) + np.array([0.1, 0.5, 0.1])
    for i, k in enumerate(y):
        for _ in range(4 * k):
            r, c = rng.integers(0, side - 3, 2)
            x[i, r : r + 3, c : c + 3] = [0.8, 0.4, 0.1]
    return x.astype("float32"), y


def conv_block(x, filters, name):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    x = layers.Activation("relu", name=f"{name}_act")(x)
    return layers.MaxPooling2D(name=f"{name}_pool")(x)


def backbone(side):
    inp = keras.Input((side, side, 3))
    x = conv_block(inp, 8, "stem")
    x = conv_block(x, 16, "mid")
    x = conv_block(x, 16, "top")
    return keras.Model(inp, x, name="backbone")


def classifier(base, classes):
    inp = keras.Input(base.input_shape[1:])
    x = base(inp, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.1)(x)
    return keras.Model(inp, layers.Dense(classes, name="diagnosis")(x))


class ParameterReport(callbacks.Callback):
    def on_train_begin(self, logs=None):
        tuned = sum(int(np.prod(w.shape)) for w in self.model.trainable_weights)
        total = sum(int(np.prod(w.shape)) for w in self.model.weights)
        print(f"tuning {tuned} of {total} parameters")


def compile_with(model, lr):
    model.compile(
        optimizer=keras.optimizers.Adam(lr),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def thaw(base, prefix):
    base.trainable = True
    for layer in base.layers:
        layer.trainable = layer.name.startswith(prefix) and not isinstance(layer, layers.BatchNormalization)


def main():
    keras.utils.set_random_seed(40)
    x, y = leaf_images(240)
    xv, yv = leaf_images(60, seed=1)
    base = backbone(x.shape[1])
    model = classifier(base, 3)

    base.trainable = False
    compile_with(model, 5e-2)
    first = model.fit(x, y, epochs=5, batch_size=40, verbose=0, callbacks=[ParameterReport()])
    print("frozen ", np.round(first.history["loss"], 3))

    thaw(base, "top")
    compile_with(model, 1e-2)
    second = model.fit(
        x, y, epochs=8, batch_size=40, verbose=0,
        callbacks=[ParameterReport(), callbacks.EarlyStopping("loss", patience=3)],
    )
    print("thawed ", np.round(second.history["loss"], 3))
    guess = np.argmax(model.predict(xv, verbose=0), axis=1)
    print("confusion diagonal", [int(((guess == k) & (yv == k)).sum()) for k in range(3)], "of", np.bincount(yv).tolist())


if __name__ == "__main__":
    main()
