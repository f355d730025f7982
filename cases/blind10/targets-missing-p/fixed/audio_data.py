import numpy as np
import tensorflow as tf

SAMPLE_RATE = 2000
FRAME, HOP = 128, 64


def synth_keywords(n, seed=5):
    """Noisy tones, one base frequency per word."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 4, n)
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tones = np.sin(2 * np.pi * (120 + 150 * words[:, None]) * t[None, :])
    return (tones + 0.3 * rng.normal(size=tones.shape)).astype("float32"), words.astype("int32")


def log_spectrogram(wave):
    mag = tf.abs(tf.signal.stft(wave, FRAME, HOP))
    return tf.math.log(mag + 1e-4)[..., tf.newaxis]


def time_mask(spec, width=4):
    frames = tf.shape(spec)[0]
    start = tf.random.uniform([], 0, frames - width, dtype=tf.int32)
    idx = tf.range(frames)
    keep = tf.cast((idx < start) | (idx >= start + width), spec.dtype)
    return spec * keep[:, None, None]


def for_training(wave, word):
    spec = log_spectrogram(wave)
    # SpecAugment style masking, time axis only
    return time_mask(spec), word


def for_validation(wave, word):
    return log_spectrogram(wave), word


def build_pipeline(clips, words, batch, training):
    ds = tf.data.Dataset.from_tensor_slices((clips, words))
    if training:
        ds = ds.shuffle(len(clips), seed=1)
    ds = ds.map(for_training if training else for_validation)
    return ds.batch(batch).prefetch(1)
