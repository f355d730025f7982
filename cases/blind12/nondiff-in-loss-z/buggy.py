# credit decisions: what does a decision cost the bank? (numbers of the business side)
import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(4)

n = 400
income = np.random.gamma(4.0, 0.6, size=(n, 1))
debt = np.random.gamma(2.0, 0.8, size=(n, 1))
age = np.random.uniform(-1, 1, size=(n, 1))
X = np.concatenate([income - 2.4, debt - 1.6, age], axis=1).astype("float32")
default = (debt - 0.8 * income + 0.4 * np.random.normal(size=(n, 1)) > 0).astype("float32")
X_train, X_test = X[:320], X[320:]
y_train, y_test = default[:320], default[320:]


class DecisionCost(keras.losses.Loss):
    def __init__(self, missed=5.0, refused=1.0, threshold=0.5, name="decision_cost"):
        super().__init__(name=name)
        self.missed = missed
        self.refused = refused
        self.threshold = threshold

    def confusion(self, y_true, y_pred):
        positive = tf.cast(y_pred > self.threshold, tf.float32)
        fn = y_true * (1.0 - positive)
        fp = (1.0 - y_true) * positive
        return fn, fp

    def call(self, y_true, y_pred):
        y_true = tf.cast(y_true, tf.float32)
        fn, fp = self.confusion(y_true, y_pred)
        return tf.reduce_mean(self.missed * fn + self.refused * fp, axis=-1)


model = keras.Sequential([
    keras.Input(shape=(3,)),
    keras.layers.Dense(16, activation="relu"),
    keras.layers.Dense(8, activation="relu"),
    keras.layers.Dense(1, activation="sigmoid"),
])
model.compile(optimizer=keras.optimizers.Adam(0.01), loss=DecisionCost(),
              metrics=[keras.metrics.Recall(), keras.metrics.Precision()])
history = model.fit(X_train, y_train, validation_data=(X_test, y_test),
                    epochs=8, batch_size=40, verbose=0)
for key, values in history.history.items():
    print(key, np.round(values, 3))
