"""Bootstraps a curve from swap quotes by gradient descent."""
import tensorflow as tf

from curves import DiscountCurve
from quotes import MATURITIES, market_quotes


def pricing_error(curve, quotes):
    model = tf.stack([curve.par_rate(n) for n in MATURITIES])
    return tf.reduce_sum(tf.square(1e2 * (model - quotes)))


def calibrate(steps=60, lr=0.05):
    quotes = tf.constant(market_quotes())
    phi = tf.Variable(tf.fill([20], -3.0), name="phi")
    curve = DiscountCurve(phi)
    for step in range(steps):
        with tf.GradientTape() as tape:
            loss = pricing_error(curve, quotes)
        grads = tape.gradient(loss, curve.trainable_variables)
        for v, g in zip(curve.trainable_variables, grads):
            v.assign_sub(lr * g)
        if step % 10 == 0:
            print(f"step {step:3d}  squared error {float(loss):.5f}")
    return curve


if __name__ == "__main__":
    calibrate()
