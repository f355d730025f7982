import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, Sequential
from tensorflow.keras.layers import BatchNormalization, Conv1D, Dense, Flatten, Input, ReLU, Reshape

tf.keras.utils.set_random_seed(10)
LENGTH, CHANNELS = 12, 3


def make_map_model():
    """Maps the signals of one instrument to the space of the other."""
    inp = Input((LENGTH, CHANNELS))
    x = ReLU()(BatchNormalization()(Conv1D(8, 3, padding="same", use_bias=False)(inp)))
    x = ReLU()(BatchNormalization()(Conv1D(8, 3, padding="same", use_bias=False)(x)))
    return Model(inp, Conv1D(CHANNELS, 1)(x), name="map_model")


def make_score_model():
    return Sequential([Input((LENGTH, CHANNELS)), Flatten(), Dense(16, activation="relu"), Dense(1)], name="score_model")


def signals(n, seed):
    rs = np.random.RandomState(seed)
    t = np.linspace(0, 2 * np.pi, LENGTH)
    phase = rs.uniform(0, 2 * np.pi, (n, 1, CHANNELS))
    return np.sin(t[None, :, None] + phase).astype("float32")


def train_score_model(score_model, x, epochs=8):
    score_model.compile("adam", "mse")
    score_model.fit(x, np.square(x).mean((1, 2)) + x[:, 0, 0], epochs=epochs, verbose=0)
    score_model.trainable = False
    return score_model


def train_step(map_model, score_model, optimizer, source, target):
    with tf.GradientTape() as tape:
        mapped = map_model(source, training=True)
        score_loss = tf.reduce_mean(tf.square(score_model(mapped) - score_model(target)))
        loss = tf.reduce_mean(tf.abs(mapped - target)) + 0.1 * score_loss
    grads = tape.gradient(loss, map_model.trainable_variables)
    for g, v in zip(grads, map_model.trainable_variables):
        assert g is not None and float(tf.reduce_max(tf.abs(g))) > 0, v.name
    optimizer.apply_gradients(zip(grads, map_model.trainable_variables))
    return loss


def check_weights_updated(before, variables):
    unchanged = [v.path for w, v in zip(before, variables) if np.array_equal(w, v.numpy())]
    assert not unchanged, unchanged


target = signals(128, 0)
source = (0.5 * target[:, ::-1] + 0.1).astype("float32")
score_model = train_score_model(make_score_model(), target)
map_model = make_map_model()
optimizer = tf.keras.optimizers.Adam(learning_rate=5e-3)

before = [v.numpy() for v in map_model.trainable_variables]
score_before = score_model.get_weights()
dataset = tf.data.Dataset.from_tensor_slices((source, target)).batch(32)
for epoch in range(6):
    losses = [float(train_step(map_model, score_model, optimizer, s, t)) for s, t in dataset]
    print("epoch", epoch, "loss", round(np.mean(losses), 4))
check_weights_updated(before, map_model.trainable_variables)
print("score model untouched:", all(np.array_equal(a, b) for a, b in zip(score_before, score_model.get_weights())))
