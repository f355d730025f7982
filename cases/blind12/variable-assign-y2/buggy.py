import numpy as np
import tensorflow as tf


class WeightNorm(tf.keras.layers.Wrapper):
    """Decouples the magnitude of a weight tensor from its direction (Salimans & Kingma, 2016)."""

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)
        self.layer_depth = int(self.layer.kernel.shape[-1])
        self.norm_axes = list(range(len(self.layer.kernel.shape) - 1))
        self.v = self.layer.kernel
        self.g = self.add_weight(name="g", shape=(self.layer_depth,), initializer="ones", trainable=True)
        self.built = True

    def _compute_weights(self):
        """Generate weights by combining direction and norm."""
        kernel = tf.nn.l2_normalize(self.v, axis=self.norm_axes) * self.g
        self.layer.kernel.assign(kernel)

    def call(self, inputs):
        self._compute_weights()
        return self.apply_layer(inputs)

    def apply_layer(self, inputs):
        return self.layer(inputs)


class ConvNet(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.conv1 = WeightNorm(tf.keras.layers.Conv2D(6, 3, activation="relu"))
        self.conv2 = WeightNorm(tf.keras.layers.Conv2D(8, 3, activation="relu"))
        self.flat = tf.keras.layers.Flatten()
        self.out = WeightNorm(tf.keras.layers.Dense(4))

    def call(self, x):
        return self.out(self.flat(self.conv2(self.conv1(x))))


tf.random.set_seed(5)
rs = np.random.RandomState(5)
x_train = rs.rand(96, 8, 8, 1).astype("float32")
y_train = (x_train[:, :4, :4].mean((1, 2, 3)) > 0.5) * 2 + (x_train[:, 4:, 4:].mean((1, 2, 3)) > 0.5)

model = ConvNet()
model.compile(optimizer=tf.keras.optimizers.Adam(0.005),
              loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(x_train, y_train.astype("int32"), batch_size=16, epochs=4, verbose=2)
print("g of conv1:", model.conv1.g.numpy().round(4))
