import numpy as np
import tensorflow as tf
from tensorflow import keras

NUM_CLASSES = 3
LOSS = "categorical_crossentropy"

keras.utils.set_random_seed(8)

model = keras.Sequential([
    keras.layers.Input((12, 1)),
    keras.layers.Conv1D(16, 3, activation="relu"),
    keras.layers.GlobalAveragePooling1D(),
    keras.layers.Dense(16, activation="relu"),
    keras.layers.Dense(NUM_CLASSES, activation="softmax"),
])
optimizer = keras.optimizers.Adam(0.01)


def load_waves(n=256):
    y = np.random.randint(0, NUM_CLASSES, n)
    t = np.arange(12)[None, :] + np.random.rand(n, 1) * 6
    x = np.sin(t * (0.4 + 0.7 * y[:, None])) * (1 + y[:, None])
    return x[..., None].astype("float32"), y.astype("float32")


def get_loss_fn(name):
    return keras.losses.get(name)


def train_step(x_batch_train, y_batch_train, loss_name=LOSS):
    loss_fn = get_loss_fn(loss_name)
    with tf.GradientTape() as tape:
        logits = model(x_batch_train, training=True)
        if loss_name == "categorical_crossentropy":
            prediction = tf.cast(tf.argmax(logits, axis=-1), y_batch_train.dtype)
            loss_value = loss_fn(y_batch_train, prediction)
        else:
            loss_value = tf.reduce_mean(loss_fn(y_batch_train, logits))
    grads = tape.gradient(loss_value, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    return loss_value


x, y = load_waves()
train_dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
for epoch in range(8):
    for step, (x_batch_train, y_batch_train) in enumerate(train_dataset):
        loss_value = train_step(x_batch_train, y_batch_train)
    print("epoch", epoch, "loss", float(loss_value))
