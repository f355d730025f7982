"""Keyword spotting on synthetic clips: small 1D conv encoder + linear classifier."""
import argparse

import numpy as np
import tensorflow as tf
from tensorflow import keras

KEYWORDS = ["yes", "no", "stop", "go"]
SR = 800


def synth_clips(n, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(KEYWORDS), n)
    t = np.arange(SR) / SR
    freqs = 30.0 + 25.0 * labels[:, None]
    clips = np.sin(2 * np.pi * freqs * t[None, :] + rng.uniform(0, 6.28, (n, 1)))
    clips += 0.2 * rng.normal(size=clips.shape)
    return clips[..., None].astype("float32"), labels.astype("int32")


def make_encoder(width):
    return keras.Sequential(
        [
            keras.Input((SR, 1)),
            keras.layers.Conv1D(width, 32, strides=8, activation="relu", name="front"),
            keras.layers.Conv1D(2 * width, 8, strides=4, activation="relu", name="mid"),
            keras.layers.GlobalAveragePooling1D(),
        ],
        name="encoder",
    )


def batches(dataset, training):
    """Yield (clip, label) pairs so that train and eval share one code path."""
    for wav, lab in dataset:
        gain = tf.random.uniform([tf.shape(wav)[0], 1, 1], 0.8, 1.2) if training else 1.0
        yield wav * gain, lab


def accuracy(dataset, encoder, head):
    hits, total = 0, 0
    for wav, lab in batches(dataset, training=False):
        pred = np.argmax(head(encoder(wav, training=False)).numpy(), axis=1)
        hits += int((pred == lab.numpy()).sum())
        total += len(pred)
    return hits / total


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=4)
    ap.add_argument("--width", type=int, default=8)
    ap.add_argument("--lr", type=float, default=3e-3)
    args = ap.parse_args()

    tf.random.set_seed(3)
    keras.utils.set_random_seed(3)
    x, y = synth_clips(256, 0)
    xv, yv = synth_clips(64, 1)
    train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(256, seed=1).batch(32)
    valid = tf.data.Dataset.from_tensor_slices((xv, yv)).batch(32)

    encoder = make_encoder(args.width)
    head = keras.layers.Dense(len(KEYWORDS), name="classifier")
    head.build((None, 2 * args.width))
    params = encoder.trainable_variables + head.trainable_variables
    opt = keras.optimizers.Adam(args.lr)
    xent = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    for epoch in range(args.epochs):
        running = []
        for wav, lab in batches(train, training=True):
            with tf.GradientTape() as tape:
                emb = encoder(wav, training=True)
                loss = xent(lab, head(emb))
            grads = tape.gradient(loss, params)
            opt.apply_gradients(zip(grads, params))
            running.append(float(loss))
        print(f"epoch {epoch} loss {np.mean(running):.4f} val_acc {accuracy(valid, encoder, head):.3f}")


if __name__ == "__main__":
    main()
