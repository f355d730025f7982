import keras
import tensorflow as tf


class Distiller(keras.Model):
    def __init__(self, student, teacher, temperature, alpha):
        super().__init__()
        self.student, self.teacher = student, teacher
        self.teacher.trainable = False
        self.temperature, self.alpha = temperature, alpha
        self.hard = keras.metrics.Mean(name="hard")
        self.soft = keras.metrics.Mean(name="soft")
        self.ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def call(self, x, training=False):
        return self.student(x, training=training)

    def train_step(self, data):
        x, y = data
        # soft labels, no tape needed for the big network
        wisdom = tf.nn.softmax(self.teacher(x, training=False) / self.temperature)
        with tf.GradientTape() as tape:
            logits = self.student(x, training=True)
            hard = self.ce(y, logits)
            log_p = tf.nn.log_softmax(logits / self.temperature)
            soft = -tf.reduce_mean(tf.reduce_sum(wisdom * log_p, axis=-1))
            total = self.alpha * hard + (1.0 - self.alpha) * self.temperature ** 2 * soft
        self.optimizer.apply(tape.gradient(total, self.student.trainable_variables), self.student.trainable_variables)
        self.hard.update_state(hard)
        self.soft.update_state(soft)
        return {"hard": self.hard.result(), "soft": self.soft.result()}
