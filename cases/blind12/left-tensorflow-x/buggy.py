import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

tf.keras.utils.set_random_seed(31)
NUM_CLASSES = 4


def blobs(n):
    y = np.random.randint(0, NUM_CLASSES, n)
    x = np.random.rand(n, 16, 16, 1).astype('float32') * 0.3
    for i, c in enumerate(y):
        r, s = divmod(c, 2)
        x[i, 8 * r + 1:8 * r + 7, 8 * s + 1:8 * s + 7] += 0.6
    return x, y


def train_classifier():
    model = tf.keras.Sequential([
        layers.Input((16, 16, 1)),
        layers.Conv2D(8, 3, strides=2, activation='relu'),
        layers.Flatten(),
        layers.Dense(NUM_CLASSES, activation='softmax'),
    ])
    model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
    x, y = blobs(256)
    model.fit(x, y, epochs=8, verbose=0)
    print('clean accuracy', model.evaluate(x, y, verbose=0)[1])
    return model


def margin_loss(label, pred, kappa=0.1):
    """how far the best other class is behind the true one"""
    pred = pred.numpy()
    true_score = pred[np.arange(len(pred)), label]
    others = pred.copy()
    others[np.arange(len(pred)), label] = -1.0
    margin = np.maximum(true_score - others.max(axis=1), -kappa)
    return tf.convert_to_tensor(-margin.mean())


def input_gradient(model, image, label):
    image = tf.convert_to_tensor(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        pred = model(image)
        loss = margin_loss(label, pred)
    print('loss', float(loss))
    return tape.gradient(loss, image)


def attack(model, image, label, eps=0.03, steps=8):
    adv = image
    for _ in range(steps):
        grad = input_gradient(model, adv, label)
        adv = np.clip(adv + eps * tf.sign(grad).numpy(), 0, 1)
    return adv


model = train_classifier()
image, label = blobs(32)
adv = attack(model, image, label)
before = np.mean(np.argmax(model.predict(image, verbose=0), axis=1) == label)
after = np.mean(np.argmax(model.predict(adv, verbose=0), axis=1) == label)
print('accuracy before', before, 'after', after)
