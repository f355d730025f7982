import numpy as np
import tensorflow as tf

HOURS = 24
rng = np.random.RandomState(5)
PRICE = (0.25 + 0.12 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi - 2.0) + 0.02 * rng.rand(HOURS)).astype("float32")
SOLAR = np.clip(3.0 * np.sin((np.arange(HOURS) - 6) / 12 * np.pi), 0, None).astype("float32")
DEMAND = (1.0 + 0.8 * rng.rand(HOURS)).astype("float32")
CAPACITY, MAX_RATE, EFFICIENCY = 6.0, 1.5, 0.92


def battery_level(rate):
    gain = tf.where(rate > 0, rate * EFFICIENCY, rate / EFFICIENCY)
    return 0.5 * CAPACITY + tf.cumsum(gain)


def energy_cost(rate, feed_in_tariff=0.08):
    grid = DEMAND + rate - SOLAR
    buy, sell = tf.nn.relu(grid), tf.nn.relu(-grid)
    return tf.reduce_sum(buy * PRICE - sell * feed_in_tariff)


def limits_penalty(rate):
    level = battery_level(rate)
    over, under = tf.nn.relu(level - CAPACITY), tf.nn.relu(-level)
    too_fast = tf.nn.relu(tf.abs(rate) - MAX_RATE)
    end = tf.nn.relu(0.5 * CAPACITY - level[-1])
    return tf.reduce_sum(over ** 2 + under ** 2 + too_fast ** 2) + end ** 2


def wear(rate):
    # every change of direction wears the battery
    return tf.reduce_sum(tf.abs(rate[1:] - rate[:-1])) * 0.005


def schedule_loss(schedule):
    rate = tf.reshape(schedule, [HOURS])
    return energy_cost(rate) + 2.0 * limits_penalty(rate) + wear(rate)


def to_rates(weights):
    """(4, 6) table, a row for every part of the day, in kW"""
    return tf.reshape(weights, [4, 6]) * MAX_RATE


def optimise(steps=150, learning_rate=0.02):
    weights = tf.Variable(tf.zeros([4, 6]), name="Variable")
    opt = tf.keras.optimizers.Adam(learning_rate)
    for step in range(steps):
        with tf.GradientTape() as tape:
            loss = schedule_loss(to_rates(weights))
        grads = tape.gradient(loss, [weights])
        opt.apply_gradients(zip(grads, [weights]))
        if step % 50 == 0:
            print("step %3d  loss %.4f" % (step, float(loss)))
    return weights


if __name__ == "__main__":
    best = optimise()
    rates = to_rates(best)
    print("cost without battery %.3f, with battery %.3f" % (
        float(energy_cost(tf.zeros([HOURS]))), float(energy_cost(tf.reshape(rates, [HOURS])))))
    for part, row in zip(("night", "morning", "afternoon", "evening"), np.round(rates, 2)):
        print("%-10s" % part, row)
