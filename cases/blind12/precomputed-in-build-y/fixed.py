import numpy as np
import tensorflow as tf


class Module(tf.Module):
    def __init__(self, name):
        super().__init__(name=name)
        self.is_train = True

    def train(self):
        self.is_train = True

    def eval(self):
        self.is_train = False

    def __call__(self, inputs):
        return self.forward(inputs)


class Dense(Module):
    def __init__(self, n_units, in_channels, name="dense"):
        super().__init__(name)
        self.W = tf.Variable(tf.random.truncated_normal([in_channels, n_units], stddev=0.2), name="weights")
        self.b = tf.Variable(tf.zeros([n_units]), name="biases")

    def forward(self, inputs):
        return tf.matmul(inputs, self.W) + self.b


class PRelu(Module):
    """Parametric rectified linear unit with the slope kept in (0, 1)."""

    def __init__(self, in_channels, channel_shared=False, name="prelu"):
        super().__init__(name)
        w_shape = (1,) if channel_shared else (in_channels,)
        self.alpha_var = tf.Variable(tf.random.truncated_normal(w_shape, stddev=0.5), name="alpha")

    def forward(self, inputs):
        alpha_var_constrained = tf.nn.sigmoid(self.alpha_var, name="constraining_alpha_var_in_0_1")
        pos = tf.nn.relu(inputs)
        neg = -alpha_var_constrained * tf.nn.relu(-inputs)
        return pos + neg


class DynamicModel(Module):
    def __init__(self):
        super().__init__("dynamic")
        self.dense1 = Dense(24, in_channels=8, name="dense1")
        self.prelu1 = PRelu(24, name="prelu1")
        self.dense2 = Dense(16, in_channels=24, name="dense2")
        self.prelu2 = PRelu(16, channel_shared=True, name="prelu2")
        self.dense3 = Dense(1, in_channels=16, name="dense3")

    def forward(self, x):
        z = self.prelu1(self.dense1(x))
        z = self.prelu2(self.dense2(z))
        return self.dense3(z)


def minibatches(inputs, targets, batch_size, rng):
    order = rng.permutation(len(inputs))
    for start in range(0, len(inputs), batch_size):
        idx = order[start:start + batch_size]
        yield inputs[idx], targets[idx]


if __name__ == "__main__":
    tf.random.set_seed(4)
    rng = np.random.RandomState(4)
    x = rng.normal(size=(160, 8)).astype("float32")
    y = (np.abs(x[:, :1]) + 0.5 * x[:, 1:2]).astype("float32")

    MLP = DynamicModel()
    train_weights = MLP.trainable_variables
    optimizer = tf.keras.optimizers.Adam(learning_rate=0.01)

    MLP.train()
    for epoch in range(6):
        train_loss, n_iter = 0, 0
        for X_batch, y_batch in minibatches(x, y, 32, rng):
            with tf.GradientTape() as tape:
                _loss = tf.reduce_mean(tf.square(MLP(X_batch) - y_batch))
            grad = tape.gradient(_loss, train_weights)
            optimizer.apply_gradients(zip(grad, train_weights))
            train_loss += float(_loss)
            n_iter += 1
        print("epoch", epoch, "train loss", round(train_loss / n_iter, 4))
    MLP.eval()
    print("slopes", tf.nn.sigmoid(MLP.prelu2.alpha_var).numpy())
