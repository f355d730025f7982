"""Time-delay estimation for a microphone array, graph mode (kept in TF1 style for the old pipeline)."""
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

N_MICS, N_SAMPLES, RATE = 4, 400, 1000.0
TRUE_DELAYS = np.array([0.0, 3.2, 5.7, 8.1], dtype=np.float32)


def record(seed=0):
    rng = np.random.RandomState(seed)
    t = np.arange(N_SAMPLES) / RATE
    freqs, phases = rng.uniform(5, 18, 5), rng.uniform(0, 6.28, 5)

    def source(time):
        return sum(np.sin(2 * np.pi * f * time + p) for f, p in zip(freqs, phases))

    mics = np.stack([source(t - d / RATE) for d in TRUE_DELAYS])
    return (mics + 0.02 * rng.randn(*mics.shape)).astype(np.float32)


def advance(signal, delay):
    """Undo `delay` samples of propagation on one channel."""
    grid = tf.range(N_SAMPLES - 40, dtype=tf.float32) + delay
    grid = tf.clip_by_value(grid, 0.0, N_SAMPLES - 1.001)
    left = tf.floor(grid)
    frac = grid - left
    index = tf.cast(left, tf.int32)
    return (1.0 - frac) * tf.gather(signal, index) + frac * tf.gather(signal, index + 1)


def delay_and_sum(recording, delays):
    aligned = [advance(recording[m], delays[m]) for m in range(N_MICS)]
    return tf.stack(aligned), tf.add_n(aligned) / N_MICS


class Localiser:
    def __init__(self, learning_rate=0.15):
        self.recording = tf.placeholder(tf.float32, [N_MICS, N_SAMPLES], name="recording")
        with tf.variable_scope("array"):
            free = tf.get_variable("delays", [N_MICS - 1], initializer=tf.constant_initializer(4.0))
        self.delays = tf.concat([tf.zeros([1]), free], axis=0)
        aligned, beam = delay_and_sum(self.recording, self.delays)
        self.incoherence = tf.reduce_mean(tf.square(aligned - beam[None, :]))
        self.train_op = tf.train.AdamOptimizer(learning_rate).minimize(self.incoherence)

    def fit(self, recording, steps):
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            for step in range(steps):
                _, loss = sess.run([self.train_op, self.incoherence], {self.recording: recording})
                if step % 20 == 0:
                    print("step %3d incoherence %.5f" % (step, loss))
            return sess.run(self.delays)


if __name__ == "__main__":
    tf.set_random_seed(1)
    estimate = Localiser().fit(record(), steps=80)
    print("true     ", TRUE_DELAYS)
    print("estimate ", np.round(estimate, 2))
