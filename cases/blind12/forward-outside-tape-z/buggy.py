import time

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(11)
np.random.seed(11)

BATCH_SIZE = 16
EPOCHS = 3

# images of 20x20 pixels, 4 kinds of strokes
n = 64
labels_np = np.random.randint(0, 4, size=n)
images_np = 0.1 * np.random.rand(n, 20, 20, 1).astype("float32")
for i, k in enumerate(labels_np):
    if k < 2:
        images_np[i, 5 + 8 * k] += 1.0
    else:
        images_np[i, :, 5 + 8 * (k - 2)] += 1.0

train_dataset = tf.data.Dataset.from_tensor_slices(images_np).batch(BATCH_SIZE)
train_labels_dataset = tf.data.Dataset.from_tensor_slices(
    tf.one_hot(labels_np, 4)).batch(BATCH_SIZE)


class CNNModel(tf.keras.Model):
    def __init__(self):
        super(CNNModel, self).__init__()
        self.conv1 = tf.keras.layers.Conv2D(8, (3, 3), strides=2, activation="relu")
        self.conv2 = tf.keras.layers.Conv2D(16, (3, 3), strides=2, activation="relu")
        self.flatten = tf.keras.layers.Flatten()
        self.d1 = tf.keras.layers.Dense(32, activation="relu")
        self.d2 = tf.keras.layers.Dense(4)

    def call(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        x = self.flatten(x)
        x = self.d1(x)
        return self.d2(x)


model = CNNModel()
cross_entropy = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
cnn_optimizer = tf.keras.optimizers.Adam(1e-3)


@tf.function
def train_step(logits, labels):
    with tf.GradientTape() as cnn_tape:
        loss = cross_entropy(labels, logits)
    gradient_of_cnn = cnn_tape.gradient(loss, model.trainable_variables)
    cnn_optimizer.apply_gradients(zip(gradient_of_cnn, model.trainable_variables))
    return loss


def train(train_dataset, train_labels_dataset, epochs):
    for epoch in range(epochs):
        start = time.time()
        for image_batch, label_batch in zip(train_dataset, train_labels_dataset):
            logits = model(image_batch)
            labels = label_batch
            print("logits->", logits.shape, "labels->", labels.shape)
            loss = train_step(logits, labels)

        print("epoch {} loss {:.4f} ({:.1f} sec)".format(
            epoch + 1, float(loss), time.time() - start))


train(train_dataset, train_labels_dataset, EPOCHS)
