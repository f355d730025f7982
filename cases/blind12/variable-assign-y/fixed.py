import numpy as np
import tensorflow as tf
from tensorflow import keras

# Learning to reweight examples, damage / no damage patches. Training labels are noisy, a few clean ones are at hand.
batch_size = 20
tf.random.set_seed(0)
rng = np.random.RandomState(0)

X = rng.normal(size=(200, 10)).astype("float32")
y_clean = (X[:, 0] + X[:, 1] > 0).astype("float32")[:, None]
y_noisy = np.where(rng.rand(200, 1) < 0.3, 1 - y_clean, y_clean).astype("float32")
Xf_all, yf_all = X[:160], y_noisy[:160]
Xg_all, yg_all = tf.constant(X[160:]), tf.constant(y_clean[160:])

damage_classifier_model = keras.Sequential([
    keras.Input((10,)),
    keras.layers.Dense(16, activation="relu"),
    keras.layers.Dense(1, activation="sigmoid"),
])
damage_classifier_model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")
inner_lr = 0.1


def bce(y, p):
    return keras.losses.binary_crossentropy(y, p)


def example_weights(Xf, yf, Xg, yg):
    """Weights of the examples of a batch: how much each of them helps on the clean set."""
    model = damage_classifier_model
    trainable_vars = model.trainable_variables
    epsilon = tf.Variable(tf.zeros([batch_size]), dtype=tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        yf_hat = model(Xf)
        loss_f = bce(yf, yf_hat)
        Lf = tf.reduce_sum(loss_f * epsilon)
        delta_theta = tape.gradient(Lf, trainable_vars)
        updated_vars = [v - inner_lr * g for v, g in zip(trainable_vars, delta_theta)]
        yg_hat, _ = model.stateless_call(updated_vars, model.non_trainable_variables, Xg)
        Lg = tf.reduce_mean(bce(yg, yg_hat))
    delta_epsilon = tape.gradient(Lg, epsilon)
    del tape
    w = tf.maximum(-delta_epsilon, 0.0)
    return w / (tf.reduce_sum(w) + 1e-8)


def train_batch(Xf, yf):
    model = damage_classifier_model
    w = example_weights(Xf, yf, Xg_all, yg_all)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(w * bce(yf, model(Xf, training=True)))
    grads = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return float(loss)


dataset = tf.data.Dataset.from_tensor_slices((Xf_all, yf_all)).batch(batch_size, drop_remainder=True)
for epoch in range(3):
    losses = [train_batch(Xf, yf) for Xf, yf in dataset]
    acc = np.mean((damage_classifier_model(Xg_all).numpy() > 0.5) == yg_all.numpy())
    print("epoch", epoch, "loss", round(float(np.mean(losses)), 4), "clean accuracy", round(float(acc), 3))
