import numpy as np
import tensorflow as tf

# meta-SGD: learn one step size per weight tensor of the learner
N_WAY, K_SHOT, DIM = 3, 5, 8
rng = np.random.default_rng(0)


def make_learner():
    return tf.keras.Sequential([
        tf.keras.layers.Input((DIM,)),
        tf.keras.layers.Dense(16, activation="relu"),
        tf.keras.layers.Dense(N_WAY, activation="softmax"),
    ])


def sample_batch():
    centers = rng.normal(size=(N_WAY, DIM)) * 2

    def split():
        y = np.repeat(np.arange(N_WAY), K_SHOT)
        x = centers[y] + rng.normal(size=(len(y), DIM)) * 0.3
        return {"X": tf.constant(x, tf.float32), "y": tf.one_hot(y, N_WAY)}

    return {"train": split(), "test": split()}


learner = make_learner()
init_weights = learner.get_weights()
l = [tf.Variable(0.1, name=f"lr_{i}") for i in range(len(init_weights))]
meta_optimizer = tf.keras.optimizers.Adam(0.05)


def meta_step(batch):
    learner.set_weights(init_weights)
    with tf.GradientTape() as gt:
        with tf.GradientTape() as inner:
            y_pred = learner(batch["train"]["X"])
            train_loss = tf.reduce_mean(
                tf.keras.losses.categorical_crossentropy(batch["train"]["y"], y_pred))
        inner_grads = inner.gradient(train_loss, learner.trainable_variables)

        new_weights = [w - lr * g for w, lr, g in zip(learner.trainable_variables, l, inner_grads)]

        y_pred, _ = learner.stateless_call(new_weights, [], batch["test"]["X"])
        loss = tf.reduce_mean(tf.keras.losses.categorical_crossentropy(batch["test"]["y"], y_pred))
    grads = gt.gradient(loss, l)
    meta_optimizer.apply_gradients(zip(grads, l))
    return loss


for it in range(15):
    loss = meta_step(sample_batch())
    if it % 5 == 0:
        print(it, "meta loss", float(loss), "step sizes", [round(float(v), 3) for v in l])
