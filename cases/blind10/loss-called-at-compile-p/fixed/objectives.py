"""Losses for small lesions. All take (truth, prob) of shape (B, H, W, 1)."""
from functools import partial

import tensorflow as tf


def tversky(truth, prob, alpha=0.3, beta=0.7, smooth=1.0):
    truth, prob = tf.cast(truth, tf.float32), tf.cast(prob, tf.float32)
    tp = tf.reduce_sum(truth * prob)
    fp = tf.reduce_sum((1.0 - truth) * prob)
    fn = tf.reduce_sum(truth * (1.0 - prob))
    return 1.0 - (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)


def balanced_bce(truth, prob):
    share = tf.reduce_mean(truth)
    prob = tf.clip_by_value(prob, 1e-6, 1 - 1e-6)
    ll = (1 - share) * truth * tf.math.log(prob) + share * (1 - truth) * tf.math.log(1 - prob)
    return -tf.reduce_mean(ll)


# recall matters more than precision here
OBJECTIVES = {
    "bce": balanced_bce,
    "tversky": partial(tversky, alpha=0.2, beta=0.8),
}
