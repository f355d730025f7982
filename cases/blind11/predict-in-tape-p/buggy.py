"""Input gradient regularisation ("right for small changes") for a spectrogram classifier."""
import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Conv1D, Dense, GlobalAveragePooling1D, Input

tf.keras.utils.set_random_seed(17)
N_CLASSES = 3


def keras_loss(y_true, y_pred, X, lambda_, model):
    cce = tf.keras.losses.categorical_crossentropy
    X_tensor = tf.convert_to_tensor(X)
    with tf.GradientTape() as inp_tape:
        inp_tape.watch(X_tensor)
        pred = model.predict(X_tensor, batch_size=None, verbose=0)
        inp_grad_reg_loss = cce(y_true, pred)
    inpgrad = inp_tape.gradient(inp_grad_reg_loss, X_tensor)
    penalty = tf.reduce_mean(tf.norm(tf.reshape(inpgrad, [len(X), -1]) + 1e-8, axis=1))
    return tf.reduce_mean(cce(y_true, y_pred)) + lambda_ * penalty, penalty


def loss_wrapper(X, lambda_, model):
    def custom_loss(y_true, y_pred):
        return keras_loss(y_true, y_pred, X, lambda_, model)
    return custom_loss


def tones(n):
    label = np.random.randint(N_CLASSES, size=n)
    t = np.arange(40)
    base = np.array([0.15, 0.35, 0.7])[label][:, None]
    wave = np.sin(base * t + np.random.rand(n, 1) * 6)
    spec = np.stack([wave, wave ** 2, np.abs(np.gradient(wave, axis=1))], -1)
    return (spec + 0.2 * np.random.randn(*spec.shape)).astype("float32"), np.eye(N_CLASSES, dtype="float32")[label]


model2 = tf.keras.Sequential([
    Input((40, 3)),
    Conv1D(12, 5, activation="relu"),
    GlobalAveragePooling1D(),
    Dense(16, activation="relu"),
    Dense(N_CLASSES, activation="softmax"),
])
opt = tf.keras.optimizers.Adam(5e-3)

for epoch in range(8):
    for _ in range(4):
        X, y = tones(32)
        with tf.GradientTape() as tape:
            modloss = loss_wrapper(X, 0.1, model2)
            total, penalty = modloss(y, model2(X, training=True))
        grads = tape.gradient(total, model2.trainable_variables)
        opt.apply_gradients(zip(grads, model2.trainable_variables))
    print("epoch %d loss %.4f |dL/dx| %.4f" % (epoch, float(total), float(penalty)))
