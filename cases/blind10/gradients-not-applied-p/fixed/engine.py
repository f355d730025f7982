import numpy as np
import tensorflow as tf


class Trainer:
    def __init__(self, model, hp):
        self.model = model
        self.clip = hp["clip"]
        self.optimizer = tf.keras.optimizers.Adam(hp["lr"])

    def loss(self, words, tags, logits):
        mask = tf.cast(words > 0, tf.float32)
        ce = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tags, logits=logits)
        return tf.reduce_sum(ce * mask) / tf.reduce_sum(mask)

    def backward(self, words, tags):
        with tf.GradientTape() as tape:
            logits = self.model(words, training=True)
            loss = self.loss(words, tags, logits)
        grads = tape.gradient(loss, self.model.trainable_variables)
        grads, norm = tf.clip_by_global_norm(grads, self.clip)
        return loss, logits, grads, norm

    def step(self, words, tags):
        loss, logits, grads, norm = self.backward(words, tags)
        self.optimizer.apply_gradients(zip(grads, self.model.trainable_variables))
        mask = words > 0
        hit = tf.cast(tf.argmax(logits, -1, output_type=tf.int32) == tags, tf.float32)
        return {"loss": loss, "norm": norm, "acc": tf.reduce_mean(tf.boolean_mask(hit, mask))}

    def run_epoch(self, batches):
        logs = [self.step(w, t) for w, t in batches]
        return {k: float(np.mean([float(l[k]) for l in logs])) for k in logs[0]}
