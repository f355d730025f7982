import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(21)

# house prices (in 100k) from 6 standardized columns
x = np.random.normal(size=(320, 6)).astype("float32")
y = (2.0 + x @ np.array([0.9, -0.5, 0.3, 0.0, 0.7, -0.2])).astype("float32")
y += 0.1 * np.random.normal(size=320).astype("float32")
train_ds = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)


class ManualLossModel(keras.Model):
    """same network, the loss is calculated in train_step"""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.price_error(y, y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def price_error(self, y, y_pred):
        error = tf.cast(y, y_pred.dtype) - y_pred
        return tf.reduce_mean(tf.square(error))

    @property
    def metrics(self):
        return [self.loss_tracker]


def get_model(model_class):
    inputs = keras.Input(shape=(6,))
    h = layers.Dense(16, activation="relu")(inputs)
    h = layers.Dense(16, activation="relu")(h)
    outputs = layers.Dense(1)(h)
    return model_class(inputs, outputs)


compiled = get_model(keras.Model)
compiled.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
h1 = compiled.fit(train_ds, epochs=12, verbose=0)

manual = get_model(ManualLossModel)
manual.compile(optimizer=keras.optimizers.Adam(0.01))
h2 = manual.fit(train_ds, epochs=12, verbose=0)

print("loss passed to compile  %.4f" % h1.history["loss"][-1])
print("loss in train_step      %.4f" % h2.history["loss"][-1])
for name, model in (("compiled", compiled), ("manual", manual)):
    p = model.predict(x, verbose=0)[:, 0]
    print(name, "error %.4f  spread of the predictions %.4f" % (np.mean((p - y) ** 2), p.std()))
