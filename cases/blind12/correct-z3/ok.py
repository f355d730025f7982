# autoencoder with a vector quantization layer, straight-through estimate by a custom gradient
import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(17)


@tf.custom_gradient
def straight_through(inputs, quantized):
    """forward: the quantized values, backward: as if the layer were not there"""

    def grad(dy):
        return dy, tf.zeros_like(quantized)

    return tf.identity(quantized), grad


class VectorQuantization(tf.keras.layers.Layer):
    def __init__(self, num_codes, commitment=0.25, **kwargs):
        super(VectorQuantization, self).__init__(**kwargs)
        self.num_codes = num_codes
        self.commitment = commitment

    def build(self, input_shape):
        self.codebook = self.add_weight(name="codebook", shape=(self.num_codes, input_shape[-1]),
                                        initializer=tf.keras.initializers.RandomUniform(-0.3, 0.3))

    def nearest(self, flat):
        distances = (tf.reduce_sum(flat ** 2, axis=1, keepdims=True)
                     - 2.0 * tf.matmul(flat, self.codebook, transpose_b=True)
                     + tf.reduce_sum(self.codebook ** 2, axis=1))
        return tf.argmin(distances, axis=1)

    def call(self, inputs):
        flat = tf.reshape(inputs, [-1, inputs.shape[-1]])
        codes = self.nearest(flat)
        quantized = tf.reshape(tf.gather(self.codebook, codes), tf.shape(inputs))
        self.add_loss(tf.reduce_mean((tf.stop_gradient(inputs) - quantized) ** 2))
        self.add_loss(self.commitment * tf.reduce_mean((inputs - tf.stop_gradient(quantized)) ** 2))
        return straight_through(inputs, quantized)


def signals(n):
    t = np.linspace(0, 1, 32, endpoint=False)
    f = np.random.randint(1, 4, size=(n, 1))
    s = np.sin(2 * np.pi * f * t + np.random.uniform(0, 0.3, size=(n, 1)))
    return s[..., None].astype("float32")


somelayers = tf.keras.Sequential([
    tf.keras.layers.Conv1D(16, 4, strides=2, padding="same", activation="relu"),
    tf.keras.layers.Conv1D(4, 4, strides=2, padding="same"),
], name="encoder")
somemorelayers = tf.keras.Sequential([
    tf.keras.layers.Conv1DTranspose(16, 4, strides=2, padding="same", activation="relu"),
    tf.keras.layers.Conv1DTranspose(1, 4, strides=2, padding="same"),
], name="decoder")

x_in = tf.keras.Input((32, 1))
z = somelayers(x_in)
vq = VectorQuantization(8, name="vq")
mymodel = tf.keras.Model(x_in, somemorelayers(vq(z)))
mymodel.compile(optimizer=tf.keras.optimizers.Adam(5e-3), loss="mse")

x = signals(192)
hist = mymodel.fit(x, x, batch_size=32, epochs=8, verbose=0)
print("loss", [round(v, 4) for v in hist.history["loss"]])

encoder_out = somelayers.predict(x, verbose=0)
used = np.unique(vq.nearest(tf.reshape(encoder_out, [-1, 4])).numpy())
print("codes in use:", used)
