import numpy as np
import tensorflow as tf
import tensorflow.keras as keras
from tensorflow.keras.layers import Dense, Input, Layer
from tensorflow.keras.models import Model

keras.utils.set_random_seed(0)


class Encoder(Layer):
    def __init__(self, units, code, **kwargs):
        super().__init__(**kwargs)
        self.hidden = Dense(units, activation="tanh")
        self.code = Dense(code, activation="sigmoid")

    def call(self, x):
        return self.code(self.hidden(x))


def custom_loss_wrapper(code_tensor, rho=0.1, weight=0.05):
    # sparse code: the mean activation of every unit should stay near rho
    def custom_loss(y_true, y_pred):
        reconstruction = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
        rho_hat = tf.reduce_mean(code_tensor, axis=0)
        kl = rho * tf.math.log(rho / rho_hat) + (1 - rho) * tf.math.log((1 - rho) / (1 - rho_hat))
        return reconstruction + weight * tf.reduce_sum(kl)

    return custom_loss


input_tensor = Input(shape=(10,))
code = Encoder(32, 6, name="encoder")(input_tensor)
out = Dense(10, name="decoder")(code)
model = Model(input_tensor, out)
model.compile(loss=custom_loss_wrapper(code), optimizer="adam")

rs = np.random.RandomState(0)
X = (rs.rand(256, 3) @ rs.rand(3, 10)).astype("float32")
model.fit(X, X, batch_size=32, epochs=5, verbose=2)
print("mean activation:", Model(input_tensor, code).predict(X, verbose=0).mean(axis=0).round(2))
